-- Updates of some tables of a pipeline, as the pipelines API asks for them.

alter table synced_tables._updates add column selection jsonb;
comment on column synced_tables._updates.selection is
  'Which tables of the pipeline are updated, and which of them wholly: {"refresh": […], "full_refresh": […]} with names as _tables.synced_table has them; null: all.';

-- As before, but an update of a part of a pipeline is never shared by who asks for the whole.
create or replace function synced_tables._request_update(pipeline uuid, full_refresh boolean, cause text default 'USER_ACTION') returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  waiting synced_tables._updates;
begin
  perform synced_tables._lock_pipeline(pipeline);
  update synced_tables._pipelines p set is_stopped = false where p.pipeline_id = pipeline and p.is_stopped;
  select * into waiting from synced_tables._updates u
   where u.pipeline_id = pipeline and u.state = 'QUEUED' and u.mode = 'DEFAULT' and u.selection is null order by u.created_at limit 1;
  -- One that a sidecar begins this very moment may be shared: it reads the source after this request. It is not locked
  -- unless it has to change, so that a caller who leaves his transaction open does not hold the sidecar up.
  if found and (waiting.next_attempt_at is not null or (_request_update.full_refresh and not waiting.full_refresh)) then
    update synced_tables._updates u
       set full_refresh = u.full_refresh or _request_update.full_refresh, next_attempt_at = null
     where u.update_id = waiting.update_id and u.state = 'QUEUED';
    if not found then
      waiting.update_id := null;
    end if;
  end if;
  if waiting.update_id is null then
    insert into synced_tables._updates (pipeline_id, full_refresh, requested_by, cause)
    values (pipeline, _request_update.full_refresh, synced_tables._acting_role(), _request_update.cause) returning * into waiting;
  end if;
  return waiting.update_id;
end $$;

create function synced_tables._start_update(pipeline_id uuid, full_refresh boolean, selection jsonb, cause text) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  member synced_tables._tables;
  active uuid;
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
  -- One that follows its sources makes way for what is asked for.
  select u.update_id into active from synced_tables._updates u
   where u.pipeline_id = _start_update.pipeline_id and u.state in ('QUEUED', 'RUNNING') and u.mode = 'DEFAULT' limit 1;
  if found then
    perform synced_tables._raise('UPDATE_IN_PROGRESS', '55006',
      format('Pipeline %s has an update already that has not ended: %s.', _start_update.pipeline_id, active),
      'Wait for its end, or stop it.');
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
  'Asks for an update of a pipeline unless one is under way, as the pipelines API does; returns its id.';

do $$
begin
  perform synced_tables._publish_routine('_start_update', 'managers');
end $$;
