-- Streaming tables and the flows of APPLY CHANGES / AUTO CDC that fill them: what was declared, by whom, and how it
-- stands. What a declaration can get wrong by itself is refused here; what the source has to say about it, and
-- everything after, is the sidecar's work.

alter table synced_tables._pipelines
  add column kind text not null default 'SYNCED_TABLES' constraint _pipelines_kind_check check (kind in ('SYNCED_TABLES', 'FLOWS')),
  add column runs_in_program boolean not null default false;
comment on column synced_tables._pipelines.kind is 'Whether it keeps synced tables, or streaming tables filled by flows.';
comment on column synced_tables._pipelines.runs_in_program is 'Run by the program that declared it, since a function of that program is a source; sidecars leave it alone.';
create unique index _pipelines_flows_name_key on synced_tables._pipelines (created_by, name) where kind = 'FLOWS';

create table synced_tables._streaming_tables (
  table_id uuid constraint _streaming_tables_pk primary key default gen_random_uuid(),
  schema_name text not null,
  table_name text not null,
  synced_table text not null generated always as (synced_tables._display_name(schema_name, table_name)) stored,
  pipeline_id uuid not null constraint _streaming_tables_pipeline_fk references synced_tables._pipelines on delete cascade,
  declared jsonb not null default '{}',
  state text not null default 'SYNCED_TABLE_PROVISIONING' constraint _streaming_tables_state_check check (state in (
    'SYNCED_TABLE_PROVISIONING', 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT', 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE',
    'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLE_OFFLINE_FAILED')),
  message text,
  relation regclass,
  last_sync_at timestamptz,
  last_error_code text,
  created_by name not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint _streaming_tables_name_key unique (schema_name, table_name)
);
create index _streaming_tables_pipeline_index on synced_tables._streaming_tables (pipeline_id);
comment on table synced_tables._streaming_tables is 'Targets of flows: declared tables, and how they stand.';
comment on column synced_tables._streaming_tables.declared is 'Columns, comment and tombstone threshold as they were declared.';
comment on column synced_tables._streaming_tables.relation is 'The view that people read; null until the first update made it.';

create table synced_tables._flows (
  flow_id uuid constraint _flows_pk primary key default gen_random_uuid(),
  table_id uuid not null constraint _flows_table_fk references synced_tables._streaming_tables on delete cascade,
  flow_name text not null,
  kind text not null constraint _flows_kind_check check (kind in ('changes', 'snapshot')),
  source jsonb not null,
  options jsonb not null,
  created_by name not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint _flows_name_key unique (table_id, flow_name)
);
comment on table synced_tables._flows is 'What fills streaming tables: from where, by which keys, in which order. How far each is stands with its target.';
comment on column synced_tables._flows.options is 'Named as the functions name them.';

create table synced_tables._pipeline_views (
  pipeline_id uuid not null constraint _pipeline_views_pipeline_fk references synced_tables._pipelines on delete cascade,
  view_name text not null,
  query text not null,
  constraint _pipeline_views_pk primary key (pipeline_id, view_name)
);
comment on table synced_tables._pipeline_views is 'Queries of the lakehouse engine that flows of a pipeline read from. They are no objects of this database.';

alter table synced_tables._table_updates
  add column num_upserted_rows bigint,
  add column num_deleted_rows bigint;
comment on column synced_tables._table_updates.num_upserted_rows is 'Rows of a streaming table that a flow from changes made or changed; null for everything else.';
comment on column synced_tables._table_updates.num_deleted_rows is 'Rows of a streaming table that a flow from changes removed; null for everything else.';

-- What the definition alone can get wrong. Same codes as src/cdc/declare.

