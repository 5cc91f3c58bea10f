-- Pipelines of flows that follow their sources by themselves, as CONTINUOUS synced tables do.

alter table synced_tables._streaming_tables
  add column is_failed boolean not null default false,
  drop constraint _streaming_tables_state_check,
  add constraint _streaming_tables_state_check check (state in (
    'SYNCED_TABLE_PROVISIONING', 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT', 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE',
    'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', 'SYNCED_TABLE_ONLINE', 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
    'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES', 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLE_OFFLINE_FAILED'));
comment on column synced_tables._streaming_tables.is_failed is 'Whether the last update failed in a way that does not pass by itself: followers leave the table out until an update succeeds.';

create or replace function synced_tables._queue_follower(pipeline uuid) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into synced_tables._updates (pipeline_id, mode, requested_by)
  select p.pipeline_id, 'CONTINUOUS', p.created_by
    from synced_tables._pipelines p
   where p.pipeline_id = pipeline and p.scheduling_policy = 'CONTINUOUS' and not p.is_stopped
     and (exists (select from synced_tables._tables t
                   where t.pipeline_id = p.pipeline_id and t.relation is not null and not t.is_failed)
          or exists (select from synced_tables._streaming_tables s join synced_tables._flows f using (table_id)
                      where s.pipeline_id = p.pipeline_id and not s.is_failed))
     and not exists (select from synced_tables._updates u where u.pipeline_id = p.pipeline_id and u.state in ('QUEUED', 'RUNNING'))
  on conflict (pipeline_id) where mode = 'CONTINUOUS' and state in ('QUEUED', 'RUNNING') do nothing;
  return found;
end $$;

create or replace function synced_tables._choose_pipeline(full_name text, policy text, existing_pipeline_id uuid) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  pipeline synced_tables._pipelines;
begin
  if policy is null or policy not in ('SNAPSHOT', 'TRIGGERED', 'CONTINUOUS') then
    perform synced_tables._raise('SCHEDULING_POLICY_INVALID', '22023',
      format('Scheduling policy %L of synced table %s is unknown.', policy, full_name), 'Use SNAPSHOT, TRIGGERED or CONTINUOUS.');
  end if;
  if existing_pipeline_id is null then
    insert into synced_tables._pipelines (name, scheduling_policy, created_by)
    values ('Synced table: ' || full_name, policy, synced_tables._acting_role()) returning * into pipeline;
    return pipeline.pipeline_id;
  end if;
  perform synced_tables._lock_pipeline(existing_pipeline_id);
  select * into pipeline from synced_tables._pipelines p where p.pipeline_id = existing_pipeline_id;
  -- One of flows keeps streaming tables and nothing else.
  if not found or pipeline.kind <> 'SYNCED_TABLES' then
    perform synced_tables._raise('PIPELINE_NOT_FOUND', '42704',
      format('Pipeline %s does not exist%s.', existing_pipeline_id, case when pipeline.kind = 'FLOWS' then ' as one of synced tables' else '' end),
      'Take a pipeline_id from synced_tables.status, or leave it out to get a new pipeline.');
  end if;
  if not synced_tables._may_control(pipeline.created_by) then
    perform synced_tables._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not add synced table %s to pipeline %s.', synced_tables._acting_role(), full_name, existing_pipeline_id),
      'Ask its creator or a member of databricks_superuser, or leave the pipeline out to get a new one.');
  end if;
  if pipeline.scheduling_policy <> policy then
    perform synced_tables._raise('PIPELINE_POLICY_DIFFERS', '22023',
      format('Pipeline %s has scheduling policy %s, but synced table %s asks for %s.', existing_pipeline_id,
             pipeline.scheduling_policy, full_name, policy),
      'Use the policy of the pipeline, or leave the pipeline out to get a new one.');
  end if;
  return existing_pipeline_id;
end $$;

-- The old signatures go; what is published again below takes their place.
drop function synced_tables.stop_pipeline(uuid);
drop function synced_tables.set_trigger_interval(text, integer);
drop function synced_tables.create_streaming_table(text, text, jsonb, text);
drop function synced_tables.create_streaming_live_table(text, text, jsonb, text);
drop function synced_tables.declare_pipeline(text, jsonb, text, boolean);

create function synced_tables.stop_pipeline(pipeline_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._pipelines;
  reason text;
begin
  select * into wanted from synced_tables._pipelines p where p.pipeline_id = stop_pipeline.pipeline_id;
  if not found then
    perform synced_tables._raise('PIPELINE_NOT_FOUND', '42704',
      format('Pipeline %s does not exist.', coalesce(stop_pipeline.pipeline_id::text, 'null')),
      'Take a pipeline_id from synced_tables.status.');
  end if;
  perform synced_tables._require_pipeline_control(wanted, 'stop');
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
  update synced_tables._streaming_tables s
     set state = case when s.relation is null then 'SYNCED_TABLE_OFFLINE_FAILED'
                      when wanted.scheduling_policy = 'CONTINUOUS' then 'SYNCED_TABLE_ONLINE'
                      else 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE' end,
         message = reason || ' Ask for an update with synced_tables.sync_now to go on.'
   where s.pipeline_id = wanted.pipeline_id and not s.is_failed;
  perform synced_tables._record_event('INFO', 'pipeline_stopped', null, wanted.pipeline_id, null, reason);
  perform pg_notify('synced_tables_requests', '');
end $$;
comment on function synced_tables.stop_pipeline(uuid) is
  'Cancels what a pipeline does or has to do, and keeps a CONTINUOUS one from following its sources until sync_now or start_update. The tables keep serving what they have. For the creators of its tables, their managers and databricks_superuser.';

create function synced_tables.set_trigger_interval(synced_table text, trigger_interval_ms integer) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables._find_table(synced_table);
  streaming constant synced_tables._streaming_tables := synced_tables._find_streaming_table(synced_tables._parse_name(synced_table));
  full_name constant text := coalesce(wanted.synced_table, streaming.synced_table);
begin
  if full_name is null then
    perform synced_tables._raise_unknown_table(synced_table);
  end if;
  if wanted.table_id is not null then
    perform synced_tables._require_control(wanted.synced_table, wanted.created_by, 'set the trigger interval of');
  else
    perform synced_tables._require_pipeline(streaming.pipeline_id, 'change');
  end if;
  if set_trigger_interval.trigger_interval_ms not between 10 and 3600000 then
    perform synced_tables._raise('TRIGGER_INTERVAL_INVALID', '22023',
      format('A trigger interval of %s ms for synced table %s is out of range.', set_trigger_interval.trigger_interval_ms, full_name),
      'Use 10 to 3600000 milliseconds, or null for the default of the sidecar.');
  end if;
  update synced_tables._pipelines p set trigger_interval_ms = set_trigger_interval.trigger_interval_ms
   where p.pipeline_id = coalesce(wanted.pipeline_id, streaming.pipeline_id);
end $$;
comment on function synced_tables.set_trigger_interval(text, integer) is
  'How often the pipeline of a CONTINUOUS table looks for new commits or events, in milliseconds; null for the sidecar''s default. From 1000 on it does so no sooner even when it hears of a commit earlier. Takes effect within seconds.';

create function synced_tables._make_continuous(pipeline uuid, continuous boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant text := case when continuous then 'CONTINUOUS' else 'TRIGGERED' end;
begin
  if continuous and exists (select from synced_tables._pipelines p where p.pipeline_id = pipeline and p.runs_in_program) then
    perform synced_tables._raise('PIPELINE_CONTINUOUS_IN_PROGRAM', '0A000',
      format('Pipeline %s cannot be continuous: a function of a program gives it snapshots, and no sidecar can call that.', pipeline),
      'Run the program whenever there are new snapshots, or let flows read from tables.');
  end if;
  update synced_tables._pipelines p set scheduling_policy = wanted, is_stopped = false
   where p.pipeline_id = pipeline and p.scheduling_policy <> wanted;
  -- An update of its own lets whoever follows the pipeline look at it anew, or stop following.
  if (found or continuous)
     and exists (select from synced_tables._flows f join synced_tables._streaming_tables s using (table_id) where s.pipeline_id = pipeline)
     and not exists (select from synced_tables._pipelines p where p.pipeline_id = pipeline and p.is_stopped) then
    perform synced_tables._request_update(pipeline, false);
  end if;
end $$;
comment on function synced_tables._make_continuous(uuid, boolean) is 'Lets a pipeline of flows follow its sources, or run when it is asked to.';

create function synced_tables.create_streaming_table(
  name text, comment text default null, table_properties jsonb default '{}', default_schema text default current_schema(),
  continuous boolean default false) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := synced_tables._name_in_schema(create_streaming_table.name, default_schema);
  full_name constant text := synced_tables._display_name(parts[1], parts[2]);
  threshold constant text := coalesce(table_properties ->> 'pipelines.cdc.tombstoneGCThresholdInSeconds',
                                      table_properties ->> 'pipelines.applyChanges.tombstoneGCThresholdInSeconds');
  pipeline uuid;
begin
  if threshold !~ '^\d{1,9}$' then
    perform synced_tables._raise('STREAMING_TABLE_PROPERTY_INVALID', '22023',
      format('The tombstone threshold of streaming table %s is no number of seconds.', full_name), 'Give a whole number, for example 172800.');
  end if;
  if (synced_tables._find_streaming_table(parts)).table_id is not null then
    perform synced_tables._raise_exists(full_name);
  end if;
  begin
    insert into synced_tables._pipelines (name, scheduling_policy, created_by, kind)
    values ('Streaming table: ' || full_name, case when continuous then 'CONTINUOUS' else 'TRIGGERED' end, synced_tables._acting_role(), 'FLOWS')
    returning pipeline_id into pipeline;
  exception when unique_violation then
    perform synced_tables._raise_exists(full_name);
  end;
  perform synced_tables._declare_streaming_table(parts,
    jsonb_build_object('columns', null, 'comment', create_streaming_table.comment, 'tombstoneSeconds', threshold::bigint), pipeline);
  perform synced_tables._record_event('INFO', 'streaming_table_created', full_name, pipeline, null,
    format('%I declared streaming table %s.', synced_tables._acting_role(), full_name));
  return pipeline;
end $$;
comment on function synced_tables.create_streaming_table(text, text, jsonb, text, boolean) is
  'Declares the target of flows: see apply_changes. With continuous, the flows into it run by themselves as soon as their sources have something new; else start_update or sync_now runs them. Returns the id of its pipeline. Needs CREATE on the schema, or on the database when the schema is missing.';

create function synced_tables.create_streaming_live_table(
  name text, comment text default null, table_properties jsonb default '{}', default_schema text default current_schema(),
  continuous boolean default false) returns uuid
language sql set search_path = pg_catalog, pg_temp as $$
  select synced_tables.create_streaming_table(name, comment, table_properties, default_schema, continuous)
$$;
comment on function synced_tables.create_streaming_live_table(text, text, jsonb, text, boolean) is 'The older name of create_streaming_table.';

create function synced_tables.set_continuous(streaming_table text, continuous boolean default true) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._streaming_tables := synced_tables._find_streaming_table(synced_tables._parse_name(streaming_table));
begin
  if wanted.table_id is null then
    perform synced_tables._raise_unknown_table(streaming_table);
  end if;
  perform synced_tables._require_pipeline(wanted.pipeline_id, 'change');
  perform synced_tables._lock_pipeline(wanted.pipeline_id);
  perform synced_tables._make_continuous(wanted.pipeline_id, coalesce(set_continuous.continuous, true));
  perform synced_tables._record_event('INFO', 'pipeline_changed', wanted.synced_table, wanted.pipeline_id, null,
    format('%I let the pipeline of %s run %s.', synced_tables._acting_role(), wanted.synced_table,
           case when coalesce(set_continuous.continuous, true) then 'continuously' else 'when it is asked to' end));
end $$;
comment on function synced_tables.set_continuous(text, boolean) is
  'Lets the pipeline of a streaming table follow its sources by itself, with all its tables, or, with false, run only when it is asked to. For its creator and databricks_superuser.';

create or replace function synced_tables._apply_flow(target text, source text, is_change_feed boolean, flow_name text, flow_kind text,
                                                     flow_options jsonb, default_schema text) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := synced_tables._name_in_schema(target, default_schema);
  full_name constant text := synced_tables._display_name(parts[1], parts[2]);
  wanted constant synced_tables._streaming_tables := synced_tables._find_streaming_table(parts);
  flow constant text := coalesce(flow_name, full_name);
begin
  if wanted.table_id is null then
    perform synced_tables._raise('PIPELINE_TABLE_UNKNOWN', '42P01', format('Flow %s writes to %s, which is no streaming table of its pipeline.', flow, full_name),
      'Declare it: CREATE STREAMING TABLE, or synced_tables.create_streaming_table.');
  end if;
  perform synced_tables._require_pipeline(wanted.pipeline_id, 'change');
  perform synced_tables._lock_pipeline(wanted.pipeline_id);
  perform synced_tables._declare_flow(wanted.table_id, flow, flow_kind,
    synced_tables._read_source(flow, source, is_change_feed, wanted.pipeline_id, default_schema), flow_options);
  perform synced_tables._record_event('INFO', 'flow_declared', wanted.synced_table, wanted.pipeline_id, null,
    format('%I declared flow %s.', synced_tables._acting_role(), flow));
  if exists (select from synced_tables._pipelines p
              where p.pipeline_id = wanted.pipeline_id and p.scheduling_policy = 'CONTINUOUS' and not p.is_stopped) then
    perform synced_tables._request_update(wanted.pipeline_id, false);
  end if;
  return wanted.pipeline_id;
end $$;

create function synced_tables.declare_pipeline(name text, declaration jsonb, default_schema text default current_schema(),
                                               runs_in_program boolean default false, continuous boolean default false) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  acting constant name := synced_tables._acting_role();
  pipeline uuid;
  item jsonb;
  target synced_tables._streaming_tables;
  parts text[];
begin
  insert into synced_tables._pipelines (name, scheduling_policy, created_by, kind, runs_in_program)
  values (declare_pipeline.name, 'TRIGGERED', acting, 'FLOWS', coalesce(declare_pipeline.runs_in_program, false))
  on conflict (created_by, name) where kind = 'FLOWS' do update set runs_in_program = excluded.runs_in_program
  returning pipeline_id into pipeline;
  perform synced_tables._lock_pipeline(pipeline);
  delete from synced_tables._pipeline_views v where v.pipeline_id = pipeline;
  insert into synced_tables._pipeline_views (pipeline_id, view_name, query)
  select pipeline, v ->> 'name', v ->> 'query' from jsonb_array_elements(declaration -> 'views') v;
  delete from synced_tables._flows f using synced_tables._streaming_tables t where t.table_id = f.table_id and t.pipeline_id = pipeline;
  for item in select jsonb_array_elements(declaration -> 'tables') loop
    parts := synced_tables._declared_name(item -> 'name', default_schema);
    perform synced_tables._declare_streaming_table(parts, item - 'name', pipeline);
  end loop;
  for item in select jsonb_array_elements(declaration -> 'flows') loop
    parts := synced_tables._declared_name(item -> 'target', default_schema);
    target := synced_tables._find_streaming_table(parts);
    if target.pipeline_id is distinct from pipeline then
      perform synced_tables._raise('PIPELINE_TABLE_UNKNOWN', '42P01',
        format('Flow %s writes to %s, which is no streaming table of its pipeline.', item ->> 'name', synced_tables._display_name(parts[1], parts[2])),
        'Declare it: CREATE STREAMING TABLE, or synced_tables.create_streaming_table.');
    end if;
    perform synced_tables._declare_flow(target.table_id, item ->> 'name', item ->> 'kind',
      synced_tables._declared_source(item ->> 'name', item -> 'source', pipeline, default_schema), item -> 'options');
  end loop;
  perform synced_tables._make_continuous(pipeline, coalesce(declare_pipeline.continuous, false));
  perform synced_tables._record_event('INFO', 'pipeline_declared', null, pipeline, null, format('%I declared pipeline %s.', acting, declare_pipeline.name));
  return pipeline;
end $$;
comment on function synced_tables.declare_pipeline(text, jsonb, text, boolean, boolean) is
  'Takes a pipeline as programs hand it over: its streaming tables, views and flows, in place of those it had. A continuous one runs by itself from then on. Returns its id.';

revoke execute on function synced_tables._make_continuous(uuid, boolean) from public;

do $$
declare
  published text;
begin
  foreach published in array array['create_streaming_table', 'create_streaming_live_table', 'declare_pipeline', 'set_continuous'] loop
    perform synced_tables._publish_routine(published, 'operators');
  end loop;
  foreach published in array array['stop_pipeline', 'set_trigger_interval'] loop
    perform synced_tables._publish_routine(published, 'managers');
  end loop;
  perform synced_tables._publish_routine('_queue_follower', 'sidecar');
end $$;
