-- Stopping pipelines, and how often CONTINUOUS ones look for commits.

-- for: owner
create or replace function synced_tables_internal._require_pipeline(pipeline uuid, action text) returns synced_tables._pipelines
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._pipelines;
begin
  select * into wanted from synced_tables._pipelines p where p.pipeline_id = pipeline;
  if not found then
    perform synced_tables_internal._raise('PIPELINE_NOT_FOUND', '42704', format('Pipeline %s does not exist.', pipeline),
      'Take a pipeline_id from synced_tables.status.');
  end if;
  if not synced_tables_internal._may_control(wanted.created_by) then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501', format('Role %I may not %s pipeline %s.', synced_tables_internal._acting_role(), action, pipeline),
      'Ask its creator or a member of databricks_superuser.');
  end if;
  return wanted;
end $$;
comment on function synced_tables_internal._require_pipeline(uuid, text) is 'The pipeline, for roles that may control it.';

-- for: owner
create or replace function synced_tables_internal._require_pipeline_control(pipeline synced_tables._pipelines, action text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  member synced_tables._tables;
begin
  for member in select * from synced_tables._tables t where t.pipeline_id = pipeline.pipeline_id loop
    perform synced_tables_internal._require_control(member.synced_table, member.created_by, action);
  end loop;
  if not found and not synced_tables_internal._may_control(pipeline.created_by) then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not %s pipeline %s.', synced_tables_internal._acting_role(), action, pipeline.pipeline_id),
      'Ask its creator or a member of databricks_superuser.');
  end if;
end $$;
comment on function synced_tables_internal._require_pipeline_control(synced_tables._pipelines, text) is
  'Refuses a role that may not control all tables of a pipeline or, if it has no synced tables, the pipeline.';

-- for: owner
create or replace function synced_tables_internal._find_pipeline(target text, action text) returns synced_tables._pipelines
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._tables;
  streaming synced_tables._streaming_tables;
  pipeline synced_tables._pipelines;
begin
  if target ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select * into pipeline from synced_tables._pipelines p where p.pipeline_id = target::uuid;
    if not found then
      perform synced_tables_internal._raise('PIPELINE_NOT_FOUND', '42704', format('Pipeline %s does not exist.', target),
        'Take a pipeline_id from synced_tables.status.');
    end if;
    perform synced_tables_internal._require_pipeline_control(pipeline, action);
    return pipeline;
  end if;
  wanted := synced_tables_internal._find_table(target);
  if wanted.table_id is not null then
    perform synced_tables_internal._require_control(wanted.synced_table, wanted.created_by, action);
    select * into pipeline from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id;
    return pipeline;
  end if;
  streaming := synced_tables_internal._find_streaming_table(synced_tables_internal._parse_name(target));
  if streaming.table_id is null then
    perform synced_tables_internal._raise_unknown_table(target);
  end if;
  return synced_tables_internal._require_pipeline(streaming.pipeline_id, action);
end $$;
comment on function synced_tables_internal._find_pipeline(text, text) is
  'The pipeline with that id, or of the synced table of that name, for roles that may control it.';

-- for: sidecar
create or replace function synced_tables_internal._cancel_updates(pipeline uuid, error_code text, reason text, followers_only boolean default false) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  -- Including RUNNING ones: their sidecar, if alive, can commit nothing more without the pipeline.
  with canceled as (
    update synced_tables._updates u
       set state = 'CANCELED', finished_at = now(), error_code = _cancel_updates.error_code, message = reason, sql_state = '57014'
     where u.pipeline_id = pipeline and u.state in ('QUEUED', 'RUNNING') and (u.mode = 'CONTINUOUS' or not followers_only)
    returning u.update_id)
  update synced_tables._table_updates r
     set state = 'CANCELED', finished_at = now(), error_code = _cancel_updates.error_code, message = reason
    from canceled c where r.update_id = c.update_id and r.state in ('QUEUED', 'RUNNING')
$$;
comment on function synced_tables_internal._cancel_updates(uuid, text, text, boolean) is
  'Cancels the pending and running updates of a pipeline, or only the one that follows its sources.';

