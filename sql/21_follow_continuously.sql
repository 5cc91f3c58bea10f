-- CONTINUOUS pipelines: an update of mode CONTINUOUS, the follower, runs until something else is asked of its pipeline.
-- It is claimed, leased, fenced and taken over like every update.

alter table synced_tables._pipelines
  add column is_stopped boolean not null default false,
  add column trigger_interval_ms integer
    constraint _pipelines_trigger_interval_ms_check check (trigger_interval_ms between 10 and 3600000);
comment on column synced_tables._pipelines.is_stopped is 'Whether somebody stopped a CONTINUOUS pipeline; the next request for an update makes it run again.';
comment on column synced_tables._pipelines.trigger_interval_ms is 'How often a CONTINUOUS pipeline looks for commits; null: as the sidecar''s settings say.';

alter table synced_tables._updates
  add column mode text not null default 'DEFAULT' constraint _updates_mode_check check (mode in ('DEFAULT', 'CONTINUOUS'));
comment on column synced_tables._updates.mode is 'DEFAULT: ends when the tables are up to date. CONTINUOUS: follows the source until another update is asked for.';
create unique index _updates_follower_key on synced_tables._updates (pipeline_id)
  where mode = 'CONTINUOUS' and state in ('QUEUED', 'RUNNING');

alter table synced_tables._table_updates
  add column batches bigint,
  add column failed_attempts integer,
  add column next_attempt_at timestamptz;
comment on column synced_tables._table_updates.batches is 'Commits of an update that follows its source; its counts are sums over them.';
comment on column synced_tables._table_updates.failed_attempts is 'Failures in a row that may pass by themselves; null when the last attempt succeeded.';
comment on column synced_tables._table_updates.next_attempt_at is 'When the table is tried again although the update goes on.';

alter table synced_tables._tables add column is_failed boolean not null default false;
comment on column synced_tables._tables.is_failed is 'Whether the last update failed in a way that does not pass by itself: followers leave the table out until an update succeeds.';

create or replace view synced_tables.updates with (security_barrier = true) as
  select u.update_id,
         coalesce(r.synced_table, t.synced_table) as synced_table,
         u.pipeline_id,
         u.cause,
         u.full_refresh,
         coalesce(r.state, u.state) as state,
         r.method,
         r.synced_version,
         r.rows_written,
         r.rows_deleted,
         r.rows_without_key,
         r.rows_with_stripped_characters,
         r.load_seconds,
         r.switch_ms,
         coalesce(r.error_code, u.error_code) as error_code,
         coalesce(r.message, u.message) as message,
         coalesce(r.remedy, u.remedy) as remedy,
         u.attempt,
         coalesce(r.next_attempt_at, u.next_attempt_at) as next_attempt_at,
         u.requested_by,
         u.created_at,
         coalesce(r.started_at, u.started_at) as started_at,
         coalesce(r.finished_at, u.finished_at) as finished_at,
         u.mode,
         r.batches,
         r.failed_attempts
    from synced_tables._updates u
    left join synced_tables._table_updates r using (update_id)
    -- An update that has not come to its tables yet is shown with those it is for.
    left join synced_tables._tables t
      on t.table_id = r.table_id or (r.table_id is null and t.pipeline_id = u.pipeline_id and u.state in ('QUEUED', 'RUNNING'))
   where synced_tables._may_control(u.requested_by) or synced_tables._may_see(t.created_by, t.relation);
comment on column synced_tables.updates.mode is 'CONTINUOUS: follows the source until another update is asked for; its counts grow meanwhile.';
comment on column synced_tables.updates.batches is 'How often an update of mode CONTINUOUS has committed.';
comment on column synced_tables.updates.failed_attempts is 'Failures in a row that may pass by themselves; the next attempt is at next_attempt_at.';

create function synced_tables._queue_follower(pipeline uuid) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into synced_tables._updates (pipeline_id, mode, requested_by)
  select p.pipeline_id, 'CONTINUOUS', p.created_by
    from synced_tables._pipelines p
   where p.pipeline_id = pipeline and p.scheduling_policy = 'CONTINUOUS' and not p.is_stopped
     and exists (select from synced_tables._tables t
                  where t.pipeline_id = p.pipeline_id and t.relation is not null and not t.is_failed)
     and not exists (select from synced_tables._updates u where u.pipeline_id = p.pipeline_id and u.state in ('QUEUED', 'RUNNING'))
  on conflict (pipeline_id) where mode = 'CONTINUOUS' and state in ('QUEUED', 'RUNNING') do nothing;
  return found;
