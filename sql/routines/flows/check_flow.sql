-- Checks that need only the declaration; checks that need the source are the sidecar's work.

-- for: owner
create or replace function synced_tables_internal._check_flow_names(flow text, option text, names jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  column_name text;
  bare constant text := '[[:alpha:]_][[:alnum:]_$]*';
  quoted constant text := '`([^`]|``)+`';
begin
  for column_name in select jsonb_array_elements_text(coalesce(names, '[]')) loop
    if column_name is null or column_name !~ format('^\s*(%s|%s)(\s*\.\s*(%s|%s))*\s*$', bare, quoted, bare, quoted) then
      perform synced_tables_internal._raise('AUTOCDC_NON_COLUMN_IDENTIFIER', '22023', format('Flow %s: %s in %s is not a column name.', flow, column_name, option),
        'Name a column; put names with characters other than letters, digits and _ in backticks. Compute expressions in a view.');
    elsif column_name !~ format('^\s*(%s|%s)\s*$', bare, quoted) then
      perform synced_tables_internal._raise('AUTOCDC_MULTIPART_COLUMN_IDENTIFIER', '22023', format('Flow %s: %s in %s is a qualified name.', flow, column_name, option),
        'Name the column alone.');
    end if;
  end loop;
end $$;
comment on function synced_tables_internal._check_flow_names(text, text, jsonb) is 'Refuses anything but plain names in a list of columns.';

-- for: owner
create or replace function synced_tables_internal._check_flow(flow text, kind text, options jsonb) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  given constant jsonb := jsonb_strip_nulls(options);
  scd_type constant text := coalesce(given ->> 'stored_as_scd_type', '1');
  ignoring integer := (given -> 'ignore_null_updates' = 'true')::int;
  option text;
begin
  ignoring := coalesce(ignoring, 0) + (given ? 'ignore_null_updates_column_list')::int + (given ? 'ignore_null_updates_except_column_list')::int;
  if scd_type not in ('1', '2') then
    perform synced_tables_internal._raise('AUTOCDC_INVALID_SCD_TYPE', '22023', format('Flow %s stores its target as SCD type %s.', flow, scd_type),
      'Use 1 (current rows) or 2 (history).');
  end if;
  foreach option in array array['keys', 'column_list', 'except_column_list', 'track_history_column_list', 'track_history_except_column_list',
                                'ignore_null_updates_column_list', 'ignore_null_updates_except_column_list'] loop
    perform synced_tables_internal._check_flow_names(flow, option, given -> option);
  end loop;
  if jsonb_array_length(coalesce(given -> 'keys', '[]')) = 0 then
    perform synced_tables_internal._raise('AUTOCDC_EMPTY_KEYS', '22023', format('Flow %s has no keys.', flow),
      'Name the columns that identify a row: keys => array[''id''].');
  end if;
  if given ? 'track_history_column_list' and given ? 'track_history_except_column_list' then
    perform synced_tables_internal._raise('AUTOCDC_BOTH_TRACK_HISTORY_COLUMN_LIST_AND_EXCEPT_COLUMN_LIST', '22023',
      format('Flow %s has both track_history_column_list and track_history_except_column_list.', flow), 'Give one of them.');
  end if;
  if scd_type = '1' and (given ? 'track_history_column_list' or given ? 'track_history_except_column_list') then
    perform synced_tables_internal._raise('AUTOCDC_TRACK_HISTORY_REQUIRES_SCD2', '22023',
      format('Flow %s tracks the history of columns, but its target is stored as SCD type 1, which keeps none.', flow),
      'Store it as SCD type 2, or leave out the list.');
  end if;
  if kind = 'snapshot' then
    return;
  end if;
  if scd_type = '2' and coalesce(btrim(given ->> 'apply_as_truncates'), '') <> '' then
    perform synced_tables_internal._raise('AUTOCDC_TRUNCATE_REQUIRES_SCD1', '22023',
      format('Flow %s applies truncates, but its target is stored as SCD type 2.', flow), 'Store it as SCD type 1, or leave out apply_as_truncates.');
  end if;
  if coalesce(btrim(given ->> 'sequence_by'), '') = '' then
    perform synced_tables_internal._raise('AUTOCDC_MISSING_SEQUENCE_BY', '22023', format('Flow %s does not say which of two changes is the later one.', flow),
      'Name the column or expression: sequence_by.');
  end if;
  if given ? 'column_list' and given ? 'except_column_list' then
    perform synced_tables_internal._raise('AUTOCDC_BOTH_COLUMN_LIST_AND_EXCEPT_COLUMN_LIST', '22023',
      format('Flow %s has both column_list and except_column_list.', flow), 'Give one of them.');
  end if;
  if ignoring > 1 then
    perform synced_tables_internal._raise('AUTOCDC_CONFLICTING_IGNORE_NULL_UPDATES_OPTIONS', '22023',
      format('Flow %s has more than one of ignore_null_updates, ignore_null_updates_column_list and ignore_null_updates_except_column_list.', flow), 'Give one of them.');
  end if;
  if given -> 'ignore_null_updates_column_list' = '[]' then
    perform synced_tables_internal._raise('AUTOCDC_IGNORE_NULL_EMPTY_COLUMN_LIST', '22023',
      format('Flow %s ignores null updates of an empty list of columns.', flow), 'Name columns, or leave out the option.');
  end if;
  if given ? 'columns_to_update' then
    perform synced_tables_internal._check_flow_names(flow, 'columns_to_update', jsonb_build_array(given -> 'columns_to_update'));
    if ignoring > 0 then
      perform synced_tables_internal._raise('AUTOCDC_COLUMNS_TO_UPDATE_CONFLICT', '22023',
        format('Flow %s has both columns_to_update and an option that ignores null updates.', flow), 'Give one of them: both say which columns an event writes.');
    end if;
  end if;
end $$;
comment on function synced_tables_internal._check_flow(text, text, jsonb) is 'Refuses invalid options of a flow, whatever its source is.';

-- for: owner
create or replace function synced_tables_internal._check_columns_to_update(flow text, source jsonb, options jsonb) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  parts constant text[] := array(select jsonb_array_elements_text(source -> 'parts'));
  wanted constant text := replace(regexp_replace(btrim(options ->> 'columns_to_update'), '^`(.*)`$', '\1'), '``', '`');
  found_column record;
begin
  if wanted is null or source ->> 'kind' <> 'name' or cardinality(parts) <> 2 then
    return;
  end if;
  select a.attname, format_type(a.atttypid, null) as type into found_column
    from pg_attribute a
   where a.attrelid = to_regclass(format('%I.%I', parts[1], parts[2])) and a.attnum > 0 and not a.attisdropped
     and lower(a.attname) = lower(wanted)
   order by a.attname = wanted desc limit 1;
  if found and found_column.type not in ('text[]', 'character varying[]') then
    perform synced_tables_internal._raise('AUTOCDC_COLUMNS_TO_UPDATE_TYPE', '22023',
      format('Column %s, which lists the columns to update for flow %s, has type %s.', found_column.attname, flow, found_column.type),
      'It must be an array of strings that hold column names.');
  end if;
end $$;
comment on function synced_tables_internal._check_columns_to_update(text, jsonb, jsonb) is
  'Refuses a column that cannot list the columns an event writes. For a lakehouse table this is checked later.';

-- for: owner
create or replace function synced_tables_internal._declare_flow(flow_table uuid, flow text, flow_kind text, flow_source jsonb, flow_options jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables_internal._check_flow(flow, flow_kind, flow_options);
  if flow_source ->> 'kind' = 'name' and coalesce(jsonb_array_length(flow_source -> 'parts'), 0) = 0 then
    perform synced_tables_internal._raise('AUTOCDC_MISSING_SOURCE', '22023', format('Flow %s has no source.', flow), 'Name the table or view that holds the changes.');
  end if;
  perform synced_tables_internal._lend_source(flow, flow_source);
  perform synced_tables_internal._check_columns_to_update(flow, flow_source, flow_options);
  insert into synced_tables._flows (table_id, flow_name, kind, source, options, created_by)
  values (flow_table, flow, flow_kind, flow_source, jsonb_strip_nulls(flow_options), synced_tables_internal._acting_role())
  on conflict on constraint _flows_name_key do update
    set kind = excluded.kind, source = excluded.source, options = excluded.options, created_by = excluded.created_by;
end $$;
comment on function synced_tables_internal._declare_flow(uuid, text, text, jsonb, jsonb) is
  'Registers a flow, or replaces its declaration: what it has already read is not read again.';
