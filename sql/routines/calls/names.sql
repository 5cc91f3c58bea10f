-- Table names, as people write them.

-- for: owner
create or replace function synced_tables_internal._parse_name(synced_table text) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  parts text[];
begin
  -- Unlike parse_ident, this also accepts unquoted names that begin with a digit.
  if synced_table ~ '^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$' then
    parts := string_to_array(lower(synced_table collate "C"), '.');
  else
    begin
      parts := parse_ident(synced_table);
    exception when invalid_parameter_value then
      parts := null;
    end;
  end if;
  if parts is null or cardinality(parts) <> 2
     or exists (select from unnest(parts) part where part !~ '^[A-Za-z0-9_]{1,63}$') then
    perform synced_tables_internal._raise('SYNCED_TABLE_NAME_INVALID', '42602',
      format('Synced table name %L is not of the form schema.table with parts of 1 to 63 letters, digits and _.', synced_table),
      case when cardinality(parts) = 3 then 'Leave out the catalog: the Postgres name has two parts, for example gold.user_profiles.'
           else 'Write schema and table separated by a dot, for example gold.user_profiles; quote parts with capitals.' end);
  end if;
  return parts;
end $$;
comment on function synced_tables_internal._parse_name(text) is 'Schema and table of a synced table''s name, folded as Postgres folds identifiers.';

-- for: owner
create or replace function synced_tables_internal._name_in_schema(name text, default_schema text) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
begin
  -- live.t means t in the pipeline's own schema.
  if name ~* '^live\.[^.]+$' then
    name := substr(name, 6);
  end if;
  if name ~ '^("([^"]|"")+"|[^."]+)$' then
    name := quote_ident(coalesce(default_schema, 'public')) || '.' || name;
  end if;
  return synced_tables_internal._parse_name(name);
end $$;
comment on function synced_tables_internal._name_in_schema(text, text) is 'Schema and table of a name whose schema may be missing.';

-- for: owner
create or replace function synced_tables_internal._is_reserved_schema(schema_name text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
  select schema_name like 'pg\_%' or schema_name in ('information_schema', 'synced_tables', 'synced_tables_internal', 'synced_tables_served', 'databricks_auth', '__db_system')
$$;
comment on function synced_tables_internal._is_reserved_schema(text) is 'Whether synced tables are forbidden in the schema.';

-- for: owner
create or replace function synced_tables_internal._source_name(name text) returns text
language sql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
  select string_agg(part, '.' order by nth)
    from regexp_match(name, '^(`[^`]+`|[^.`]+)\.(`[^`]+`|[^.`]+)\.(`[^`]+`|[^.`]+)$') parts,
         lateral (select replace(written, '`', ''), nth from unnest(parts) with ordinality w(written, nth)) p(part, nth)
  having bool_and(part ~ '^[^[:space:][:cntrl:]./"`]{1,255}$')
$$;
comment on function synced_tables_internal._source_name(text) is
  'The full name of a source table without the backticks that may be around its parts; null if it is none.';