end $$;
comment on function synced_tables._queue_follower(uuid) is
  'Lets a CONTINUOUS pipeline follow its sources, unless it is stopped, has nothing to follow, or an update runs or waits. True if it queued an update.';

create function synced_tables._release_pipeline(pipeline uuid, holder uuid, epoch bigint) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update synced_tables._pipelines p set lease_holder = null, lease_expires_at = null
   where p.pipeline_id = pipeline and p.lease_holder = holder and p.lease_epoch = epoch;
  if not found then
    return false;
  end if;
  perform synced_tables._queue_follower(pipeline);
  return true;
end $$;
comment on function synced_tables._release_pipeline(uuid, uuid, bigint) is 'Gives a lease back; false if it is the caller''s no longer.';

create function synced_tables._finish_update(update_id uuid, pipeline uuid, holder uuid, epoch bigint, state text,
                                             error_code text, message text, remedy text, sql_state text) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform from synced_tables._pipelines p
    where p.pipeline_id = pipeline and p.lease_holder = holder and p.lease_epoch = epoch for no key update;
  if not found then
    return false;
  end if;
  update synced_tables._updates u
     set state = _finish_update.state, finished_at = clock_timestamp(), error_code = _finish_update.error_code,
         message = _finish_update.message, remedy = _finish_update.remedy, sql_state = _finish_update.sql_state
   where u.update_id = _finish_update.update_id and u.state = 'RUNNING';
  -- Of one that followed its sources: each batch left them as they are.
  update synced_tables._table_updates r
     set state = 'COMPLETED', finished_at = clock_timestamp(), next_attempt_at = null
   where r.update_id = _finish_update.update_id and r.state = 'RUNNING';
  return synced_tables._release_pipeline(pipeline, holder, epoch);
end $$;
comment on function synced_tables._finish_update(uuid, uuid, uuid, bigint, text, text, text, text, text) is
  'Ends a claimed update and gives its lease back in one step, so that whoever is woken by it can go on at once.';

create function synced_tables._requeue_update(update_id uuid, pipeline uuid, holder uuid, epoch bigint, delay_seconds double precision,
                                              counts_as_attempt boolean) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform from synced_tables._pipelines p
    where p.pipeline_id = pipeline and p.lease_holder = holder and p.lease_epoch = epoch for no key update;
  if not found then
    return false;
  end if;
  update synced_tables._updates u
     set state = 'QUEUED', attempt = u.attempt - (not counts_as_attempt)::int,
         next_attempt_at = case when delay_seconds > 0 then clock_timestamp() + make_interval(secs => delay_seconds) end
   where u.update_id = _requeue_update.update_id and u.state = 'RUNNING';
  update synced_tables._table_updates r set state = 'QUEUED', started_at = null
   where r.update_id = _requeue_update.update_id and r.state = 'RUNNING';
  return synced_tables._release_pipeline(pipeline, holder, epoch);
end $$;
comment on function synced_tables._requeue_update(uuid, uuid, uuid, bigint, double precision, boolean) is
  'Puts a claimed update back and gives its lease back in one step.';

-- With a cause, and without followers: those are nobody's request.
drop function synced_tables._request_update(uuid, boolean);

create function synced_tables._request_update(pipeline uuid, full_refresh boolean, cause text default 'USER_ACTION') returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  waiting synced_tables._updates;
begin
  perform synced_tables._lock_pipeline(pipeline);
  update synced_tables._pipelines p set is_stopped = false where p.pipeline_id = pipeline and p.is_stopped;
  select * into waiting from synced_tables._updates u
   where u.pipeline_id = pipeline and u.state = 'QUEUED' and u.mode = 'DEFAULT' order by u.created_at limit 1;
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
comment on function synced_tables._request_update(uuid, boolean, text) is
  'The update of a pipeline that has not begun yet; queued when there is none. One that waits for its next attempt becomes due, a stopped pipeline runs again.';
revoke execute on function synced_tables._request_update(uuid, boolean, text) from public;