create function synced_tables._check_flow_names(flow text, option text, names jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  column_name text;
  bare constant text := '[[:alpha:]_][[:alnum:]_$]*';
  quoted constant text := '`([^`]|``)+`';
begin
  for column_name in select jsonb_array_elements_text(coalesce(names, '[]')) loop
    if column_name is null or column_name !~ format('^\s*(%s|%s)(\s*\.\s*(%s|%s))*\s*$', bare, quoted, bare, quoted) then
      perform synced_tables._raise('AUTOCDC_NON_COLUMN_IDENTIFIER', '22023', format('Flow %s: %s in %s is no name of a column.', flow, column_name, option),
        'Name a column; put names with other characters than letters, digits and _ between backticks. Work expressions out in a view.');
    elsif column_name !~ format('^\s*(%s|%s)\s*$', bare, quoted) then
      perform synced_tables._raise('AUTOCDC_MULTIPART_COLUMN_IDENTIFIER', '22023', format('Flow %s: %s in %s is a qualified name.', flow, column_name, option),
        'Name the column alone.');
    end if;
  end loop;
end $$;
comment on function synced_tables._check_flow_names(text, text, jsonb) is 'Refuses what is no plain name in a list of columns.';

create function synced_tables._check_flow(flow text, kind text, options jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  given constant jsonb := jsonb_strip_nulls(options);
  scd_type constant text := coalesce(given ->> 'stored_as_scd_type', '1');
  ignoring integer := (given -> 'ignore_null_updates' = 'true')::int;
  option text;
begin
  ignoring := coalesce(ignoring, 0) + (given ? 'ignore_null_updates_column_list')::int + (given ? 'ignore_null_updates_except_column_list')::int;
  if scd_type not in ('1', '2') then
    perform synced_tables._raise('AUTOCDC_INVALID_SCD_TYPE', '22023', format('Flow %s stores its target as SCD type %s.', flow, scd_type),
      'Use 1 (current rows) or 2 (history).');
  end if;
  foreach option in array array['keys', 'column_list', 'except_column_list', 'track_history_column_list', 'track_history_except_column_list',
                                'ignore_null_updates_column_list', 'ignore_null_updates_except_column_list'] loop
    perform synced_tables._check_flow_names(flow, option, given -> option);
  end loop;
  if jsonb_array_length(coalesce(given -> 'keys', '[]')) = 0 then
    perform synced_tables._raise('AUTOCDC_EMPTY_KEYS', '22023', format('Flow %s has no keys.', flow),
      'Name the columns that identify a row: keys => array[''id''].');
  end if;
  if given ? 'track_history_column_list' and given ? 'track_history_except_column_list' then
    perform synced_tables._raise('AUTOCDC_BOTH_TRACK_HISTORY_COLUMN_LIST_AND_EXCEPT_COLUMN_LIST', '22023',
      format('Flow %s has both track_history_column_list and track_history_except_column_list.', flow), 'Give one of them.');
  end if;
  if scd_type = '1' and (given ? 'track_history_column_list' or given ? 'track_history_except_column_list') then
    perform synced_tables._raise('AUTOCDC_TRACK_HISTORY_REQUIRES_SCD2', '22023',
      format('Flow %s tracks the history of columns, but its target is stored as SCD type 1, which keeps none.', flow),
      'Store it as SCD type 2, or leave the list out.');
  end if;
  if kind = 'snapshot' then
    return;
  end if;
  if scd_type = '2' and coalesce(btrim(given ->> 'apply_as_truncates'), '') <> '' then
    perform synced_tables._raise('AUTOCDC_TRUNCATE_REQUIRES_SCD1', '22023',
      format('Flow %s applies truncates, but its target is stored as SCD type 2.', flow), 'Store it as SCD type 1, or leave apply_as_truncates out.');
  end if;
  if coalesce(btrim(given ->> 'sequence_by'), '') = '' then
    perform synced_tables._raise('AUTOCDC_MISSING_SEQUENCE_BY', '22023', format('Flow %s does not say which of two changes is the later one.', flow),
      'Name the column or expression: sequence_by.');
  end if;
  if given ? 'column_list' and given ? 'except_column_list' then
    perform synced_tables._raise('AUTOCDC_BOTH_COLUMN_LIST_AND_EXCEPT_COLUMN_LIST', '22023',
      format('Flow %s has both column_list and except_column_list.', flow), 'Give one of them.');
  end if;
  if ignoring > 1 then
    perform synced_tables._raise('AUTOCDC_CONFLICTING_IGNORE_NULL_UPDATES_OPTIONS', '22023',
      format('Flow %s has more than one of ignore_null_updates, ignore_null_updates_column_list and ignore_null_updates_except_column_list.', flow), 'Give one of them.');
  end if;
  if given -> 'ignore_null_updates_column_list' = '[]' then
    perform synced_tables._raise('AUTOCDC_IGNORE_NULL_EMPTY_COLUMN_LIST', '22023',
      format('Flow %s ignores null updates of an empty list of columns.', flow), 'Name columns, or leave the option out.');
  end if;
  if given ? 'columns_to_update' then
    perform synced_tables._check_flow_names(flow, 'columns_to_update', jsonb_build_array(given -> 'columns_to_update'));
    if ignoring > 0 then
      perform synced_tables._raise('AUTOCDC_COLUMNS_TO_UPDATE_CONFLICT', '22023',
        format('Flow %s has both columns_to_update and an option that ignores null updates.', flow), 'Give one of them: both say which columns an event writes.');
    end if;
  end if;
end $$;
comment on function synced_tables._check_flow(text, text, jsonb) is 'Refuses options of a flow that cannot be meant, whatever its source is.';

create function synced_tables._name_in_schema(name text, default_schema text) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  -- live.t is t: the schema of the pipeline itself.
  if name ~* '^live\.[^.]+$' then
    name := substr(name, 6);
  end if;
  if name ~ '^("([^"]|"")+"|[^."]+)$' then
    name := quote_ident(coalesce(default_schema, 'public')) || '.' || name;
  end if;
  return synced_tables._parse_name(name);
end $$;
comment on function synced_tables._name_in_schema(text, text) is 'Schema and table of a name that may lack its schema.';

create function synced_tables._read_source(flow text, source text, is_change_feed boolean, pipeline uuid, default_schema text) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  name text := btrim(coalesce(substring(source from '(?i)^\s*stream\s*\((.*)\)\s*$'), substring(source from '(?i)^\s*stream\s+(.*)$'), source));
  parts text[];
begin
  if coalesce(name, '') = '' then
    perform synced_tables._raise('AUTOCDC_MISSING_SOURCE', '22023', format('Flow %s has no source.', flow), 'Name the table or view with the changes.');
  end if;
  if name ~ '^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+){2}$' or exists (
       select from synced_tables._pipeline_views v where v.pipeline_id = pipeline and lower(v.view_name) = lower(name)) then
    parts := string_to_array(name, '.');
  else
    begin
      parts := parse_ident(name);
    exception when invalid_parameter_value then
      parts := array[]::text[];
    end;
    if cardinality(parts) = 1 then
      parts := array[coalesce(default_schema, 'public')] || parts;
    elsif cardinality(parts) <> 2 then
      perform synced_tables._raise('FLOW_SOURCE_UNKNOWN', '42P01',
        format('Flow %s reads from %s, which is neither a view of its pipeline, nor a table of the lakehouse (catalog.schema.table), nor a table of the database: its name has another form.', flow, name),
        'Check the name of the source.');
    end if;
  end if;
  return jsonb_build_object('kind', 'name', 'parts', parts, 'isChangeFeed', coalesce(is_change_feed, false));
end $$;
comment on function synced_tables._read_source(text, text, boolean, uuid, text) is
  'Where a flow reads: a table of the lakehouse (three parts), a view of the pipeline, else a table of this database.';

create function synced_tables._lend_source(flow text, source jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := array(select jsonb_array_elements_text(source -> 'parts'));
  relation regclass;
begin
  if source ->> 'kind' <> 'name' or cardinality(parts) <> 2 then
    return;
  end if;
  relation := to_regclass(format('%I.%I', parts[1], parts[2]));
  if relation is null then
    perform synced_tables._raise('FLOW_SOURCE_UNKNOWN', '42P01',
      format('Flow %s reads from %s, which is neither a view of its pipeline, nor a table of the lakehouse (catalog.schema.table), nor a table of the database: there is no such table.', flow, array_to_string(parts, '.')),
      'Check the name of the source.');
  end if;
  if (select c.relkind not in ('r', 'p') from pg_class c where c.oid = relation) then
    perform synced_tables._raise('FLOW_SOURCE_UNFIT', '42809', format('Flow %s cannot read from %s: it is no table.', flow, array_to_string(parts, '.')),
      'Read from the table below it.');
  end if;
  if not has_table_privilege(synced_tables._acting_role(), relation, 'select') then
    perform synced_tables._raise('PERMISSION_DENIED', '42501', format('Role %I may not read %s, the source of flow %s.', synced_tables._acting_role(), relation, flow),
      format('Grant it: GRANT SELECT ON %s TO %I;', relation, synced_tables._acting_role()));
  end if;
  -- What the caller may read, the sidecar reads for him; whether he still may is asked at every update.
  perform databricks_auth.lock_schema_rights();
  execute format('grant usage on schema %I to databricks_sync', parts[1]);
  execute format('grant select on %s to databricks_sync', relation);
end $$;
comment on function synced_tables._lend_source(text, jsonb) is 'Lets the sidecar read a table of this database that the caller may read.';

create function synced_tables._require_pipeline(pipeline uuid, action text) returns synced_tables._pipelines
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._pipelines;
begin
  select * into wanted from synced_tables._pipelines p where p.pipeline_id = pipeline;
  if not found then
    perform synced_tables._raise('PIPELINE_NOT_FOUND', '42704', format('Pipeline %s does not exist.', pipeline),
      'Take a pipeline_id from synced_tables.status.');
  end if;
  if not synced_tables._may_control(wanted.created_by) then
    perform synced_tables._raise('PERMISSION_DENIED', '42501', format('Role %I may not %s pipeline %s.', synced_tables._acting_role(), action, pipeline),
      'Ask its creator or a member of databricks_superuser.');
  end if;
  return wanted;
end $$;
comment on function synced_tables._require_pipeline(uuid, text) is 'The pipeline, for roles that may control it.';

create function synced_tables._find_streaming_table(parts text[]) returns synced_tables._streaming_tables
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._streaming_tables;
begin
  select * into wanted from synced_tables._streaming_tables t where t.schema_name = parts[1] and t.table_name = parts[2];
  return wanted;
end $$;
comment on function synced_tables._find_streaming_table(text[]) is 'The registry row of a streaming table; its columns are null when there is none.';

create function synced_tables._declare_streaming_table(parts text[], declared jsonb, pipeline uuid) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  existing constant synced_tables._streaming_tables := synced_tables._find_streaming_table(parts);
  made uuid;
begin
  if existing.table_id is not null then
    if existing.pipeline_id <> pipeline then
      perform synced_tables._raise('PIPELINE_TABLE_ELSEWHERE', '42710',
        format('Streaming table %s belongs to pipeline %s, not to this one.', existing.synced_table, existing.pipeline_id),
        'Write to it from that pipeline, or choose another name.');
    end if;
    update synced_tables._streaming_tables t set declared = _declare_streaming_table.declared where t.table_id = existing.table_id;
    return existing.table_id;
  end if;
  perform synced_tables._check_target(parts[1], parts[2], true);
  insert into synced_tables._streaming_tables (schema_name, table_name, pipeline_id, declared, message, created_by)
  values (parts[1], parts[2], pipeline, _declare_streaming_table.declared, 'Waits for its first update.', synced_tables._acting_role())
  on conflict on constraint _streaming_tables_name_key do nothing returning table_id into made;
  if made is null then  -- somebody was faster by a moment
    perform synced_tables._raise_exists(synced_tables._display_name(parts[1], parts[2]));
  end if;
  return made;
end $$;
comment on function synced_tables._declare_streaming_table(text[], jsonb, uuid) is 'Registers a streaming table, or takes its new declaration.';

create function synced_tables._declare_flow(flow_table uuid, flow text, flow_kind text, flow_source jsonb, flow_options jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables._check_flow(flow, flow_kind, flow_options);
  perform synced_tables._lend_source(flow, flow_source);
  insert into synced_tables._flows (table_id, flow_name, kind, source, options, created_by)
  values (flow_table, flow, flow_kind, flow_source, jsonb_strip_nulls(flow_options), synced_tables._acting_role())
  on conflict on constraint _flows_name_key do update
    set kind = excluded.kind, source = excluded.source, options = excluded.options, created_by = excluded.created_by;
end $$;
comment on function synced_tables._declare_flow(uuid, text, text, jsonb, jsonb) is 'Registers a flow, or takes its new declaration: what it has read stays read.';

create function synced_tables.create_streaming_table(
  name text, comment text default null, table_properties jsonb default '{}', default_schema text default current_schema()) returns uuid
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
    values ('Streaming table: ' || full_name, 'TRIGGERED', synced_tables._acting_role(), 'FLOWS') returning pipeline_id into pipeline;
  exception when unique_violation then
    perform synced_tables._raise_exists(full_name);
  end;
  perform synced_tables._declare_streaming_table(parts,
    jsonb_build_object('columns', null, 'comment', create_streaming_table.comment, 'tombstoneSeconds', threshold::bigint), pipeline);
  perform synced_tables._record_event('INFO', 'streaming_table_created', full_name, pipeline, null,
    format('%I declared streaming table %s.', synced_tables._acting_role(), full_name));
  return pipeline;
end $$;
comment on function synced_tables.create_streaming_table(text, text, jsonb, text) is
  'Declares the target of flows: see apply_changes. Returns the id of its pipeline. Needs CREATE on the schema, or on the database when the schema is missing.';

create function synced_tables.create_streaming_live_table(
  name text, comment text default null, table_properties jsonb default '{}', default_schema text default current_schema()) returns uuid
language sql set search_path = pg_catalog, pg_temp as $$
  select synced_tables.create_streaming_table(name, comment, table_properties, default_schema)
$$;
comment on function synced_tables.create_streaming_live_table(text, text, jsonb, text) is 'The older name of create_streaming_table.';

create function synced_tables._apply_flow(target text, source text, is_change_feed boolean, flow_name text, flow_kind text,
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
  return wanted.pipeline_id;
end $$;
comment on function synced_tables._apply_flow(text, text, boolean, text, text, jsonb, text) is 'Declares a flow into a streaming table.';

create function synced_tables.apply_changes(
  target text, source text, keys text[], sequence_by text default null, ignore_null_updates boolean default false,
  apply_as_deletes text default null, apply_as_truncates text default null, column_list text[] default null,
  except_column_list text[] default null, stored_as_scd_type integer default 1, track_history_column_list text[] default null,
  track_history_except_column_list text[] default null, name text default null, once boolean default false,
  ignore_null_updates_column_list text[] default null, ignore_null_updates_except_column_list text[] default null,
  columns_to_update text default null, source_change_feed boolean default false, default_schema text default current_schema()) returns uuid
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select synced_tables._apply_flow(target, source, source_change_feed, name, 'changes', jsonb_build_object(
    'keys', keys, 'sequence_by', sequence_by, 'ignore_null_updates', ignore_null_updates, 'apply_as_deletes', apply_as_deletes,
    'apply_as_truncates', apply_as_truncates, 'column_list', column_list, 'except_column_list', except_column_list,
    'stored_as_scd_type', stored_as_scd_type, 'track_history_column_list', track_history_column_list,
    'track_history_except_column_list', track_history_except_column_list, 'once', once,
    'ignore_null_updates_column_list', ignore_null_updates_column_list,
    'ignore_null_updates_except_column_list', ignore_null_updates_except_column_list, 'columns_to_update', columns_to_update),
    default_schema)
$$;
comment on function synced_tables.apply_changes(text, text, text[], text, boolean, text, text, text[], text[], integer, text[], text[], text, boolean, text[], text[], text, boolean, text) is
  'Declares a flow from records of changes into a streaming table, as SCD type 1 or 2. source: a table of the lakehouse (catalog.schema.table; with source_change_feed its change feed) or an append-only table of this database. Conditions and sequence_by are expressions of the lakehouse. Returns the pipeline''s id; synced_tables.start_update runs it.';

create function synced_tables.create_auto_cdc_flow(
  target text, source text, keys text[], sequence_by text default null, ignore_null_updates boolean default false,
  apply_as_deletes text default null, apply_as_truncates text default null, column_list text[] default null,
  except_column_list text[] default null, stored_as_scd_type integer default 1, track_history_column_list text[] default null,
  track_history_except_column_list text[] default null, name text default null, once boolean default false,
  ignore_null_updates_column_list text[] default null, ignore_null_updates_except_column_list text[] default null,
  columns_to_update text default null, source_change_feed boolean default false, default_schema text default current_schema()) returns uuid
language sql set search_path = pg_catalog, pg_temp as $$
  select synced_tables.apply_changes(target, source, keys, sequence_by, ignore_null_updates, apply_as_deletes, apply_as_truncates,
    column_list, except_column_list, stored_as_scd_type, track_history_column_list, track_history_except_column_list, name, once,
    ignore_null_updates_column_list, ignore_null_updates_except_column_list, columns_to_update, source_change_feed, default_schema)
$$;
comment on function synced_tables.create_auto_cdc_flow(text, text, text[], text, boolean, text, text, text[], text[], integer, text[], text[], text, boolean, text[], text[], text, boolean, text) is
  'The newer name of apply_changes.';

create function synced_tables.apply_changes_from_snapshot(
  target text, source text, keys text[], stored_as_scd_type integer default 1, track_history_column_list text[] default null,
  track_history_except_column_list text[] default null, once boolean default false, name text default null,
  default_schema text default current_schema()) returns uuid
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select synced_tables._apply_flow(target, source, false, name, 'snapshot', jsonb_build_object(
    'keys', keys, 'stored_as_scd_type', stored_as_scd_type, 'track_history_column_list', track_history_column_list,
    'track_history_except_column_list', track_history_except_column_list, 'once', once), default_schema)
$$;
comment on function synced_tables.apply_changes_from_snapshot(text, text, text[], integer, text[], text[], boolean, text, text) is
  'Declares a flow that compares the rows of a table with those that it had at the last update, and keeps the result as SCD type 1 or 2. Returns the pipeline''s id.';

create function synced_tables.create_auto_cdc_from_snapshot_flow(
  target text, source text, keys text[], stored_as_scd_type integer default 1, track_history_column_list text[] default null,
  track_history_except_column_list text[] default null, once boolean default false, name text default null,
  default_schema text default current_schema()) returns uuid
language sql set search_path = pg_catalog, pg_temp as $$
  select synced_tables.apply_changes_from_snapshot(target, source, keys, stored_as_scd_type, track_history_column_list,
    track_history_except_column_list, once, name, default_schema)
$$;
comment on function synced_tables.create_auto_cdc_from_snapshot_flow(text, text, text[], integer, text[], text[], boolean, text, text) is
  'The newer name of apply_changes_from_snapshot.';

create function synced_tables.declare_pipeline(name text, declaration jsonb, default_schema text default current_schema(),
                                               runs_in_program boolean default false) returns uuid
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
  perform synced_tables._record_event('INFO', 'pipeline_declared', null, pipeline, null, format('%I declared pipeline %s.', acting, declare_pipeline.name));
  return pipeline;
end $$;
comment on function synced_tables.declare_pipeline(text, jsonb, text, boolean) is
  'Takes a pipeline as programs hand it over: its streaming tables, views and flows, in place of those it had. Returns its id.';

create function synced_tables._declared_name(name jsonb, default_schema text) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := array(select jsonb_array_elements_text(name));
begin
  return synced_tables._parse_name(case cardinality(parts)
    when 1 then format('%I.%I', coalesce(default_schema, 'public'), lower(parts[1]))
    else (select string_agg(quote_ident(lower(part)), '.') from unnest(parts) part) end);
end $$;
comment on function synced_tables._declared_name(jsonb, text) is 'Schema and table of a name that a pipeline file has; names there know no capitals.';

create function synced_tables._declared_source(flow text, source jsonb, pipeline uuid, default_schema text) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := array(select jsonb_array_elements_text(source -> 'parts'));
begin
  if source ->> 'kind' <> 'name' or cardinality(parts) = 3 or exists (
       select from synced_tables._pipeline_views v
        where v.pipeline_id = pipeline and cardinality(parts) = 1 and lower(v.view_name) = lower(parts[1])) then
    return source;
  end if;
  return source || jsonb_build_object('parts', case cardinality(parts) when 1 then array[coalesce(default_schema, 'public'), lower(parts[1])] else parts end);
end $$;
comment on function synced_tables._declared_source(text, jsonb, uuid, text) is 'The source of a flow, with the schema of a table of this database.';

-- Running them.

create function synced_tables.start_update(pipeline_id uuid, full_refresh boolean default false) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables._require_pipeline(start_update.pipeline_id, 'update');
  return synced_tables._request_update(start_update.pipeline_id, coalesce(start_update.full_refresh, false));
end $$;
comment on function synced_tables.start_update(uuid, boolean) is
  'Asks for an update of a pipeline; full_refresh forgets what was read and starts anew. Returns the update''s id, for wait_for_update. For its creator and databricks_superuser.';

create or replace function synced_tables.sync_now(synced_table text, full_refresh boolean default false) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables._find_table(synced_table);
  streaming synced_tables._streaming_tables;
begin
  if wanted.table_id is null then
    streaming := synced_tables._find_streaming_table(synced_tables._parse_name(synced_table));
    if streaming.table_id is null then
      perform synced_tables._raise_unknown_table(synced_table);
    end if;
    perform synced_tables._require_pipeline(streaming.pipeline_id, 'update');
    return synced_tables._request_update(streaming.pipeline_id, coalesce(full_refresh, false));
  end if;
  perform synced_tables._require_control(wanted.synced_table, wanted.created_by, 'sync');
  return synced_tables._request_update(wanted.pipeline_id, coalesce(full_refresh, false));
end $$;

create function synced_tables._drop_cdc_target(full_name text, target synced_tables._cdc_targets) returns void
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '5s' as $$
declare
  part record;
begin
  for part in
    select r.key, to_regclass(r.value) as relation from jsonb_each_text(target.shape -> 'relations') r where to_regclass(r.value) is not null
     order by r.key <> 'view'
  loop
    -- The registry alone is not believed: this runs with a superuser's rights.
    if not exists (select from pg_class c where c.oid = part.relation and c.relowner = to_regrole('databricks_sync')) then
      perform synced_tables._raise('NOT_A_SYNCED_TABLE', '42809', format('%s is not, or no longer, a synced table; it was not dropped.', part.relation),
        'Look at what it is; drop it with DROP TABLE if it may go.');
    end if;
    execute format('drop %s %s', case part.key when 'view' then 'view' else 'table' end, part.relation);
  end loop;
  execute format('drop function if exists __db_system.%I()', 'cdc_dml_' || target.target_id);
  delete from synced_tables._cdc_targets t where t.target_id = target.target_id;
exception
  when dependent_objects_still_exist then
    perform synced_tables._raise('SYNCED_TABLE_HAS_DEPENDENTS', '2BP01', format('Synced table %s cannot be dropped, other objects depend on it: %s', full_name, sqlerrm),
      'Drop those first, or leave purge out: syncing stops and the table stays.');
  when lock_not_available then
    perform synced_tables._raise('SYNCED_TABLE_IN_USE', '55P03',
      format('Synced table %s could not be dropped within 5 seconds: another session uses it.', full_name),
      'Try again when long transactions that read the table are over; see pg_stat_activity.');
end $$;
comment on function synced_tables._drop_cdc_target(text, synced_tables._cdc_targets) is 'Drops what people read of a streaming table, and the state behind it.';

create function synced_tables.delete_streaming_table(name text, purge boolean default false, default_schema text default current_schema()) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := synced_tables._name_in_schema(name, default_schema);
  full_name constant text := synced_tables._display_name(parts[1], parts[2]);
  wanted constant synced_tables._streaming_tables := synced_tables._find_streaming_table(parts);
  target synced_tables._cdc_targets;
begin
  select * into target from synced_tables._cdc_targets t where t.schema_name = parts[1] and t.table_name = parts[2];
  if wanted.table_id is null and (target.target_id is null or not coalesce(purge, false)) then
    perform synced_tables._raise_unknown_table(synced_tables._display_name(parts[1], parts[2]));
  end if;
  if wanted.table_id is null then
    perform synced_tables._require_control(full_name, target.created_by, 'drop');
  else
    perform synced_tables._require_pipeline(wanted.pipeline_id, 'change');
    perform synced_tables._lock_pipeline(wanted.pipeline_id);
    if not exists (select from synced_tables._streaming_tables t where t.pipeline_id = wanted.pipeline_id and t.table_id <> wanted.table_id) then
      perform from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id for update;
      perform synced_tables._cancel_updates(wanted.pipeline_id, 'SYNCED_TABLE_DELETED',
        format('Synced table %s was deleted; the update has ended without a change.', full_name));
      delete from synced_tables._pipelines p where p.pipeline_id = wanted.pipeline_id;
    else
      delete from synced_tables._streaming_tables t where t.table_id = wanted.table_id;
    end if;
  end if;
  if coalesce(purge, false) and target.target_id is not null then
    perform synced_tables._drop_cdc_target(full_name, target);
  end if;
  perform synced_tables._record_event('INFO', 'streaming_table_deleted', full_name, wanted.pipeline_id, null,
    format('%I deleted streaming table %s%s.', synced_tables._acting_role(), full_name,
           case when coalesce(purge, false) then ' with its data' else '; the table stays as it is' end));
end $$;
comment on function synced_tables.delete_streaming_table(text, boolean, text) is
  'Takes a streaming table and its flows off their pipeline. What people read stays as it is; purge => true drops it too, also later. For the pipeline''s creator and databricks_superuser.';

-- What people look at, with both kinds of tables.

create view synced_tables._known_tables as
  select t.table_id, t.synced_table, t.pipeline_id, t.created_by, t.relation from synced_tables._tables t
  union all
  select s.table_id, s.synced_table, s.pipeline_id, s.created_by, s.relation from synced_tables._streaming_tables s;
comment on view synced_tables._known_tables is 'Synced tables and streaming tables.';

create or replace function synced_tables._update_outcome(update_id uuid)
returns table (state text, error_code text, message text, remedy text, sql_state text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  -- One that follows its sources has no end to wait for: it counts as done when it runs.
  select case when u.mode = 'CONTINUOUS' and u.state = 'RUNNING' then 'COMPLETED' else u.state end,
         u.error_code, u.message, u.remedy, u.sql_state
    from synced_tables._updates u
   where u.update_id = _update_outcome.update_id
     and (synced_tables._may_control(u.requested_by)
          or exists (select from synced_tables._known_tables t where t.pipeline_id = u.pipeline_id
                                                        and synced_tables._may_see(t.created_by, t.relation))
          or exists (select from synced_tables._table_updates r join synced_tables._known_tables t using (table_id)
                      where r.update_id = u.update_id and synced_tables._may_see(t.created_by, t.relation)))
$$;

-- OFFSET keeps UNION ALL from being taken apart, which would let a reader's own functions at rows before they are
-- filtered: security_barrier alone does not.
create or replace view synced_tables.status with (security_barrier = true) as
select * from (
  select t.synced_table,
         c.oid::regclass as table_name,
         t.source_table_full_name,
         p.scheduling_policy,
         case when dropped then 'SYNCED_TABLED_OFFLINE' else t.state end as state,
         case when dropped then synced_tables._dropped_message(t.synced_table)
              else t.message end as message,
         t.synced_version,
         t.source_version,
         t.source_version - t.synced_version as lag_versions,
         case when t.synced_version >= t.source_version then 0
              when t.synced_version is not null
              then greatest(0, extract(epoch from clock_timestamp() - coalesce(t.behind_since, t.source_committed_at)))::double precision
         end as lag_seconds,
         t.row_count,
         t.rows_done,
         t.rows_total,
         t.last_sync_at,
         t.last_error_code,
         t.pipeline_id,
         case when t.rows_done is not null then t.provisioning_phase end as provisioning_phase,
         case when t.rows_total > 0 then least(1, t.rows_done::double precision / t.rows_total) end as sync_progress_completion,
         -- As fast as until now; before a hundredth is done that says nothing.
         case when t.provisioning_phase = 'PROVISIONING_PHASE_MAIN' and t.rows_done * 100 >= t.rows_total
              then (extract(epoch from clock_timestamp() - t.phase_started_at)
                    * greatest(0, t.rows_total - t.rows_done) / nullif(t.rows_done, 0))::double precision
         end as estimated_completion_seconds,
         case when t.rows_done is not null then t.processing_version end as processing_version,
         t.synced_committed_at,
         t.last_sync_started_at,
         p.publish
    from synced_tables._tables t
    join synced_tables._pipelines p using (pipeline_id)
    left join pg_catalog.pg_class c on c.oid = t.relation
   cross join lateral (select t.relation is not null and c.oid is null as dropped) d
   where synced_tables._may_see(t.created_by, t.relation)
  union all
  select s.synced_table, c.oid::regclass,
         (select pg_catalog.string_agg(coalesce((select pg_catalog.string_agg(part.value, '.' order by part.ordinality)
                                                   from pg_catalog.jsonb_array_elements_text(f.source -> 'parts') with ordinality part),
                                                f.source ->> 'kind'), ', ' order by f.flow_name)
            from synced_tables._flows f where f.table_id = s.table_id),
         p.scheduling_policy, s.state, s.message, null, null, null, null, null, null, null, s.last_sync_at, s.last_error_code, s.pipeline_id,
         null, null, null, null, null, null, p.publish
    from synced_tables._streaming_tables s
    join synced_tables._pipelines p using (pipeline_id)
    left join pg_catalog.pg_class c on c.oid = s.relation
   where synced_tables._may_see(s.created_by, s.relation)
) known offset 0;
comment on view synced_tables.status is 'One row a synced or streaming table: how it stands and how fresh it is.';

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
         r.failed_attempts,
         r.num_upserted_rows,
         r.num_deleted_rows
    from synced_tables._updates u
    left join synced_tables._table_updates r using (update_id)
    -- An update that has not come to its tables yet is shown with those it is for.
    left join synced_tables._known_tables t
      on t.table_id = r.table_id or (r.table_id is null and t.pipeline_id = u.pipeline_id and u.state in ('QUEUED', 'RUNNING'))
   where synced_tables._may_control(u.requested_by) or synced_tables._may_see(t.created_by, t.relation);
comment on column synced_tables.updates.num_upserted_rows is 'Rows of a streaming table that its flows from changes made or changed; null for everything else.';
comment on column synced_tables.updates.num_deleted_rows is 'Rows of a streaming table that its flows from changes removed; null for everything else.';

create or replace view synced_tables.events with (security_barrier = true) as
  select e.event_id, e.occurred_at, e.level, e.event_type, e.synced_table, e.pipeline_id, e.update_id, e.message, e.details
    from synced_tables._events e
    left join synced_tables._known_tables t on t.synced_table = e.synced_table and t.pipeline_id = e.pipeline_id
    left join synced_tables._updates u on u.update_id = e.update_id
   where synced_tables._may_control(coalesce(t.created_by, u.requested_by)) or synced_tables._may_see(t.created_by, t.relation)
   order by e.event_id;

revoke all on synced_tables._known_tables from public;
revoke execute on function synced_tables._check_flow_names(text, text, jsonb), synced_tables._check_flow(text, text, jsonb),
  synced_tables._name_in_schema(text, text), synced_tables._read_source(text, text, boolean, uuid, text),
  synced_tables._lend_source(text, jsonb), synced_tables._require_pipeline(uuid, text), synced_tables._find_streaming_table(text[]),
  synced_tables._declare_streaming_table(text[], jsonb, uuid), synced_tables._declare_flow(uuid, text, text, jsonb, jsonb),
  synced_tables._apply_flow(text, text, boolean, text, text, jsonb, text), synced_tables._declared_name(jsonb, text),
  synced_tables._declared_source(text, jsonb, uuid, text), synced_tables._drop_cdc_target(text, synced_tables._cdc_targets) from public;

do $$
declare
  published text;
begin
  foreach published in array array['create_streaming_table', 'create_streaming_live_table', 'apply_changes', 'create_auto_cdc_flow',
    'apply_changes_from_snapshot', 'create_auto_cdc_from_snapshot_flow', 'declare_pipeline', 'start_update', 'delete_streaming_table'] loop
    perform synced_tables._publish_routine(published, 'operators');
  end loop;
  perform synced_tables._publish_routine('sync_now', 'managers');
  foreach published in array array['_streaming_tables', '_flows', '_pipeline_views'] loop
    perform synced_tables._publish_relation(published, 'sidecar');
  end loop;
end $$;
