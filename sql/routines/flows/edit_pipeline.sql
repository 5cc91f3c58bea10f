-- Pipelines of flows over HTTP: created, changed, run and deleted by roles that may control them.

-- for: owner
create or replace function synced_tables_internal._raise_pipeline_name_taken(name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables_internal._raise('PIPELINE_NAME_TAKEN', '42710', format('Role %I already has a pipeline named %s.', synced_tables_internal._acting_role(), name),
    'Change or delete that pipeline, or choose another name.');
end $$;
comment on function synced_tables_internal._raise_pipeline_name_taken(text) is 'Raises PIPELINE_NAME_TAKEN.';

-- for: owner
create or replace function synced_tables_internal._require_flows(pipeline uuid, action text) returns synced_tables._pipelines
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._pipelines := synced_tables_internal._require_pipeline(pipeline, action);
begin
  if wanted.kind <> 'FLOWS' then
    perform synced_tables_internal._raise('PIPELINE_OF_SYNCED_TABLES', '55000', format('Pipeline %s feeds synced tables; it has no statements.', pipeline),
      'Change its synced tables instead, by creating and deleting them.');
  end if;
  if wanted.runs_in_program and action <> 'delete' then
    perform synced_tables_internal._raise('PIPELINE_RUNS_IN_PROGRAM', '55000',
      format('Pipeline %s belongs to the program that declared it, which holds the function it reads from.', pipeline), 'Let that program run it.');
  end if;
  return wanted;
end $$;
comment on function synced_tables_internal._require_flows(uuid, text) is 'A pipeline of flows run by sidecars, for roles that may control it.';

-- for: operators
create or replace function synced_tables_served._create_pipeline(name text, policy text, declaration jsonb, default_schema text, spec jsonb) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  acting constant name := synced_tables_internal._acting_role();
  pipeline uuid;
begin
  -- Waits for any session that is creating one of that name.
  insert into synced_tables._pipelines (name, scheduling_policy, created_by, kind)
  values (_create_pipeline.name, policy, acting, 'FLOWS')
  on conflict (created_by, name) where kind = 'FLOWS' do nothing returning pipeline_id into pipeline;
  if pipeline is null then
    perform synced_tables_internal._raise_pipeline_name_taken(_create_pipeline.name);
  end if;
  perform synced_tables_internal._declare_into(pipeline, declaration, default_schema);
  insert into synced_tables._pipeline_specs (pipeline_id, spec) values (pipeline, _create_pipeline.spec);
  perform synced_tables_internal._record_event('INFO', 'pipeline_declared', null, pipeline, null, format('%I declared pipeline %s.', acting, _create_pipeline.name));
  if policy = 'CONTINUOUS' then  -- it follows its sources once its first update is over
    perform synced_tables_internal._request_update(pipeline, false, 'API_CALL');
  end if;
  return pipeline;
end $$;
comment on function synced_tables_served._create_pipeline(text, text, jsonb, text, jsonb) is
  'Like declare_pipeline, but only for a new name, and keeps what the HTTP API was given.';

-- for: operators
create or replace function synced_tables_served._edit_pipeline(pipeline_id uuid, name text, policy text, declaration jsonb, default_schema text, spec jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._pipelines := synced_tables_internal._require_flows(_edit_pipeline.pipeline_id, 'change');
begin
  begin
    update synced_tables._pipelines p set name = _edit_pipeline.name, scheduling_policy = policy where p.pipeline_id = wanted.pipeline_id;
  exception when unique_violation then
    perform synced_tables_internal._raise_pipeline_name_taken(_edit_pipeline.name);
  end;
  perform synced_tables_internal._declare_into(wanted.pipeline_id, declaration, default_schema);
  insert into synced_tables._pipeline_specs values (wanted.pipeline_id, _edit_pipeline.spec)
  on conflict on constraint _pipeline_specs_pk do update set spec = excluded.spec, updated_at = excluded.updated_at;
  perform synced_tables_internal._record_event('INFO', 'pipeline_declared', null, wanted.pipeline_id, null,
    format('%I declared pipeline %s again.', synced_tables_internal._acting_role(), _edit_pipeline.name));
  -- A new update makes the sidecar that follows the pipeline look at it again, or stop following.
  if 'CONTINUOUS' in (policy, wanted.scheduling_policy) and wanted.paused_at is null
     and not (wanted.is_stopped and policy = wanted.scheduling_policy) then
    perform synced_tables_internal._request_update(wanted.pipeline_id, false, 'API_CALL');
  end if;
end $$;
comment on function synced_tables_served._edit_pipeline(uuid, text, text, jsonb, text, jsonb) is
  'Replaces the statements, name and policy of a pipeline of flows. What its flows have read is not read again.';

-- for: operators
create or replace function synced_tables_served._start_flows(pipeline_id uuid, full_refresh boolean, cause text, validate_only boolean default false) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._pipelines := synced_tables_internal._require_flows(_start_flows.pipeline_id, 'update');
  request uuid;
begin
  perform synced_tables_internal._require_idle(wanted.pipeline_id);
  if _start_flows.validate_only then
    insert into synced_tables._updates (pipeline_id, full_refresh, requested_by, cause, mode)
    values (wanted.pipeline_id, coalesce(_start_flows.full_refresh, false), synced_tables_internal._acting_role(), _start_flows.cause, 'VALIDATE')
    returning update_id into request;
    return request;
  end if;
  return synced_tables_internal._request_update(wanted.pipeline_id, coalesce(_start_flows.full_refresh, false), _start_flows.cause);
end $$;
comment on function synced_tables_served._start_flows(uuid, boolean, text, boolean) is
  'Like _start_update, for a pipeline of flows; with validate_only, its flows are checked against their sources and nothing is written.';

-- for: operators
create or replace function synced_tables_served._delete_flows(pipeline_id uuid, purge boolean) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._pipelines := synced_tables_internal._require_flows(_delete_flows.pipeline_id, 'delete');
  member record;
begin
  perform synced_tables_internal._lock_pipeline(wanted.pipeline_id);
  if coalesce(purge, false) then
    perform synced_tables_internal._hold_cdc_target(s.synced_table, t)
       from synced_tables._streaming_tables s join synced_tables._cdc_targets t on t.schema_name = s.schema_name and t.table_name = s.table_name
      where s.pipeline_id = wanted.pipeline_id;
  end if;
  perform from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id for update;
  perform synced_tables_internal._cancel_updates(wanted.pipeline_id, 'SYNCED_TABLE_DELETED',
    format('Pipeline %s was deleted; the update has ended without a change.', wanted.pipeline_id));
  if coalesce(purge, false) then
    for member in
      select s.synced_table, t as target from synced_tables._streaming_tables s
        join synced_tables._cdc_targets t on t.schema_name = s.schema_name and t.table_name = s.table_name
       where s.pipeline_id = wanted.pipeline_id order by s.table_id
    loop
      perform synced_tables_internal._drop_cdc_target(member.synced_table, member.target);
    end loop;
  end if;
  delete from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id;
  perform synced_tables_internal._record_event('INFO', 'pipeline_deleted', null, wanted.pipeline_id, null,
    format('%I deleted pipeline %s%s.', synced_tables_internal._acting_role(), wanted.name,
           case when coalesce(purge, false) then ' with its tables' else '; its tables stay as they are' end));
end $$;
comment on function synced_tables_served._delete_flows(uuid, boolean) is 'Removes a pipeline of flows from the registry; with purge also drops the views that people read.';
