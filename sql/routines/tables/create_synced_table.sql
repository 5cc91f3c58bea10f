-- Requesting a synced table.

-- for: owner
create or replace function synced_tables_internal._check_keys(synced_table text, primary_key_columns text[], timeseries_key text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  doubled text;
begin
  if coalesce(cardinality(primary_key_columns), 0) = 0 then
    perform synced_tables_internal._raise('PRIMARY_KEY_MISSING', '22023',
      format('Synced table %s has no primary key columns.', synced_table),
      'Name the columns that identify a source row: primary_key_columns => array[''id''].');
  end if;
  if array_ndims(primary_key_columns) <> 1 or cardinality(primary_key_columns) > 32
     or exists (select from unnest(primary_key_columns) key where coalesce(key, '') = '' or octet_length(key) > 63) then
    perform synced_tables_internal._raise('PRIMARY_KEY_INVALID', '22023',
      format('The primary key columns of synced table %s include an empty name or one that is too long, or there are more than 32.', synced_table),
      'Give up to 32 column names of the source table, each of up to 63 bytes.');
  end if;
  select key into doubled from unnest(primary_key_columns) key group by key having count(*) > 1 limit 1;
  if doubled is not null then
    perform synced_tables_internal._raise('PRIMARY_KEY_DUPLICATE', '22023',
      format('Column %I appears twice among the primary key columns of synced table %s.', doubled, synced_table),
      'Name each key column once.');
  end if;
  if timeseries_key = '' or timeseries_key = any (primary_key_columns) then
    perform synced_tables_internal._raise('TIMESERIES_KEY_INVALID', '22023',
      format('The timeseries key of synced table %s is empty, or is one of its primary key columns.', synced_table),
      'Name a column outside the primary key that says which of several rows with one key is the latest, or leave it out.');
  end if;
end $$;
comment on function synced_tables_internal._check_keys(text, text[], text) is 'Refuses invalid key columns.';

-- for: owner
create or replace function synced_tables_internal._check_ways(synced_table text, invalid_characters text, on_history_gap text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if invalid_characters is null or invalid_characters not in ('fail', 'strip') then
    perform synced_tables_internal._raise('INVALID_CHARACTERS_UNKNOWN', '22023',
      format('%L is not a way to handle invalid characters in synced table %s.', invalid_characters, synced_table),
      'Use fail (the default) or strip.');
  end if;
  if on_history_gap is null or on_history_gap not in ('fail', 'refresh') then
    perform synced_tables_internal._raise('ON_HISTORY_GAP_UNKNOWN', '22023',
      format('%L does not say what to do when the source of synced table %s has lost history.', on_history_gap, synced_table),
      'Use fail (the default) or refresh.');
  end if;
end $$;
comment on function synced_tables_internal._check_ways(text, text, text) is 'Refuses unknown ways to handle invalid characters and lost history.';

-- What the choice is about, only the sidecar knows: it holds the names and the filter against the source.
-- for: owner
create or replace function synced_tables_internal._check_choice(synced_table text, source_table_full_name text, primary_key_columns text[],
                                                                columns text[], row_filter text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  problem text;
  left_out text;
begin
  problem := case
    when columns is null then null
    when cardinality(columns) = 0 then 'none is named'
    when array_ndims(columns) <> 1 then 'they are not a plain list'
    when cardinality(columns) > 1600 then 'a table has at most 1600 columns'
    when exists (select from unnest(columns) named where coalesce(named, '') = '' or octet_length(named) > 63)
    then 'a name is empty, or longer than 63 bytes'
    else (select format('column "%s" is named twice', named) from unnest(columns) named group by named having count(*) > 1 limit 1)
  end;
  if problem is not null then
    perform synced_tables_internal._raise('COLUMNS_INVALID', '22023',
      format('The columns of synced table %s cannot be chosen like this: %s.', synced_table, problem),
      'Give the names of the source columns that the table is to have, each once, or leave columns out for all.');
  end if;
  select key into left_out from unnest(primary_key_columns) key where not key = any (columns) limit 1;
  if left_out is not null then
    perform synced_tables_internal._raise('COLUMNS_WITHOUT_KEY', '22023',
      format('Column "%s" is in the primary key of synced table %s, but not among its columns.', left_out, synced_table),
      'Add all primary key columns to columns.');
  end if;
  problem := case when row_filter !~ '\S' then 'it is empty'
                  when length(row_filter) > 10000 then 'it is longer than 10000 characters' end;
  if problem is not null then
    perform synced_tables_internal._raise('ROW_FILTER_INVALID', '42601',
      format('The row filter for source table %s cannot be used: %s.', source_table_full_name, problem),
      'Write an expression of the lakehouse''s SQL over the columns of one row that is true or false, such as region = ''EU'', or leave row_filter out for all rows.');
  end if;
end $$;
comment on function synced_tables_internal._check_choice(text, text, text[], text[], text) is
  'Refuses a choice of columns and rows that fits no source.';

-- for: owner
create or replace function synced_tables_internal._name_lock(schema_name text, table_name text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select 'table ' || lower(schema_name || '.' || table_name)
$$;
comment on function synced_tables_internal._name_lock(text, text) is 'What the lock is called that is held by whoever takes a name, in whatever case.';

-- for: owner
create or replace function synced_tables_internal._forget_name_lock() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from synced_tables._locks l where l.name = synced_tables_internal._name_lock(old.schema_name, old.table_name);
  return null;
end $$;
comment on function synced_tables_internal._forget_name_lock() is 'The lock of a name is removed along with the table.';

-- for: owner
create or replace trigger _tables_forget_lock after delete on synced_tables._tables
  for each row execute function synced_tables_internal._forget_name_lock();

-- for: owner
create or replace trigger _streaming_tables_forget_lock after delete on synced_tables._streaming_tables
  for each row execute function synced_tables_internal._forget_name_lock();

-- for: owner
create or replace function synced_tables_internal._refuse_other_case(schema_name text, table_name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  taken text;
begin
  -- Of two sessions that take a name at once, in whatever case, the second sees what the first has made of it.
  perform synced_tables_internal._hold_lock(synced_tables_internal._name_lock(schema_name, table_name));
  -- Unity Catalog does not tell names apart by case, so its clients could not either.
  select k.synced_table into taken
    from (select t.schema_name, t.table_name, t.synced_table from synced_tables._tables t
          union all select s.schema_name, s.table_name, s.synced_table from synced_tables._streaming_tables s) k
   where lower(k.schema_name) = lower(_refuse_other_case.schema_name) and lower(k.table_name) = lower(_refuse_other_case.table_name)
     and (k.schema_name, k.table_name) <> (_refuse_other_case.schema_name, _refuse_other_case.table_name)
   limit 1;
  if taken is not null then
    perform synced_tables_internal._raise('SYNCED_TABLE_EXISTS', '42P07', format('Synced table %s already exists.', taken),
      'Names that differ in case only are the same to Unity Catalog. Choose another name, or delete that table first.');
  end if;
end $$;
comment on function synced_tables_internal._refuse_other_case(text, text) is
  'Refuses a name that another synced or streaming table has in another case.';

-- for: owner
create or replace function synced_tables_internal._check_target(schema_name text, table_name text, create_schema boolean, is_streaming boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  full_name text := synced_tables_internal._display_name(schema_name, table_name);
  acting name := synced_tables_internal._acting_role();
  is_sidecar boolean := synced_tables_internal._has_role(acting, 'databricks_sync');
  namespace oid := (select n.oid from pg_namespace n where n.nspname = schema_name);
begin
  if synced_tables_internal._is_reserved_schema(schema_name) then
    perform synced_tables_internal._raise('SCHEMA_RESERVED', '42939',
      format('Schema %I is reserved; synced table %s cannot be there.', schema_name, full_name), 'Choose another schema.');
  end if;
  if exists (select from synced_tables._tables t where t.schema_name = _check_target.schema_name and t.table_name = _check_target.table_name) then
    perform synced_tables_internal._raise_exists(full_name);
  end if;
  perform synced_tables_internal._refuse_other_case(schema_name, table_name);
  if namespace is null and not create_schema then
    perform synced_tables_internal._raise('SCHEMA_MISSING', '3F000',
      format('Schema %I of synced table %s does not exist.', schema_name, full_name),
      'Create the schema, or pass create_database_objects_if_missing => true.');
  end if;
  if namespace is null and not is_sidecar and not has_database_privilege(acting, current_database(), 'create') then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not create schema %I for synced table %s.', acting, schema_name, full_name),
      format('Grant it: GRANT CREATE ON DATABASE %I TO %I; or create the schema first.', current_database(), acting));
  end if;
  if namespace is not null and not is_sidecar and not has_schema_privilege(acting, namespace, 'create') then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not create synced table %s: it lacks CREATE on schema %I.', acting, full_name, schema_name),
      format('Grant it: GRANT CREATE ON SCHEMA %I TO %I;', schema_name, acting));
  end if;
  if not is_streaming and synced_tables_internal._role_may_take_over(acting, synced_tables_internal._former_table(schema_name, table_name))
     or is_streaming and synced_tables_internal._may_take_over_target(schema_name, table_name) then
    return;  -- its first load takes the place of what was left there
  end if;
  -- A type of that name is in the way too, because a table brings a row type along. Array types are renamed automatically.
  if exists (select from pg_class c where c.relnamespace = namespace and c.relname = table_name)
     or exists (select from pg_type t where t.typnamespace = namespace and t.typname = table_name
                                              and not exists (select from pg_type e where e.typarray = t.oid)) then
    perform synced_tables_internal._refuse_taken(schema_name, table_name, is_streaming);
  end if;
end $$;
comment on function synced_tables_internal._check_target(text, text, boolean, boolean) is
  'Refuses a target that is taken, reserved, or not allowed for the acting role.';

-- for: owner
create or replace function synced_tables_internal._check_source(source_table_full_name text) returns text
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  source constant text := synced_tables_internal._source_name(source_table_full_name);
begin
  if source is null then
    perform synced_tables_internal._raise('SOURCE_NAME_INVALID', '42602',
      format('Source table name %L is not of the form catalog.schema.table with parts without dots, slashes, spaces and quotes.', source_table_full_name),
      'Write the three parts separated by dots, for example analytics.gold.user_profiles; backticks around them do no harm.');
  end if;
  -- Two sessions that create the 20th and 21st table at once see each other's.
  perform synced_tables_internal._hold_lock('source ' || source);
  if (select count(*) from synced_tables._tables t where t.source_table_full_name = source) >= 20 then
    perform synced_tables_internal._raise('SYNCED_TABLE_LIMIT', '54000',
      format('Source table %s already feeds 20 synced tables, which is the limit.', source),
      'Delete one of them, or use one that exists.');
  end if;
  return source;
end $$;
comment on function synced_tables_internal._check_source(text) is
  'The name of a source; refuses one of the wrong form, and the 21st synced table of one source.';

-- for: owner
create or replace function synced_tables_internal._choose_pipeline(full_name text, policy text, existing_pipeline_id uuid) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  pipeline synced_tables._pipelines;
begin
  if policy is null or policy not in ('SNAPSHOT', 'TRIGGERED', 'CONTINUOUS') then
    perform synced_tables_internal._raise('SCHEDULING_POLICY_INVALID', '22023',
      format('Scheduling policy %L of synced table %s is unknown.', policy, full_name), 'Use SNAPSHOT, TRIGGERED or CONTINUOUS.');
  end if;
  if existing_pipeline_id is null then
    insert into synced_tables._pipelines (name, scheduling_policy, created_by)
    values ('Synced table: ' || full_name, policy, synced_tables_internal._acting_role()) returning * into pipeline;
    return pipeline.pipeline_id;
  end if;
  perform synced_tables_internal._lock_pipeline(existing_pipeline_id);
  select * into pipeline from synced_tables._pipelines p where p.pipeline_id = existing_pipeline_id;
  if not found then
    perform synced_tables_internal._raise('PIPELINE_NOT_FOUND', '42704', format('Pipeline %s does not exist.', existing_pipeline_id),
      'Take a pipeline_id from synced_tables.status, or leave it out to get a new pipeline.');
  end if;
  if not synced_tables_internal._may_control(pipeline.created_by) then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not add synced table %s to pipeline %s.', synced_tables_internal._acting_role(), full_name, existing_pipeline_id),
      'Ask its creator or a member of databricks_superuser, or leave the pipeline out to get a new one.');
  end if;
  if pipeline.kind = 'FLOWS' then
    perform synced_tables_internal._raise('PIPELINE_OF_FLOWS', '55000',
      format('Pipeline %s fills streaming tables through flows; synced table %s cannot join it.', existing_pipeline_id, full_name),
      'Use the pipeline_id of a synced table in synced_tables.status, or leave it out to get a new pipeline.');
  end if;
  if pipeline.scheduling_policy <> policy then
    perform synced_tables_internal._raise('PIPELINE_POLICY_DIFFERS', '22023',
      format('Pipeline %s has scheduling policy %s, but synced table %s asks for %s.', existing_pipeline_id,
             pipeline.scheduling_policy, full_name, policy),
      'Use the policy of the pipeline, or leave the pipeline out to get a new one.');
  end if;
  return existing_pipeline_id;
end $$;
comment on function synced_tables_internal._choose_pipeline(text, text, uuid) is 'The pipeline of a new synced table: a new one, or the named one when it fits.';

-- for: owner
create or replace function synced_tables_internal._choose_publish(full_name text, pipeline uuid, wanted text, is_new boolean) returns void
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
    perform synced_tables_internal._raise('PIPELINE_PUBLISH_DIFFERS', '22023',
      format('Pipeline %s publishes its tables %s, but synced table %s asks for %s.', pipeline, found_publish, full_name, wanted),
      'Leave publish out to use the setting of the pipeline, or leave the pipeline out to get a new one.');
  end if;
end $$;
comment on function synced_tables_internal._choose_publish(text, uuid, text, boolean) is 'How a new pipeline publishes; refuses a table that requests another way than its pipeline''s.';

-- for: operators
create or replace function synced_tables_served.create_synced_table(
  synced_table text, source_table_full_name text, primary_key_columns text[], scheduling_policy text default 'SNAPSHOT',
  timeseries_key text default null, invalid_characters text default 'fail',
  create_database_objects_if_missing boolean default true, existing_pipeline_id uuid default null,
  allow_file_diff boolean default false, on_history_gap text default 'fail',
  type_overrides jsonb default null, extra_columns jsonb default null, extra_index_definitions jsonb default null,
  accelerated_sync boolean default false, new_pipeline_spec jsonb default null, publish text default null,
  columns text[] default null, row_filter text default null) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  parts constant text[] := synced_tables_internal._parse_name(create_synced_table.synced_table);
  full_name constant text := synced_tables_internal._display_name(parts[1], parts[2]);
  acting constant name := synced_tables_internal._acting_role();
  source text;
  pipeline uuid;
  request uuid;
  is_schema_made boolean;
begin
  perform synced_tables_internal._check_keys(full_name, create_synced_table.primary_key_columns, create_synced_table.timeseries_key);
  perform synced_tables_internal._check_ways(full_name, create_synced_table.invalid_characters, create_synced_table.on_history_gap);
  perform synced_tables_internal._check_choice(full_name, create_synced_table.source_table_full_name,
    create_synced_table.primary_key_columns, create_synced_table.columns, create_synced_table.row_filter);
  perform synced_tables_internal._check_target_options(full_name, create_synced_table.type_overrides, create_synced_table.extra_columns,
    create_synced_table.extra_index_definitions);
  if create_synced_table.publish not in ('separately', 'together') then
    perform synced_tables_internal._raise('PUBLISH_UNKNOWN', '22023',
      format('%L is not a way to publish synced table %s.', create_synced_table.publish, full_name),
      'Use separately (the default) or together.');
  end if;
  perform synced_tables_internal._check_target(parts[1], parts[2], coalesce(create_database_objects_if_missing, true), false);
  is_schema_made := synced_tables_internal._make_schema(parts[1], acting);
  if not is_schema_made then  -- another session may have been slightly faster
    perform synced_tables_internal._check_target(parts[1], parts[2], false, false);
  end if;
  source := synced_tables_internal._check_source(create_synced_table.source_table_full_name);
  pipeline := synced_tables_internal._choose_pipeline(full_name, upper(create_synced_table.scheduling_policy), existing_pipeline_id);
  perform synced_tables_internal._choose_publish(full_name, pipeline, create_synced_table.publish, existing_pipeline_id is null);
  insert into synced_tables._tables (schema_name, table_name, source_table_full_name, primary_key_columns, timeseries_key,
    invalid_characters, create_schema_if_missing, pipeline_id, message, created_by,
    allow_file_diff, on_history_gap, type_overrides, extra_columns, extra_index_definitions, accelerated_sync, new_pipeline_spec,
    columns, row_filter, made_schema)
  values (parts[1], parts[2], source, create_synced_table.primary_key_columns,
    create_synced_table.timeseries_key, create_synced_table.invalid_characters,
    coalesce(create_database_objects_if_missing, true), pipeline, 'Waits for a sidecar to load it.', acting,
    coalesce(create_synced_table.allow_file_diff, false), create_synced_table.on_history_gap,
    coalesce(create_synced_table.type_overrides, '[]'), coalesce(create_synced_table.extra_columns, '[]'),
    coalesce(create_synced_table.extra_index_definitions, '[]'), coalesce(create_synced_table.accelerated_sync, false),
    create_synced_table.new_pipeline_spec, create_synced_table.columns, create_synced_table.row_filter, is_schema_made)
  on conflict (schema_name, table_name) do nothing;
  if not found then  -- another session was slightly faster
    perform synced_tables_internal._raise_exists(full_name);
  end if;
  request := synced_tables_internal._request_update(pipeline, false);
  perform synced_tables_internal._record_event('INFO', 'synced_table_created', full_name, pipeline, request,
    format('%I asked for synced table %s from %s.', acting, full_name, source));
  return request;
end $$;
comment on function synced_tables_served.create_synced_table(text, text, text[], text, text, text, boolean, uuid, boolean, text, jsonb, jsonb, jsonb, boolean, jsonb, text, text[], text) is
  'Requests a synced table: schema.table from catalog.schema.table of the lakehouse. Returns the id of its first update; CALL synced_tables.wait_for_update(id) waits for it. Needs CREATE on the schema, or on the database if the schema is missing. publish => ''together'': updates publish all tables of the pipeline in one transaction. columns => and row_filter =>: which columns and rows of the source the table has; the filter is an expression of the lakehouse''s SQL over one row, as in row_filter => $$region = ''EU''$$.';
