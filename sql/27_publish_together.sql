-- Tables of a pipeline that are published together: joins across them never see two moments.

alter table synced_tables._pipelines add column publish text not null default 'separately'
  constraint _pipelines_publish_check check (publish in ('separately', 'together'));
comment on column synced_tables._pipelines.publish is 'Whether an update publishes the tables one by one, or all of them in one transaction or none.';

create function synced_tables._choose_publish(full_name text, pipeline uuid, wanted text, is_new boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  found_publish text;
begin
  if is_new then
    update synced_tables._pipelines p set publish = wanted where p.pipeline_id = pipeline and wanted is not null;
    return;
  end if;
  select p.publish into found_publish from synced_tables._pipelines p where p.pipeline_id = pipeline;
  if found_publish <> wanted then
    perform synced_tables._raise('PIPELINE_PUBLISH_DIFFERS', '22023',
      format('Pipeline %s publishes its tables %s, but synced table %s asks for %s.', pipeline, found_publish, full_name, wanted),
      'Leave publish out to take that of the pipeline, or leave the pipeline out to get a new one.');
  end if;
end $$;
comment on function synced_tables._choose_publish(text, uuid, text, boolean) is 'How a new pipeline publishes; refuses a table that asks for another way than its pipeline''s.';
revoke execute on function synced_tables._choose_publish(text, uuid, text, boolean) from public;

-- With more arguments it is another function to Postgres; two of one name would make calls ambiguous.
drop function synced_tables.create_synced_table(text, text, text[], text, text, text, boolean, uuid, boolean, text, jsonb, jsonb, jsonb, boolean, jsonb);

create function synced_tables.create_synced_table(
  synced_table text, source_table_full_name text, primary_key_columns text[], scheduling_policy text default 'SNAPSHOT',
  timeseries_key text default null, invalid_characters text default 'fail',
  create_database_objects_if_missing boolean default true, existing_pipeline_id uuid default null,
  allow_file_diff boolean default false, on_history_gap text default 'fail',
  type_overrides jsonb default null, extra_columns jsonb default null, extra_index_definitions jsonb default null,
  accelerated_sync boolean default false, new_pipeline_spec jsonb default null, publish text default null) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  parts constant text[] := synced_tables._parse_name(create_synced_table.synced_table);
  full_name constant text := synced_tables._display_name(parts[1], parts[2]);
  acting constant name := synced_tables._acting_role();
  pipeline uuid;
  request uuid;
begin
  perform synced_tables._check_keys(full_name, create_synced_table.primary_key_columns, create_synced_table.timeseries_key);
  if create_synced_table.invalid_characters is null or create_synced_table.invalid_characters not in ('fail', 'strip') then
    perform synced_tables._raise('INVALID_CHARACTERS_UNKNOWN', '22023',
      format('%L is not a way to handle invalid characters in synced table %s.', create_synced_table.invalid_characters, full_name),
      'Use fail (the default) or strip.');
  end if;
  if create_synced_table.on_history_gap is null or create_synced_table.on_history_gap not in ('fail', 'refresh') then
    perform synced_tables._raise('ON_HISTORY_GAP_UNKNOWN', '22023',
      format('%L is not a way to go on when the source of synced table %s has lost history.', create_synced_table.on_history_gap, full_name),
      'Use fail (the default) or refresh.');
  end if;
  perform synced_tables._check_target_options(full_name, create_synced_table.type_overrides, create_synced_table.extra_columns,
    create_synced_table.extra_index_definitions);
  if create_synced_table.publish not in ('separately', 'together') then
    perform synced_tables._raise('PUBLISH_UNKNOWN', '22023',
      format('%L is not a way to publish synced table %s.', create_synced_table.publish, full_name),
      'Use separately (the default) or together.');
  end if;
  perform synced_tables._check_target(parts[1], parts[2], coalesce(create_database_objects_if_missing, true));
  perform synced_tables._check_source(create_synced_table.source_table_full_name);
  pipeline := synced_tables._choose_pipeline(full_name, upper(create_synced_table.scheduling_policy), existing_pipeline_id);
  perform synced_tables._choose_publish(full_name, pipeline, create_synced_table.publish, existing_pipeline_id is null);
  insert into synced_tables._tables (schema_name, table_name, source_table_full_name, primary_key_columns, timeseries_key,
    invalid_characters, create_schema_if_missing, pipeline_id, message, created_by,
    allow_file_diff, on_history_gap, type_overrides, extra_columns, extra_index_definitions, accelerated_sync, new_pipeline_spec)
  values (parts[1], parts[2], create_synced_table.source_table_full_name, create_synced_table.primary_key_columns,
    create_synced_table.timeseries_key, create_synced_table.invalid_characters,
    coalesce(create_database_objects_if_missing, true), pipeline, 'Waits for a sidecar to load it.', acting,
    coalesce(create_synced_table.allow_file_diff, false), create_synced_table.on_history_gap,
    coalesce(create_synced_table.type_overrides, '[]'), coalesce(create_synced_table.extra_columns, '[]'),
    coalesce(create_synced_table.extra_index_definitions, '[]'), coalesce(create_synced_table.accelerated_sync, false),
    create_synced_table.new_pipeline_spec)
  on conflict (schema_name, table_name) do nothing;
  if not found then  -- somebody was faster by a moment
    perform synced_tables._raise_exists(full_name);
  end if;
  request := synced_tables._request_update(pipeline, false);
  perform synced_tables._record_event('INFO', 'synced_table_created', full_name, pipeline, request,
    format('%I asked for synced table %s from %s.', acting, full_name, create_synced_table.source_table_full_name));
  return request;
end $$;
comment on function synced_tables.create_synced_table(text, text, text[], text, text, text, boolean, uuid, boolean, text, jsonb, jsonb, jsonb, boolean, jsonb, text) is
  'Asks for a synced table: schema.table from catalog.schema.table of the lakehouse. Returns the id of its first update; CALL synced_tables.wait_for_update(id) waits for it. Needs CREATE on the schema, or on the database when the schema is missing. publish => ''together'': updates publish all tables of the pipeline in one transaction.';

do $$
begin
  perform synced_tables._publish_routine('create_synced_table', 'operators');
end $$;
