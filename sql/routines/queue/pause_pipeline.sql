-- Pausing pipelines. A paused pipeline does nothing by itself: it does not follow its sources, and updates of its schedule and
-- attempts to go on after a failure wait. What somebody asks for runs, and a copy that runs goes on to its end.

-- for: everybody
create or replace function synced_tables_internal._waits_for_resume(paused_at timestamptz, cause text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select paused_at is not null and cause in ('JOB_TASK', 'RETRY_ON_FAILURE')
$$;
comment on function synced_tables_internal._waits_for_resume(timestamptz, text) is
  'Whether an update that was requested for this cause waits until its pipeline, paused since then, is resumed.';

-- for: sidecar
create or replace function synced_tables_internal._rest_paused(pipeline uuid) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  update synced_tables._tables t
     set state = 'SYNCED_TABLE_ONLINE', rows_done = null, rows_total = null,
         message = concat('Reflects ', t.source_table_full_name, ' at version ' || t.synced_version, '.')
    from synced_tables._pipelines p
   where p.pipeline_id = pipeline and p.paused_at is not null and t.pipeline_id = p.pipeline_id and t.relation is not null and not t.is_failed
     and t.state in ('SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES')
     and p.scheduling_policy = 'CONTINUOUS';
  update synced_tables._streaming_tables s set state = 'SYNCED_TABLE_ONLINE', message = 'Its flows rest.'
    from synced_tables._pipelines p
   where p.pipeline_id = pipeline and p.paused_at is not null and s.pipeline_id = p.pipeline_id and s.relation is not null and not s.is_failed
     and s.state in ('SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES')
     and p.scheduling_policy = 'CONTINUOUS'
$$;
comment on function synced_tables_internal._rest_paused(uuid) is 'Shows the tables of a paused CONTINUOUS pipeline as what they are: readable, and not followed.';

-- for: owner
create or replace function synced_tables_internal._lock_for_pause(synced_table_or_pipeline text, action text) returns synced_tables._pipelines
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._pipelines := synced_tables_internal._find_pipeline(synced_table_or_pipeline, action);
begin
  -- Also of the tables that were not named.
  perform synced_tables_internal._require_pipeline_control(wanted, action);
  perform synced_tables_internal._lock_pipeline(wanted.pipeline_id);
  -- Waits for a commit in progress.
  select * into wanted from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id for update;
  if not found then
    perform synced_tables_internal._raise('PIPELINE_NOT_FOUND', '42704', format('Pipeline of %s does not exist.', synced_table_or_pipeline),
      'Take a pipeline_id from synced_tables.status.');
  end if;
  return wanted;
end $$;
comment on function synced_tables_internal._lock_for_pause(text, text) is
  'The pipeline with that id, or of the table of that name, for roles that may control all its tables; nobody else changes or claims it until the transaction ends.';

-- for: managers
create or replace function synced_tables_served.pause_pipeline(synced_table_or_pipeline text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._pipelines := synced_tables_internal._lock_for_pause(synced_table_or_pipeline, 'pause');
  reason constant text := format('Pipeline %s was paused by %I.', wanted.pipeline_id, synced_tables_internal._acting_role());
begin
  if wanted.paused_at is not null then
    return false;
  end if;
  update synced_tables._pipelines p set paused_at = clock_timestamp(), paused_by = synced_tables_internal._acting_role()
   where p.pipeline_id = wanted.pipeline_id;
  if exists (select from synced_tables._updates u where u.pipeline_id = wanted.pipeline_id and u.mode = 'CONTINUOUS' and u.state = 'RUNNING') then
    -- Nothing is lost: a follower commits batch by batch, and without the lease it commits nothing more.
    update synced_tables._pipelines p set lease_holder = null, lease_epoch = p.lease_epoch + 1 where p.pipeline_id = wanted.pipeline_id;
  end if;
  perform synced_tables_internal._cancel_updates(wanted.pipeline_id, 'UPDATE_CANCELED', reason, followers_only => true);
  if not exists (select from synced_tables._updates u where u.pipeline_id = wanted.pipeline_id and u.state = 'RUNNING') then
    perform synced_tables_internal._rest_paused(wanted.pipeline_id);
  end if;
  perform synced_tables_internal._record_event('INFO', 'pipeline_paused', null, wanted.pipeline_id, null, reason);
  perform pg_notify('synced_tables_requests', '');
  return true;
end $$;
comment on function synced_tables_served.pause_pipeline(text) is
  'Keeps a pipeline, given by its id or by one of its tables, from doing anything by itself until resume_pipeline: it stops following its sources, scheduled runs wait. Updates that somebody asks for run, and one that runs goes on to its end. The tables keep their rows. False if it is paused already. For the creators of its tables, their managers and databricks_superuser.';

-- for: managers
create or replace function synced_tables_served.resume_pipeline(synced_table_or_pipeline text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._pipelines := synced_tables_internal._lock_for_pause(synced_table_or_pipeline, 'resume');
begin
  if wanted.paused_at is null and not wanted.is_stopped then
    return false;
  end if;
  update synced_tables._pipelines p set paused_at = null, paused_by = null, is_stopped = false where p.pipeline_id = wanted.pipeline_id;
  perform synced_tables_internal._queue_follower(wanted.pipeline_id);
  perform synced_tables_internal._record_event('INFO', 'pipeline_resumed', null, wanted.pipeline_id, null,
    format('Pipeline %s was resumed by %I.', wanted.pipeline_id, synced_tables_internal._acting_role()));
  perform pg_notify('synced_tables_requests', '');
  return true;
end $$;
comment on function synced_tables_served.resume_pipeline(text) is
  'Ends the pause of a pipeline, given by its id or by one of its tables: it follows its sources again from where it was, and a schedule that was due meanwhile runs once. A pipeline that stop_pipeline stopped goes on, too. False if it was neither paused nor stopped. For whom pause_pipeline is.';
