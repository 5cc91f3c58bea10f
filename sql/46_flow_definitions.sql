-- What a declaration of a flow gets wrong about a table of this database is told when it is declared.

create function synced_tables._check_columns_to_update(flow text, source jsonb, options jsonb) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
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
    perform synced_tables._raise('AUTOCDC_COLUMNS_TO_UPDATE_TYPE', '22023',
      format('Column %s, which tells flow %s the columns to update, has type %s.', found_column.attname, flow, found_column.type),
      'It must be an array of strings with names of columns.');
  end if;
end $$;
comment on function synced_tables._check_columns_to_update(text, jsonb, jsonb) is
  'Refuses a column that cannot list the columns that an event writes. Of a table of the lakehouse that is known later.';

create or replace function synced_tables._declare_flow(flow_table uuid, flow text, flow_kind text, flow_source jsonb, flow_options jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform synced_tables._check_flow(flow, flow_kind, flow_options);
  if flow_source ->> 'kind' = 'name' and coalesce(jsonb_array_length(flow_source -> 'parts'), 0) = 0 then
    perform synced_tables._raise('AUTOCDC_MISSING_SOURCE', '22023', format('Flow %s has no source.', flow), 'Name the table or view with the changes.');
  end if;
  perform synced_tables._lend_source(flow, flow_source);
  perform synced_tables._check_columns_to_update(flow, flow_source, flow_options);
  insert into synced_tables._flows (table_id, flow_name, kind, source, options, created_by)
  values (flow_table, flow, flow_kind, flow_source, jsonb_strip_nulls(flow_options), synced_tables._acting_role())
  on conflict on constraint _flows_name_key do update
    set kind = excluded.kind, source = excluded.source, options = excluded.options, created_by = excluded.created_by;
end $$;

revoke execute on function synced_tables._check_columns_to_update(text, jsonb, jsonb) from public;
