-- Requests: rows of the queue, and the notification that wakes the sidecars.

-- for: owner
create or replace function synced_tables_internal._notify_request() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_notify('synced_tables_requests', '');
  return null;
end $$;
comment on function synced_tables_internal._notify_request() is 'Wakes the sidecars. Only a hint, because they poll as well.';

-- for: owner
create or replace trigger _updates_notify after insert or update of state, next_attempt_at on synced_tables._updates
  for each row when (new.state = 'QUEUED' and (new.next_attempt_at is null or new.next_attempt_at <= now()))
  execute function synced_tables_internal._notify_request();

-- A request for the whole pipeline never shares an update of only part of it; one for a part shares both, unless it is to
-- rebuild what the waiting one would not.
-- for: sidecar
create or replace function synced_tables_internal._request_update(pipeline uuid, full_refresh boolean, cause text default 'USER_ACTION', selection jsonb default null) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  waiting synced_tables._updates;
  paused timestamptz;
  is_held boolean;
begin
  perform synced_tables_internal._lock_pipeline(pipeline);
  select p.paused_at into paused from synced_tables._pipelines p where p.pipeline_id = pipeline;
  update synced_tables._pipelines p set is_stopped = false where p.pipeline_id = pipeline and p.is_stopped;
  select * into waiting from synced_tables._updates u
   where u.pipeline_id = pipeline and u.state = 'QUEUED' and u.mode = 'DEFAULT'
     and (u.selection = _request_update.selection
          or u.selection is null and (_request_update.selection is null or u.full_refresh or _request_update.selection -> 'full_refresh' = '[]'))
   order by u.created_at limit 1;
  -- An update that a sidecar is just starting may be shared: it reads the source after this request. It is locked only if
  -- it must change, so that a caller who leaves a transaction open does not block the sidecar.
  is_held := found and synced_tables_internal._waits_for_resume(paused, waiting.cause)
             and not synced_tables_internal._waits_for_resume(paused, _request_update.cause);
  if is_held or waiting.next_attempt_at is not null or (_request_update.full_refresh and not waiting.full_refresh) then
    update synced_tables._updates u
       set full_refresh = u.full_refresh or _request_update.full_refresh, next_attempt_at = null,
           cause = case when is_held then _request_update.cause else u.cause end
     where u.update_id = waiting.update_id and u.state = 'QUEUED';
    if not found then
      waiting.update_id := null;
    end if;
  end if;
  if waiting.update_id is null then
    insert into synced_tables._updates (pipeline_id, full_refresh, requested_by, cause, selection)
    values (pipeline, _request_update.full_refresh, synced_tables_internal._acting_role(), _request_update.cause, _request_update.selection)
    returning * into waiting;
  end if;
  return waiting.update_id;
end $$;
comment on function synced_tables_internal._request_update(uuid, boolean, text, jsonb) is
  'The update of a pipeline, or of some of its tables, that has not started yet; queued if there is none. An update waiting for its next attempt becomes due, a stopped pipeline runs again.';

-- for: owner
create or replace function synced_tables_internal._require_idle(pipeline uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  active synced_tables._updates;
begin
  perform synced_tables_internal._lock_pipeline(pipeline);
  select u.* into active from synced_tables._updates u
   where u.pipeline_id = pipeline and u.state in ('QUEUED', 'RUNNING')
   order by u.mode = 'CONTINUOUS', u.created_at limit 1;
  if found then
    perform synced_tables_internal._raise('UPDATE_IN_PROGRESS', '55006',
      format('Pipeline %s already has an update that has not ended: %s.', pipeline, active.update_id),
      case active.mode when 'CONTINUOUS' then 'It follows its sources continuously: stop the pipeline, then start it again.'
                       else 'Wait for it to end, or stop it.' end);
  end if;
end $$;
comment on function synced_tables_internal._require_idle(uuid) is
  'Refuses while an update of a pipeline waits or runs, including one that follows its sources, and blocks new requests until the transaction ends.';
