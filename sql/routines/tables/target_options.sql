-- What a synced table may have beyond its source: columns of other types, Postgres-only columns and indexes, a load over
-- more connections. Names and values are those of the Databricks API.

-- for: owner
create or replace function synced_tables_internal._is_sql_fragment(fragment text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  rest text := fragment;
  before text;
begin
  if fragment is null or fragment !~ '\S' or length(fragment) > 10000 or fragment ~ '(?i)(^|[^a-z0-9_$])(e|u&)[''"]' then
    return false;
  end if;
  rest := regexp_replace(rest, '''([^'']|'''')*''|"([^"]|"")+"', ' ', 'g');
  if rest ~ '[;''"$\\]|--|/\*' then
    return false;
  end if;
  rest := regexp_replace(rest, '[^][()]', '', 'g');
  loop
    before := rest;
    rest := replace(replace(rest, '()', ''), '[]', '');
    exit when rest = before;
  end loop;
  return rest = '';
end $$;
comment on function synced_tables_internal._is_sql_fragment(text) is
  'Whether a text can be placed inside a statement without ending it or closing a bracket around it: no semicolon, comment, dollar quote or escape string; quotes and brackets balanced.';

-- for: owner
create or replace function synced_tables_internal._is_type(type_name text) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return to_regtype(type_name) is not null;
exception when syntax_error or invalid_parameter_value or feature_not_supported or invalid_schema_name then
  return false;  -- before PostgreSQL 17 a text that is not a type at all raises
end $$;
comment on function synced_tables_internal._is_type(text) is 'Whether a text names a type.';

-- for: sidecar
create or replace function synced_tables_internal._extension_type(extension name, type_name name) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select format('%I.%I', n.nspname, t.typname)
    from pg_extension e
    join pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e' and d.classid = 'pg_type'::regclass
    join pg_type t on t.oid = d.objid join pg_namespace n on n.oid = t.typnamespace
   where e.extname = extension and t.typname = type_name
$$;
comment on function synced_tables_internal._extension_type(name, name) is
  'The qualified name of a type that an extension provides; null if it is not installed.';

-- for: sidecar
create or replace function synced_tables_internal._override_type(override jsonb) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case override->>'pg_type'
           when 'PG_SPECIFIC_TYPE_VECTOR' then synced_tables_internal._extension_type('vector', 'vector') || format('(%s)', override->>'size')
           when 'PG_SPECIFIC_TYPE_HALFVEC' then synced_tables_internal._extension_type('vector', 'halfvec') || format('(%s)', override->>'size')
           when 'PG_SPECIFIC_TYPE_VARCHAR' then 'character varying' || coalesce(format('(%s)', nullif(override->>'size', '')), '')
         end
$$;
comment on function synced_tables_internal._override_type(jsonb) is 'The Postgres type of an entry of type_overrides, as format_type() writes it.';

-- for: owner
create or replace function synced_tables_internal._check_list(full_name text, argument text, entries jsonb, required text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  entry jsonb;
  field text;
begin
  if entries is null then
    return;
  end if;
  if jsonb_typeof(entries) <> 'array' then
    perform synced_tables_internal._raise('TARGET_OPTION_INVALID', '22023', format('%s of synced table %s is not an array.', argument, full_name),
      format('Give a JSON array of objects with %s.', array_to_string(required, ', ')));
  end if;
  for entry in select jsonb_array_elements(entries) loop
    foreach field in array required loop
      if jsonb_typeof(entry) <> 'object' or coalesce(entry->>field, '') = '' then
        perform synced_tables_internal._raise('TARGET_OPTION_INVALID', '22023',
          format('An entry of %s of synced table %s lacks %s.', argument, full_name, field),
          format('Each entry is an object with %s.', array_to_string(required, ', ')));
      end if;
    end loop;
  end loop;
end $$;
comment on function synced_tables_internal._check_list(text, text, jsonb, text[]) is 'Refuses a list of options whose entries lack a field.';

-- Also checks the names in the given SQL, which the sidecar will run.
-- for: owner
create or replace function synced_tables_internal._check_target_options(full_name text, type_overrides jsonb, extra_columns jsonb,
                                                               extra_index_definitions jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  entry jsonb;
  size text;
  foreign_names text;
begin
  perform synced_tables_internal._check_list(full_name, 'type_overrides', type_overrides, array['column_name', 'pg_type']);
  perform synced_tables_internal._check_list(full_name, 'extra_columns', extra_columns, array['column_name', 'column_type', 'maintenance']);
  perform synced_tables_internal._check_list(full_name, 'extra_index_definitions', extra_index_definitions, array['name', 'definition']);
  for entry in select jsonb_array_elements(coalesce(type_overrides, '[]')) loop
    size := entry->>'size';
    if entry->>'pg_type' not in ('PG_SPECIFIC_TYPE_VECTOR', 'PG_SPECIFIC_TYPE_HALFVEC', 'PG_SPECIFIC_TYPE_VARCHAR') then
      perform synced_tables_internal._raise('TARGET_OPTION_INVALID', '22023',
        format('pg_type %L of column %I of synced table %s is unknown.', entry->>'pg_type', entry->>'column_name', full_name),
        'Use PG_SPECIFIC_TYPE_VECTOR, PG_SPECIFIC_TYPE_HALFVEC or PG_SPECIFIC_TYPE_VARCHAR.');
    end if;
    if coalesce(size, '1') !~ '^[1-9][0-9]{0,7}$' or (size is null and entry->>'pg_type' <> 'PG_SPECIFIC_TYPE_VARCHAR')
       or size::int > (case entry->>'pg_type' when 'PG_SPECIFIC_TYPE_VARCHAR' then 10485760 else 16000 end) then
      perform synced_tables_internal._raise('TARGET_OPTION_INVALID', '22023',
        format('Size %s of column %I of synced table %s does not fit its type.', coalesce(size, 'null'), entry->>'column_name', full_name),
        'Give the dimensions of a vector (1 to 16000) or the length of a varchar (1 to 10485760).');
    end if;
    if synced_tables_internal._override_type(entry) is null then
      perform synced_tables_internal._raise('PGVECTOR_MISSING', '58P01',
        format('Column %I of synced table %s is to be a vector, but this database has no pgvector.', entry->>'column_name', full_name),
        'Install pgvector on the server and run: CREATE EXTENSION vector;');
    end if;
  end loop;
  for entry in select jsonb_array_elements(coalesce(extra_columns, '[]')) loop
    if entry->>'maintenance' not in ('STORED_GENERATED', 'DEFAULT_VALUE') then
      perform synced_tables_internal._raise('TARGET_OPTION_INVALID', '22023',
        format('maintenance %L of extra column %I of synced table %s is unknown.', entry->>'maintenance', entry->>'column_name', full_name),
        'Use STORED_GENERATED or DEFAULT_VALUE.');
    end if;
    if not synced_tables_internal._is_sql_fragment(entry->>'column_type') or (entry->>'column_type') ~ '[^][A-Za-z0-9_ (),."]'
       or not synced_tables_internal._is_type(entry->>'column_type') then
      perform synced_tables_internal._raise('TARGET_OPTION_INVALID', '22023',
        format('Type %L of extra column %I of synced table %s is unknown.', entry->>'column_type', entry->>'column_name', full_name),
        'Name a Postgres type; those outside of pg_catalog with their schema, for example public.hstore.');
    end if;
    if not synced_tables_internal._is_sql_fragment(coalesce(entry->>'compute', (case entry->>'maintenance' when 'DEFAULT_VALUE' then 'null' end))) then
      perform synced_tables_internal._raise('TARGET_OPTION_INVALID', '22023',
        format('What extra column %I of synced table %s is computed from is not one complete expression.', entry->>'column_name', full_name),
        'Give one expression with its brackets and quotes closed, without semicolons, comments, dollar quotes and E'''' strings.');
    end if;
    foreign_names := concat_ws(', ', synced_tables_internal._foreign_names_in(entry->>'column_type'), synced_tables_internal._foreign_names_in(entry->>'compute'));
    if foreign_names <> '' then
      perform synced_tables_internal._raise_foreign_names(full_name, format('column "%s"', entry->>'column_name'), foreign_names);
    end if;
  end loop;
  for entry in select jsonb_array_elements(coalesce(extra_index_definitions, '[]')) loop
    if coalesce(entry->>'creation_point', 'CREATION_POINT_AFTER_DATA_LOAD') <> 'CREATION_POINT_AFTER_DATA_LOAD'
       or not synced_tables_internal._is_sql_fragment(entry->>'definition') or octet_length(entry->>'name') > 63 then
      perform synced_tables_internal._raise('TARGET_OPTION_INVALID', '22023',
        format('Extra index %I of synced table %s cannot be made as it is defined.', entry->>'name', full_name),
        'definition is what follows the table''s name in CREATE INDEX, for example USING btree (name); creation_point is CREATION_POINT_AFTER_DATA_LOAD.');
    end if;
    foreign_names := synced_tables_internal._foreign_names_in(entry->>'definition');
    if foreign_names is not null then
      perform synced_tables_internal._raise_foreign_names(full_name, format('index "%s"', entry->>'name'), foreign_names);
    end if;
  end loop;
end $$;
comment on function synced_tables_internal._check_target_options(text, jsonb, jsonb, jsonb) is 'Refuses invalid options of the target.';
