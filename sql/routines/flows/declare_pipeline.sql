-- Declaring a whole pipeline of flows. A declaration takes effect when it is committed: batches read under an earlier one
-- are no longer applied.

-- for: owner
create or replace function synced_tables_internal._declared_name(name jsonb, default_schema text) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := array(select jsonb_array_elements_text(name));
begin
  return synced_tables_internal._parse_name(case cardinality(parts)
    when 1 then format('%I.%I', coalesce(default_schema, 'public'), lower(parts[1]))
    else (select string_agg(quote_ident(lower(part)), '.') from unnest(parts) part) end);
end $$;
comment on function synced_tables_internal._declared_name(jsonb, text) is
  'Schema and table of a name in a pipeline file; such names are folded to lower case.';

-- for: owner
create or replace function synced_tables_internal._declaration_hash(streaming synced_tables._streaming_tables) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select encode(sha256(convert_to(jsonb_build_array(
    streaming.declared,
    (select jsonb_agg(jsonb_build_array(f.flow_name, f.kind, f.source, f.options, f.created_by) order by f.flow_name)
       from synced_tables._flows f where f.table_id = streaming.table_id),
    (select jsonb_agg(jsonb_build_array(v.view_name, v.query) order by v.view_name)
       from synced_tables._pipeline_views v where v.pipeline_id = streaming.pipeline_id))::text, 'UTF8')), 'hex')
$$;
comment on function synced_tables_internal._declaration_hash(synced_tables._streaming_tables) is
  'The value that declaration_hash should have now.';

-- for: owner
create or replace function synced_tables_internal._note_declaration(pipeline uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Waits for a batch that is being committed; the next one waits for us and then finds a different hash.
  update synced_tables._streaming_tables s set declaration_hash = synced_tables_internal._declaration_hash(s)
   where s.pipeline_id = pipeline and s.declaration_hash <> synced_tables_internal._declaration_hash(s);
end $$;
comment on function synced_tables_internal._note_declaration(uuid) is
  'Must be called after every change to the definition of a pipeline''s flows.';

-- for: owner
create or replace function synced_tables_internal._declare_into(pipeline uuid, declaration jsonb, default_schema text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  item jsonb;
  target synced_tables._streaming_tables;
  parts text[];
begin
  perform synced_tables_internal._lock_pipeline(pipeline);
  delete from synced_tables._pipeline_views v where v.pipeline_id = pipeline;
  insert into synced_tables._pipeline_views (pipeline_id, view_name, query)
  select pipeline, v ->> 'name', v ->> 'query' from jsonb_array_elements(declaration -> 'views') v;
  delete from synced_tables._flows f using synced_tables._streaming_tables t where t.table_id = f.table_id and t.pipeline_id = pipeline;
  for item in select jsonb_array_elements(declaration -> 'tables') loop
    parts := synced_tables_internal._declared_name(item -> 'name', default_schema);
    perform synced_tables_internal._declare_streaming_table(parts, item - 'name', pipeline);
  end loop;
  for item in select jsonb_array_elements(declaration -> 'flows') loop
    parts := synced_tables_internal._declared_name(item -> 'target', default_schema);
    target := synced_tables_internal._find_streaming_table(parts);
    if target.pipeline_id is distinct from pipeline then
      perform synced_tables_internal._raise('PIPELINE_TABLE_UNKNOWN', '42P01',
        format('Flow %s writes to %s, which is not a streaming table of its pipeline.', item ->> 'name', synced_tables_internal._display_name(parts[1], parts[2])),
        'Declare it: CREATE STREAMING TABLE, or synced_tables.create_streaming_table.');
    end if;
    perform synced_tables_internal._declare_flow(target.table_id, item ->> 'name', item ->> 'kind',
      synced_tables_internal._declared_source(item ->> 'name', item -> 'source', pipeline, default_schema), item -> 'options');
  end loop;
  perform synced_tables_internal._note_declaration(pipeline);
end $$;
comment on function synced_tables_internal._declare_into(uuid, jsonb, text) is
  'Replaces the tables, views and flows of a pipeline. Tables that are no longer declared stay, without flows.';

-- for: operators
create or replace function synced_tables_served.declare_pipeline(name text, declaration jsonb, default_schema text default current_schema(),
                                                          runs_in_program boolean default false, continuous boolean default false) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  acting constant name := synced_tables_internal._acting_role();
  pipeline uuid;
begin
  insert into synced_tables._pipelines (name, scheduling_policy, created_by, kind, runs_in_program)
  values (declare_pipeline.name, 'TRIGGERED', acting, 'FLOWS', coalesce(declare_pipeline.runs_in_program, false))
  on conflict (created_by, name) where kind = 'FLOWS' do update set runs_in_program = excluded.runs_in_program
  returning pipeline_id into pipeline;
  perform synced_tables_internal._declare_into(pipeline, declaration, default_schema);
  perform synced_tables_internal._make_continuous(pipeline, coalesce(declare_pipeline.continuous, false));
  perform synced_tables_internal._record_event('INFO', 'pipeline_declared', null, pipeline, null, format('%I declared pipeline %s.', acting, declare_pipeline.name));
  return pipeline;
end $$;
comment on function synced_tables_served.declare_pipeline(text, jsonb, text, boolean, boolean) is
  'Replaces the streaming tables, views and flows of a pipeline with those a program declares. A continuous pipeline runs automatically from then on. Returns its id.';
