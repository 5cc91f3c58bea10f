-- What a sidecar does to the queue while it runs updates.

-- for: sidecar
create or replace function synced_tables_internal._queue_follower(pipeline uuid) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into synced_tables._updates (pipeline_id, mode, requested_by)
  select p.pipeline_id, 'CONTINUOUS', p.created_by
    from synced_tables._pipelines p
   where p.pipeline_id = pipeline and p.scheduling_policy = 'CONTINUOUS' and not p.is_stopped and p.paused_at is null
     and (exists (select from synced_tables._tables t
                   where t.pipeline_id = p.pipeline_id and t.relation is not null and not t.is_failed)
          or exists (select from synced_tables._streaming_tables s join synced_tables._flows f using (table_id)
                      where s.pipeline_id = p.pipeline_id and not s.is_failed))
     and not exists (select from synced_tables._updates u where u.pipeline_id = p.pipeline_id and u.state in ('QUEUED', 'RUNNING'))
  on conflict (pipeline_id) where mode = 'CONTINUOUS' and state in ('QUEUED', 'RUNNING') do nothing;
  return found;
end $$;
comment on function synced_tables_internal._queue_follower(uuid) is
  'Makes a CONTINUOUS pipeline follow its sources, unless it is stopped or paused, has nothing to follow, or an update runs or waits. True if it queued an update.';

-- for: sidecar
create or replace function synced_tables_internal._release_pipeline(pipeline uuid, holder uuid, epoch bigint) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update synced_tables._pipelines p set lease_holder = null
   where p.pipeline_id = pipeline and p.lease_holder = holder and p.lease_epoch = epoch;
  if not found then
    return false;
  end if;
  perform synced_tables_internal._queue_follower(pipeline);
  perform synced_tables_internal._rest_paused(pipeline);
  return true;
end $$;
comment on function synced_tables_internal._release_pipeline(uuid, uuid, bigint) is 'Gives a lease back; false if the caller no longer holds it.';

-- for: sidecar
create or replace function synced_tables_internal._finish_update(update_id uuid, pipeline uuid, holder uuid, epoch bigint, state text,
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
  -- For an update that followed its sources: its batches leave the rows RUNNING.
  update synced_tables._table_updates r
     set state = 'COMPLETED', finished_at = clock_timestamp(), next_attempt_at = null
   where r.update_id = _finish_update.update_id and r.state = 'RUNNING';
  return synced_tables_internal._release_pipeline(pipeline, holder, epoch);
end $$;
comment on function synced_tables_internal._finish_update(uuid, uuid, uuid, bigint, text, text, text, text, text) is
  'Ends a claimed update and gives its lease back in one step, so that a sidecar woken by it can continue at once.';

-- for: sidecar
create or replace function synced_tables_internal._requeue_update(update_id uuid, pipeline uuid, holder uuid, epoch bigint, delay_seconds double precision,
                                              counts_as_attempt boolean, reason text) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform from synced_tables._pipelines p
    where p.pipeline_id = pipeline and p.lease_holder = holder and p.lease_epoch = epoch for no key update;
  if not found then
    return false;
  end if;
  update synced_tables._updates u
     set state = 'QUEUED', attempt = u.attempt - (not counts_as_attempt)::int, message = reason,
         next_attempt_at = case when delay_seconds > 0 then clock_timestamp() + make_interval(secs => delay_seconds) end
   where u.update_id = _requeue_update.update_id and u.state = 'RUNNING';
  update synced_tables._table_updates r set state = 'QUEUED', started_at = null
   where r.update_id = _requeue_update.update_id and r.state = 'RUNNING';
  return synced_tables_internal._release_pipeline(pipeline, holder, epoch);
end $$;
comment on function synced_tables_internal._requeue_update(uuid, uuid, uuid, bigint, double precision, boolean, text) is
  'Puts a claimed update back and gives its lease back in one step. The reason is told while it waits; null if it tells of itself.';
