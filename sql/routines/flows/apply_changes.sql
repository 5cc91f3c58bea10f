-- Declaring the flows of APPLY CHANGES / AUTO CDC that fill streaming tables.

-- for: owner
create or replace function synced_tables_internal._apply_flow(target text, source text, is_change_feed boolean, flow_name text, flow_kind text,
                                                     flow_options jsonb, default_schema text) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := synced_tables_internal._name_in_schema(target, default_schema);
  full_name constant text := synced_tables_internal._display_name(parts[1], parts[2]);
  wanted constant synced_tables._streaming_tables := synced_tables_internal._find_streaming_table(parts);
  flow constant text := coalesce(flow_name, full_name);
begin
  if wanted.table_id is null then
    perform synced_tables_internal._raise('PIPELINE_TABLE_UNKNOWN', '42P01', format('Flow %s writes to %s, which is not a streaming table of its pipeline.', flow, full_name),
      'Declare it: CREATE STREAMING TABLE, or synced_tables.create_streaming_table.');
  end if;
  perform synced_tables_internal._require_pipeline(wanted.pipeline_id, 'change');
  perform synced_tables_internal._lock_pipeline(wanted.pipeline_id);
  perform synced_tables_internal._declare_flow(wanted.table_id, flow, flow_kind,
    synced_tables_internal._read_source(flow, source, is_change_feed, wanted.pipeline_id, default_schema), flow_options);
  perform synced_tables_internal._note_declaration(wanted.pipeline_id);
  perform synced_tables_internal._record_event('INFO', 'flow_declared', wanted.synced_table, wanted.pipeline_id, null,
    format('%I declared flow %s.', synced_tables_internal._acting_role(), flow));
  if exists (select from synced_tables._pipelines p
              where p.pipeline_id = wanted.pipeline_id and p.scheduling_policy = 'CONTINUOUS' and not p.is_stopped and p.paused_at is null) then
    perform synced_tables_internal._request_update(wanted.pipeline_id, false);
  end if;
  return wanted.pipeline_id;
end $$;
comment on function synced_tables_internal._apply_flow(text, text, boolean, text, text, jsonb, text) is 'Declares a flow into a streaming table.';

-- for: operators
create or replace function synced_tables_served.apply_changes(
  target text, source text, keys text[], sequence_by text default null, ignore_null_updates boolean default false,
  apply_as_deletes text default null, apply_as_truncates text default null, column_list text[] default null,
  except_column_list text[] default null, stored_as_scd_type integer default 1, track_history_column_list text[] default null,
  track_history_except_column_list text[] default null, name text default null, once boolean default false,
  ignore_null_updates_column_list text[] default null, ignore_null_updates_except_column_list text[] default null,
  columns_to_update text default null, source_change_feed boolean default false, default_schema text default current_schema()) returns uuid
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select synced_tables_internal._apply_flow(target, source, source_change_feed, name, 'changes', jsonb_build_object(
    'keys', keys, 'sequence_by', sequence_by, 'ignore_null_updates', ignore_null_updates, 'apply_as_deletes', apply_as_deletes,
    'apply_as_truncates', apply_as_truncates, 'column_list', column_list, 'except_column_list', except_column_list,
    'stored_as_scd_type', stored_as_scd_type, 'track_history_column_list', track_history_column_list,
    'track_history_except_column_list', track_history_except_column_list, 'once', once,
    'ignore_null_updates_column_list', ignore_null_updates_column_list,
    'ignore_null_updates_except_column_list', ignore_null_updates_except_column_list, 'columns_to_update', columns_to_update),
    default_schema)
$$;
comment on function synced_tables_served.apply_changes(text, text, text[], text, boolean, text, text, text[], text[], integer, text[], text[], text, boolean, text[], text[], text, boolean, text) is
  'Declares a flow from records of changes into a streaming table, as SCD type 1 or 2. source: a table of the lakehouse (catalog.schema.table; with source_change_feed its change feed) or an append-only table of this database. Conditions and sequence_by are expressions of the lakehouse. Returns the pipeline''s id; synced_tables.start_update runs it.';

-- for: operators
create or replace function synced_tables.create_auto_cdc_flow(
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

-- for: operators
create or replace function synced_tables_served.apply_changes_from_snapshot(
  target text, source text, keys text[], stored_as_scd_type integer default 1, track_history_column_list text[] default null,
  track_history_except_column_list text[] default null, once boolean default false, name text default null,
  default_schema text default current_schema()) returns uuid
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select synced_tables_internal._apply_flow(target, source, false, name, 'snapshot', jsonb_build_object(
    'keys', keys, 'stored_as_scd_type', stored_as_scd_type, 'track_history_column_list', track_history_column_list,
    'track_history_except_column_list', track_history_except_column_list, 'once', once), default_schema)
$$;
comment on function synced_tables_served.apply_changes_from_snapshot(text, text, text[], integer, text[], text[], boolean, text, text) is
  'Declares a flow that compares the rows of a table with those of the last update, and keeps the result as SCD type 1 or 2. Returns the pipeline''s id.';

-- for: operators
create or replace function synced_tables.create_auto_cdc_from_snapshot_flow(
  target text, source text, keys text[], stored_as_scd_type integer default 1, track_history_column_list text[] default null,
  track_history_except_column_list text[] default null, once boolean default false, name text default null,
  default_schema text default current_schema()) returns uuid
language sql set search_path = pg_catalog, pg_temp as $$
  select synced_tables.apply_changes_from_snapshot(target, source, keys, stored_as_scd_type, track_history_column_list,
    track_history_except_column_list, once, name, default_schema)
$$;
comment on function synced_tables.create_auto_cdc_from_snapshot_flow(text, text, text[], integer, text[], text[], boolean, text, text) is
  'The newer name of apply_changes_from_snapshot.';
