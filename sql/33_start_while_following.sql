-- The pipelines API refuses to start an update while one is active, and what follows the sources of a CONTINUOUS pipeline
-- is one: clients of that API stop such a pipeline first. sync_now goes on interrupting it.

create or replace function synced_tables._start_update(pipeline_id uuid, full_refresh boolean, selection jsonb, cause text) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  member synced_tables._tables;
  active synced_tables._updates;
  request uuid;
begin
  for member in select * from synced_tables._tables t where t.pipeline_id = _start_update.pipeline_id loop
    perform synced_tables._require_control(member.synced_table, member.created_by, 'sync');
  end loop;
  if not found then
    perform synced_tables._raise('PIPELINE_NOT_FOUND', '42704', format('Pipeline %s does not exist.', coalesce(pipeline_id::text, 'null')),
      'Take a pipeline_id from synced_tables.status.');
  end if;
  perform synced_tables._lock_pipeline(_start_update.pipeline_id);
  select u.* into active from synced_tables._updates u
   where u.pipeline_id = _start_update.pipeline_id and u.state in ('QUEUED', 'RUNNING')
   order by u.mode = 'CONTINUOUS', u.created_at limit 1;
  if found then
    perform synced_tables._raise('UPDATE_IN_PROGRESS', '55006',
      format('Pipeline %s has an update already that has not ended: %s.', _start_update.pipeline_id, active.update_id),
      case active.mode when 'CONTINUOUS' then 'It follows its sources without an end: stop the pipeline, then start it again.'
                       else 'Wait for its end, or stop it.' end);
  end if;
  if selection is null then
    return synced_tables._request_update(_start_update.pipeline_id, full_refresh, cause);
  end if;
  update synced_tables._pipelines p set is_stopped = false where p.pipeline_id = _start_update.pipeline_id and p.is_stopped;
  insert into synced_tables._updates (pipeline_id, full_refresh, requested_by, cause, selection)
  values (_start_update.pipeline_id, false, synced_tables._acting_role(), _start_update.cause, _start_update.selection)
  returning update_id into request;
  return request;
end $$;
comment on function synced_tables._start_update(uuid, boolean, jsonb, text) is
  'Asks for an update of a pipeline unless one is under way, be it one that follows its sources, as the pipelines API does; returns its id.';

do $$
begin
  perform synced_tables._publish_routine('_start_update', 'managers');
end $$;