-- for: managers
create or replace function synced_tables_served.stop_pipeline(pipeline_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._pipelines;
  reason text;
begin
  select * into wanted from synced_tables._pipelines p where p.pipeline_id = stop_pipeline.pipeline_id;
  if not found then
    perform synced_tables_internal._raise('PIPELINE_NOT_FOUND', '42704',
      format('Pipeline %s does not exist.', coalesce(stop_pipeline.pipeline_id::text, 'null')),
      'Take a pipeline_id from synced_tables.status.');
  end if;
  perform synced_tables_internal._require_pipeline_control(wanted, 'stop');
  perform synced_tables_internal._lock_pipeline(wanted.pipeline_id);
  if wanted.is_stopped or wanted.scheduling_policy <> 'CONTINUOUS' and not exists (
       select from synced_tables._updates u where u.pipeline_id = wanted.pipeline_id and u.state in ('QUEUED', 'RUNNING')) then
    return;
  end if;
  -- Waits for a commit in progress, then blocks further ones: nobody holds the lease any more.
  perform from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id for update;
  update synced_tables._pipelines p
     set is_stopped = p.scheduling_policy = 'CONTINUOUS', lease_holder = null, lease_epoch = p.lease_epoch + 1
   where p.pipeline_id = wanted.pipeline_id;
  reason := format('Pipeline %s was stopped by %I.', wanted.pipeline_id, synced_tables_internal._acting_role());
  perform synced_tables_internal._cancel_updates(wanted.pipeline_id, 'UPDATE_CANCELED', reason);
  update synced_tables._tables t
     set state = case when t.relation is null then 'SYNCED_TABLE_OFFLINE_FAILED'
                      when t.is_failed then t.state
                      when wanted.scheduling_policy = 'CONTINUOUS' then 'SYNCED_TABLE_ONLINE'
                      else 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE' end,
         message = case when t.is_failed then t.message else reason || ' Ask for an update with synced_tables.sync_now to go on.' end,
         rows_done = null, rows_total = null
   where t.pipeline_id = wanted.pipeline_id;
  update synced_tables._streaming_tables s
     set state = case when s.relation is null then 'SYNCED_TABLE_OFFLINE_FAILED'
                      when wanted.scheduling_policy = 'CONTINUOUS' then 'SYNCED_TABLE_ONLINE'
                      else 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE' end,
         message = reason || ' Ask for an update with synced_tables.sync_now to go on.'
   where s.pipeline_id = wanted.pipeline_id and not s.is_failed;
  perform synced_tables_internal._record_event('INFO', 'pipeline_stopped', null, wanted.pipeline_id, null, reason);
  perform pg_notify('synced_tables_requests', '');
end $$;
comment on function synced_tables_served.stop_pipeline(uuid) is
  'Cancels the running and pending updates of a pipeline, and keeps a CONTINUOUS one from following its sources until sync_now or start_update. The tables keep their rows. For the creators of its tables, their managers and databricks_superuser.';

-- for: owner
create or replace function synced_tables_internal._check_trigger_interval(full_name text, trigger_interval_ms integer) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if trigger_interval_ms not between 10 and 3600000 then
    perform synced_tables_internal._raise('TRIGGER_INTERVAL_INVALID', '22023',
      format('A trigger interval of %s ms for synced table %s is out of range.', trigger_interval_ms, full_name),
      'Use 10 to 3600000 milliseconds, or null for the default of the sidecar.');
  end if;
end $$;
comment on function synced_tables_internal._check_trigger_interval(text, integer) is 'Refuses a trigger interval that is out of range; null is none.';

-- for: managers
create or replace function synced_tables_served.set_trigger_interval(synced_table text, trigger_interval_ms integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables_internal._find_table(synced_table);
  streaming constant synced_tables._streaming_tables := synced_tables_internal._find_streaming_table(synced_tables_internal._parse_name(synced_table));
  full_name constant text := coalesce(wanted.synced_table, streaming.synced_table);
begin
  if full_name is null then
    perform synced_tables_internal._raise_unknown_table(synced_table);
  end if;
  if wanted.table_id is not null then
    perform synced_tables_internal._require_control(wanted.synced_table, wanted.created_by, 'set the trigger interval of');
  else
    perform synced_tables_internal._require_pipeline(streaming.pipeline_id, 'change');
  end if;
  perform synced_tables_internal._check_trigger_interval(full_name, set_trigger_interval.trigger_interval_ms);
  update synced_tables._pipelines p set trigger_interval_ms = set_trigger_interval.trigger_interval_ms
   where p.pipeline_id = coalesce(wanted.pipeline_id, streaming.pipeline_id);
end $$;
comment on function synced_tables_served.set_trigger_interval(text, integer) is
  'How often the pipeline of a CONTINUOUS table looks for new commits or events, in milliseconds; null for the sidecar''s default. At 1000 or more it does not look sooner, even if notified of a commit. Takes effect within seconds.';