create or replace function synced_tables._update_outcome(update_id uuid)
returns table (state text, error_code text, message text, remedy text, sql_state text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  -- One that follows its sources has no end to wait for: it counts as done when it runs.
  select case when u.mode = 'CONTINUOUS' and u.state = 'RUNNING' then 'COMPLETED' else u.state end,
         u.error_code, u.message, u.remedy, u.sql_state
    from synced_tables._updates u
   where u.update_id = _update_outcome.update_id
     and (synced_tables._may_control(u.requested_by)
          or exists (select from synced_tables._tables t where t.pipeline_id = u.pipeline_id
                                                        and synced_tables._may_see(t.created_by, t.relation))
          or exists (select from synced_tables._table_updates r join synced_tables._tables t using (table_id)
                      where r.update_id = u.update_id and synced_tables._may_see(t.created_by, t.relation)))
$$;

create function synced_tables.stop_pipeline(pipeline_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._pipelines;
  member synced_tables._tables;
  reason text;
begin
  select * into wanted from synced_tables._pipelines p where p.pipeline_id = stop_pipeline.pipeline_id;
  if not found then
    perform synced_tables._raise('PIPELINE_NOT_FOUND', '42704',
      format('Pipeline %s does not exist.', coalesce(stop_pipeline.pipeline_id::text, 'null')),
      'Take a pipeline_id from synced_tables.status.');
  end if;
  for member in select * from synced_tables._tables t where t.pipeline_id = wanted.pipeline_id loop
    perform synced_tables._require_control(member.synced_table, member.created_by, 'stop the pipeline of');
  end loop;
  perform synced_tables._lock_pipeline(wanted.pipeline_id);
  if wanted.is_stopped or wanted.scheduling_policy <> 'CONTINUOUS' and not exists (
       select from synced_tables._updates u where u.pipeline_id = wanted.pipeline_id and u.state in ('QUEUED', 'RUNNING')) then
    return;
  end if;
  -- Waits for a commit that is under way, then lets none pass: the lease is nobody's any more.
  perform from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id for update;
  update synced_tables._pipelines p
     set is_stopped = p.scheduling_policy = 'CONTINUOUS', lease_holder = null, lease_expires_at = null, lease_epoch = p.lease_epoch + 1
   where p.pipeline_id = wanted.pipeline_id;
  reason := format('Pipeline %s was stopped by %I.', wanted.pipeline_id, synced_tables._acting_role());
  perform synced_tables._cancel_updates(wanted.pipeline_id, 'UPDATE_CANCELED', reason);
  update synced_tables._tables t
     set state = case when t.relation is null then 'SYNCED_TABLE_OFFLINE_FAILED'
                      when t.is_failed then t.state
                      when wanted.scheduling_policy = 'CONTINUOUS' then 'SYNCED_TABLE_ONLINE'
                      else 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE' end,
         message = case when t.is_failed then t.message else reason || ' Ask for an update with synced_tables.sync_now to go on.' end,
         rows_done = null, rows_total = null
   where t.pipeline_id = wanted.pipeline_id;
  perform synced_tables._record_event('INFO', 'pipeline_stopped', null, wanted.pipeline_id, null, reason);
  perform pg_notify('synced_tables_requests', '');
end $$;
comment on function synced_tables.stop_pipeline(uuid) is
  'Cancels what a pipeline does or has to do, and keeps a CONTINUOUS one from following its sources until sync_now. The tables keep serving what they have. For the creators of its tables, their managers and databricks_superuser.';

create function synced_tables.set_trigger_interval(synced_table text, trigger_interval_ms integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables._find_table(synced_table);
begin
  if wanted.table_id is null then
    perform synced_tables._raise_unknown_table(synced_table);
  end if;
  perform synced_tables._require_control(wanted.synced_table, wanted.created_by, 'set the trigger interval of');
  if set_trigger_interval.trigger_interval_ms not between 10 and 3600000 then
    perform synced_tables._raise('TRIGGER_INTERVAL_INVALID', '22023',
      format('A trigger interval of %s ms for synced table %s is out of range.', set_trigger_interval.trigger_interval_ms, wanted.synced_table),
      'Use 10 to 3600000 milliseconds, or null for the default of the sidecar.');
  end if;
  update synced_tables._pipelines p set trigger_interval_ms = set_trigger_interval.trigger_interval_ms
   where p.pipeline_id = wanted.pipeline_id;
end $$;
comment on function synced_tables.set_trigger_interval(text, integer) is
  'How often the pipeline of a CONTINUOUS table looks for new commits, in milliseconds; null for the sidecar''s default. From 1000 on it does so no sooner even when it hears of a commit earlier. Takes effect within seconds.';

do $$
declare
  granted text;
begin
  foreach granted in array array['_queue_follower', '_release_pipeline', '_finish_update', '_requeue_update'] loop
    perform synced_tables._publish_routine(granted, 'sidecar');
  end loop;
  foreach granted in array array['stop_pipeline', 'set_trigger_interval'] loop
    perform synced_tables._publish_routine(granted, 'managers');
  end loop;
end $$;
