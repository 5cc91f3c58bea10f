-- What was declared of a streaming table holds from the moment at which the declaration is committed: a batch that was
-- read under another one is not applied any more. Starting an update over HTTP is refused while flows are followed, as
-- it is with synced tables; and no synced table joins a pipeline of flows.

alter table synced_tables._streaming_tables add column declaration_hash text not null default '';
comment on column synced_tables._streaming_tables.declaration_hash is
  'Tells declarations of the table, its flows and the views of its pipeline apart. Batches are committed only as long as it is what they were read under.';

create function synced_tables._declaration_hash(streaming synced_tables._streaming_tables) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select encode(sha256(convert_to(jsonb_build_array(
    streaming.declared,
    (select jsonb_agg(jsonb_build_array(f.flow_name, f.kind, f.source, f.options, f.created_by) order by f.flow_name)
       from synced_tables._flows f where f.table_id = streaming.table_id),
    (select jsonb_agg(jsonb_build_array(v.view_name, v.query) order by v.view_name)
       from synced_tables._pipeline_views v where v.pipeline_id = streaming.pipeline_id))::text, 'UTF8')), 'hex')
$$;
comment on function synced_tables._declaration_hash(synced_tables._streaming_tables) is 'What declaration_hash has to be now.';

create function synced_tables._note_declaration(pipeline uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Waits for a batch that is being committed; the next one waits for us, and finds the other hash.
  update synced_tables._streaming_tables s set declaration_hash = synced_tables._declaration_hash(s)
   where s.pipeline_id = pipeline and s.declaration_hash <> synced_tables._declaration_hash(s);
end $$;
comment on function synced_tables._note_declaration(uuid) is 'To be called after every change of what flows of a pipeline are.';

do $$
begin
  update synced_tables._streaming_tables s set declaration_hash = synced_tables._declaration_hash(s);
end $$;

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
  perform synced_tables._note_declaration(wanted.pipeline_id);
  perform synced_tables._record_event('INFO', 'flow_declared', wanted.synced_table, wanted.pipeline_id, null,
    format('%I declared flow %s.', synced_tables._acting_role(), flow));
  if exists (select from synced_tables._pipelines p
              where p.pipeline_id = wanted.pipeline_id and p.scheduling_policy = 'CONTINUOUS' and not p.is_stopped) then
    perform synced_tables._request_update(wanted.pipeline_id, false);
  end if;
  return wanted.pipeline_id;
end $$;

create or replace function synced_tables._declare_into(pipeline uuid, declaration jsonb, default_schema text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  item jsonb;
  target synced_tables._streaming_tables;
  parts text[];
begin
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
  perform synced_tables._note_declaration(pipeline);
end $$;

create or replace function synced_tables.declare_pipeline(name text, declaration jsonb, default_schema text default current_schema(),
                                                          runs_in_program boolean default false, continuous boolean default false) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  acting constant name := synced_tables._acting_role();
  pipeline uuid;
begin
  insert into synced_tables._pipelines (name, scheduling_policy, created_by, kind, runs_in_program)
  values (declare_pipeline.name, 'TRIGGERED', acting, 'FLOWS', coalesce(declare_pipeline.runs_in_program, false))
  on conflict (created_by, name) where kind = 'FLOWS' do update set runs_in_program = excluded.runs_in_program
  returning pipeline_id into pipeline;
  perform synced_tables._declare_into(pipeline, declaration, default_schema);
  perform synced_tables._make_continuous(pipeline, coalesce(declare_pipeline.continuous, false));
  perform synced_tables._record_event('INFO', 'pipeline_declared', null, pipeline, null, format('%I declared pipeline %s.', acting, declare_pipeline.name));
  return pipeline;
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
  if not found then
    perform synced_tables._raise('PIPELINE_NOT_FOUND', '42704', format('Pipeline %s does not exist.', existing_pipeline_id),
      'Take a pipeline_id from synced_tables.status, or leave it out to get a new pipeline.');
  end if;
  if not synced_tables._may_control(pipeline.created_by) then
    perform synced_tables._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not add synced table %s to pipeline %s.', synced_tables._acting_role(), full_name, existing_pipeline_id),
      'Ask its creator or a member of databricks_superuser, or leave the pipeline out to get a new one.');
  end if;
  if pipeline.kind = 'FLOWS' then
    perform synced_tables._raise('PIPELINE_OF_FLOWS', '55000',
      format('Pipeline %s fills streaming tables by flows; synced table %s cannot join it.', existing_pipeline_id, full_name),
      'Take the pipeline_id of a synced table from synced_tables.status, or leave it out to get a new pipeline.');
  end if;
  if pipeline.scheduling_policy <> policy then
    perform synced_tables._raise('PIPELINE_POLICY_DIFFERS', '22023',
      format('Pipeline %s has scheduling policy %s, but synced table %s asks for %s.', existing_pipeline_id,
             pipeline.scheduling_policy, full_name, policy),
      'Use the policy of the pipeline, or leave the pipeline out to get a new one.');
  end if;
  return existing_pipeline_id;
end $$;

create function synced_tables._require_idle(pipeline uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  active synced_tables._updates;
begin
  perform synced_tables._lock_pipeline(pipeline);
  select u.* into active from synced_tables._updates u
   where u.pipeline_id = pipeline and u.state in ('QUEUED', 'RUNNING')
   order by u.mode = 'CONTINUOUS', u.created_at limit 1;
  if found then
    perform synced_tables._raise('UPDATE_IN_PROGRESS', '55006',
      format('Pipeline %s has an update already that has not ended: %s.', pipeline, active.update_id),
      case active.mode when 'CONTINUOUS' then 'It follows its sources without an end: stop the pipeline, then start it again.'
                       else 'Wait for its end, or stop it.' end);
  end if;
end $$;
comment on function synced_tables._require_idle(uuid) is
  'Refuses while an update of a pipeline waits or runs, be it one that follows its sources, and keeps others from being asked for until the transaction ends.';

create or replace function synced_tables._start_update(pipeline_id uuid, full_refresh boolean, selection jsonb, cause text) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  member synced_tables._tables;
  request uuid;
begin
  for member in select * from synced_tables._tables t where t.pipeline_id = _start_update.pipeline_id loop
    perform synced_tables._require_control(member.synced_table, member.created_by, 'sync');
  end loop;
  if not found then
    perform synced_tables._raise('PIPELINE_NOT_FOUND', '42704', format('Pipeline %s does not exist.', coalesce(pipeline_id::text, 'null')),
      'Take a pipeline_id from synced_tables.status.');
  end if;
  perform synced_tables._require_idle(_start_update.pipeline_id);
  if selection is null then
    return synced_tables._request_update(_start_update.pipeline_id, full_refresh, cause);
  end if;
  update synced_tables._pipelines p set is_stopped = false where p.pipeline_id = _start_update.pipeline_id and p.is_stopped;
  insert into synced_tables._updates (pipeline_id, full_refresh, requested_by, cause, selection)
  values (_start_update.pipeline_id, false, synced_tables._acting_role(), _start_update.cause, _start_update.selection)
  returning update_id into request;
  return request;
end $$;

create or replace function synced_tables._start_flows(pipeline_id uuid, full_refresh boolean, cause text) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._pipelines := synced_tables._require_flows(_start_flows.pipeline_id, 'update');
begin
  perform synced_tables._require_idle(wanted.pipeline_id);
  return synced_tables._request_update(wanted.pipeline_id, coalesce(_start_flows.full_refresh, false), _start_flows.cause);
end $$;

revoke execute on function synced_tables._declaration_hash(synced_tables._streaming_tables), synced_tables._note_declaration(uuid),
  synced_tables._require_idle(uuid) from public;

do $$
begin
  perform synced_tables._publish_routine('declare_pipeline', 'operators');
  perform synced_tables._publish_routine('_start_flows', 'operators');
  perform synced_tables._publish_routine('_start_update', 'managers');
end $$;
