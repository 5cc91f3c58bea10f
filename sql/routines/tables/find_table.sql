-- Finding a synced table by its name.

-- for: owner
create or replace function synced_tables_internal._find_table(synced_table text) returns synced_tables._tables
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := synced_tables_internal._parse_name(synced_table);
  wanted synced_tables._tables;
begin
  select * into wanted from synced_tables._tables t where t.schema_name = parts[1] and t.table_name = parts[2];
  return wanted;
end $$;
comment on function synced_tables_internal._find_table(text) is 'The registry row of a synced table; its columns are null if there is none.';

-- for: owner
create or replace function synced_tables_internal._find_leftover(synced_table text) returns databricks_auth.synced_tables
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := synced_tables_internal._parse_name(synced_table);
  leftover databricks_auth.synced_tables;
begin
  select s.* into leftover from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table
    join pg_namespace n on n.oid = c.relnamespace where n.nspname = parts[1] and c.relname = parts[2];
  if leftover.synced_table is null then
    leftover := synced_tables_internal._former_table(parts[1], parts[2]);
  end if;
  return leftover;
end $$;
comment on function synced_tables_internal._find_leftover(text) is
  'The ownership row of a table by name, whether still synced or not.';

-- for: owner
create or replace function synced_tables_internal._raise_unknown_table(synced_table text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := synced_tables_internal._parse_name(synced_table);
  full_name constant text := synced_tables_internal._display_name(parts[1], parts[2]);
begin
  perform synced_tables_internal._raise('SYNCED_TABLE_NOT_FOUND', '42P01', format('Synced table %s does not exist.', full_name),
    case when (synced_tables_internal._find_leftover(synced_table)).synced_table is not null
         then format('It is no longer synced; create_synced_table syncs it again. To drop the table: SELECT synced_tables.delete_synced_table(%L, purge => true);', full_name)
         else 'See synced_tables.status for those that do; quote parts with capitals.' end);
end $$;
comment on function synced_tables_internal._raise_unknown_table(text) is 'Raises SYNCED_TABLE_NOT_FOUND.';

-- for: owner
create or replace function synced_tables_internal._raise_exists(full_name text) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  select synced_tables_internal._raise('SYNCED_TABLE_EXISTS', '42P07', format('Synced table %s already exists.', full_name),
    'Choose another name, or delete it first with synced_tables.delete_synced_table.')
$$;
comment on function synced_tables_internal._raise_exists(text) is 'Raises SYNCED_TABLE_EXISTS.';
