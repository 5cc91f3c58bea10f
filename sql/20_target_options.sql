-- What a synced table may have beyond its source: columns of other types, columns and indexes of Postgres alone, a load
-- over more connections. Names and values are those of the Databricks API.

alter table synced_tables._tables
  add column type_overrides jsonb not null default '[]',
  add column extra_columns jsonb not null default '[]',
  add column extra_index_definitions jsonb not null default '[]',
  add column accelerated_sync boolean not null default false,
  add column new_pipeline_spec jsonb;
comment on column synced_tables._tables.type_overrides is 'Columns that get a Postgres type of their own: [{"column_name", "pg_type", "size"}].';
comment on column synced_tables._tables.extra_columns is 'Columns that only Postgres has: [{"column_name", "column_type", "compute", "maintenance"}].';
comment on column synced_tables._tables.extra_index_definitions is 'Indexes made after the first load: [{"name", "definition", "creation_point"}].';
comment on column synced_tables._tables.accelerated_sync is 'Whether whole copies load over more connections.';
comment on column synced_tables._tables.new_pipeline_spec is 'As it was given; kept for who asks, without effect.';

create function synced_tables._is_sql_fragment(fragment text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
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
comment on function synced_tables._is_sql_fragment(text) is
  'Whether a text can stand inside a statement without ending it or closing a bracket around it: no semicolon, comment, dollar quote or escape string; quotes and brackets closed.';

create function synced_tables._is_type(type_name text) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return to_regtype(type_name) is not null;
exception when syntax_error or invalid_parameter_value or feature_not_supported or invalid_schema_name then
  return false;  -- before PostgreSQL 17 what is no type at all raises
end $$;
comment on function synced_tables._is_type(text) is 'Whether a text names a type.';

create function synced_tables._extension_type(extension name, type_name name) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select format('%I.%I', n.nspname, t.typname)
    from pg_extension e
    join pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e' and d.classid = 'pg_type'::regclass
    join pg_type t on t.oid = d.objid join pg_namespace n on n.oid = t.typnamespace
   where e.extname = extension and t.typname = type_name
$$;
comment on function synced_tables._extension_type(name, name) is 'The qualified name of a type that an extension brings; null when it is not there.';

create function synced_tables._override_type(override jsonb) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select case override->>'pg_type'
           when 'PG_SPECIFIC_TYPE_VECTOR' then synced_tables._extension_type('vector', 'vector') || format('(%s)', override->>'size')
           when 'PG_SPECIFIC_TYPE_HALFVEC' then synced_tables._extension_type('vector', 'halfvec') || format('(%s)', override->>'size')
           when 'PG_SPECIFIC_TYPE_VARCHAR' then 'character varying' || coalesce(format('(%s)', nullif(override->>'size', '')), '')
         end
$$;
comment on function synced_tables._override_type(jsonb) is 'The Postgres type of an entry of type_overrides, as format_type() writes it.';

create function synced_tables._check_list(full_name text, argument text, entries jsonb, required text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  entry jsonb;
  field text;
begin
  if entries is null then
    return;
  end if;
  if jsonb_typeof(entries) <> 'array' then
    perform synced_tables._raise('TARGET_OPTION_INVALID', '22023', format('%s of synced table %s is not an array.', argument, full_name),
      format('Give a JSON array of objects with %s.', array_to_string(required, ', ')));
  end if;
  for entry in select jsonb_array_elements(entries) loop
    foreach field in array required loop
      if jsonb_typeof(entry) <> 'object' or coalesce(entry->>field, '') = '' then
        perform synced_tables._raise('TARGET_OPTION_INVALID', '22023',
          format('An entry of %s of synced table %s lacks %s.', argument, full_name, field),
          format('Each entry is an object with %s.', array_to_string(required, ', ')));
      end if;
    end loop;
  end loop;
end $$;
comment on function synced_tables._check_list(text, text, jsonb, text[]) is 'Refuses a list of options whose entries lack a field.';

create function synced_tables._check_target_options(full_name text, type_overrides jsonb, extra_columns jsonb,
                                                    extra_index_definitions jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  entry jsonb;
  size text;
begin
  perform synced_tables._check_list(full_name, 'type_overrides', type_overrides, array['column_name', 'pg_type']);
  perform synced_tables._check_list(full_name, 'extra_columns', extra_columns, array['column_name', 'column_type', 'maintenance']);
  perform synced_tables._check_list(full_name, 'extra_index_definitions', extra_index_definitions, array['name', 'definition']);
  for entry in select jsonb_array_elements(coalesce(type_overrides, '[]')) loop
    size := entry->>'size';
    if entry->>'pg_type' not in ('PG_SPECIFIC_TYPE_VECTOR', 'PG_SPECIFIC_TYPE_HALFVEC', 'PG_SPECIFIC_TYPE_VARCHAR') then
      perform synced_tables._raise('TARGET_OPTION_INVALID', '22023',
        format('pg_type %L of column %I of synced table %s is unknown.', entry->>'pg_type', entry->>'column_name', full_name),
        'Use PG_SPECIFIC_TYPE_VECTOR, PG_SPECIFIC_TYPE_HALFVEC or PG_SPECIFIC_TYPE_VARCHAR.');
    end if;
    if coalesce(size, '1') !~ '^[1-9][0-9]{0,7}$' or (size is null and entry->>'pg_type' <> 'PG_SPECIFIC_TYPE_VARCHAR')
       or size::int > (case entry->>'pg_type' when 'PG_SPECIFIC_TYPE_VARCHAR' then 10485760 else 16000 end) then
      perform synced_tables._raise('TARGET_OPTION_INVALID', '22023',
        format('Size %s of column %I of synced table %s does not fit its type.', coalesce(size, 'null'), entry->>'column_name', full_name),
        'Give the dimensions of a vector (1 to 16000) or the length of a varchar (1 to 10485760).');
    end if;
    if synced_tables._override_type(entry) is null then
      perform synced_tables._raise('PGVECTOR_MISSING', '58P01',
        format('Column %I of synced table %s is to be a vector, but this database has no pgvector.', entry->>'column_name', full_name),
        'Install pgvector on the server and run: CREATE EXTENSION vector;');
    end if;
  end loop;
  for entry in select jsonb_array_elements(coalesce(extra_columns, '[]')) loop
    if entry->>'maintenance' not in ('STORED_GENERATED', 'DEFAULT_VALUE') then
      perform synced_tables._raise('TARGET_OPTION_INVALID', '22023',
        format('maintenance %L of extra column %I of synced table %s is unknown.', entry->>'maintenance', entry->>'column_name', full_name),
        'Use STORED_GENERATED or DEFAULT_VALUE.');
    end if;
    if not synced_tables._is_sql_fragment(entry->>'column_type') or (entry->>'column_type') ~ '[^][A-Za-z0-9_ (),."]'
       or not synced_tables._is_type(entry->>'column_type') then
      perform synced_tables._raise('TARGET_OPTION_INVALID', '22023',
        format('Type %L of extra column %I of synced table %s is unknown.', entry->>'column_type', entry->>'column_name', full_name),
        'Name a Postgres type; those outside of pg_catalog with their schema, for example public.hstore.');
    end if;
    if not synced_tables._is_sql_fragment(coalesce(entry->>'compute', (case entry->>'maintenance' when 'DEFAULT_VALUE' then 'null' end))) then
      perform synced_tables._raise('TARGET_OPTION_INVALID', '22023',
        format('What extra column %I of synced table %s is computed from is no expression of its own.', entry->>'column_name', full_name),
        'Give one expression with its brackets and quotes closed, without semicolons, comments, dollar quotes and E'''' strings.');
    end if;
  end loop;
  for entry in select jsonb_array_elements(coalesce(extra_index_definitions, '[]')) loop
    if coalesce(entry->>'creation_point', 'CREATION_POINT_AFTER_DATA_LOAD') <> 'CREATION_POINT_AFTER_DATA_LOAD'
       or not synced_tables._is_sql_fragment(entry->>'definition') or octet_length(entry->>'name') > 63 then
      perform synced_tables._raise('TARGET_OPTION_INVALID', '22023',
        format('Extra index %I of synced table %s cannot be made as it is defined.', entry->>'name', full_name),
        'definition is what follows the table''s name in CREATE INDEX, for example USING btree (name); creation_point is CREATION_POINT_AFTER_DATA_LOAD.');
    end if;
  end loop;
end $$;
comment on function synced_tables._check_target_options(text, jsonb, jsonb, jsonb) is 'Refuses options of the target that cannot be meant.';

create function synced_tables._foreign_parts_of_columns(relation regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(distinct pg_describe_object(d.refclassid, d.refobjid, 0), ', ')
    from pg_depend d
    left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
    left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
    left join pg_type t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
    left join pg_collation co on d.refclassid = 'pg_collation'::regclass and co.oid = d.refobjid
    left join pg_roles r on r.oid = coalesce(p.proowner, o.oprowner, t.typowner, co.collowner)
   where (d.classid = 'pg_class'::regclass and d.objid = relation and d.objsubid > 0 and d.refclassid <> 'pg_class'::regclass
          or d.classid = 'pg_attrdef'::regclass and d.objid in (select a.oid from pg_attrdef a where a.adrelid = relation)
             and d.refobjid <> relation)
     and not coalesce(r.rolsuper, false)
$$;
comment on function synced_tables._foreign_parts_of_columns(regclass) is
  'What the columns of a table that is about to be loaded use that no superuser owns; null when nothing. The code would run as the sidecar at every write.';

create function synced_tables._foreign_parts_of_index(relation regclass, index_name name) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select databricks_auth.foreign_parts_of(i.indexrelid, i.indrelid)
    from pg_index i join pg_class c on c.oid = i.indexrelid
   where i.indrelid = relation and c.relname = index_name
$$;
comment on function synced_tables._foreign_parts_of_index(regclass, name) is 'The same of an index.';

drop function synced_tables.create_synced_table(text, text, text[], text, text, text, boolean, uuid, boolean, text);

create function synced_tables.create_synced_table(
  synced_table text, source_table_full_name text, primary_key_columns text[], scheduling_policy text default 'SNAPSHOT',
  timeseries_key text default null, invalid_characters text default 'fail',
  create_database_objects_if_missing boolean default true, existing_pipeline_id uuid default null,
  allow_file_diff boolean default false, on_history_gap text default 'fail',
  type_overrides jsonb default null, extra_columns jsonb default null, extra_index_definitions jsonb default null,
  accelerated_sync boolean default false, new_pipeline_spec jsonb default null) returns uuid
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
  perform synced_tables._check_target(parts[1], parts[2], coalesce(create_database_objects_if_missing, true));
  perform synced_tables._check_source(create_synced_table.source_table_full_name);
  pipeline := synced_tables._choose_pipeline(full_name, upper(create_synced_table.scheduling_policy), existing_pipeline_id);
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
comment on function synced_tables.create_synced_table(text, text, text[], text, text, text, boolean, uuid, boolean, text, jsonb, jsonb, jsonb, boolean, jsonb) is
  'Asks for a synced table: schema.table from catalog.schema.table of the lakehouse. Returns the id of its first update; CALL synced_tables.wait_for_update(id) waits for it. Needs CREATE on the schema, or on the database when the schema is missing.';

revoke execute on function synced_tables._is_sql_fragment(text), synced_tables._is_type(text), synced_tables._extension_type(name, name),
  synced_tables._check_list(text, text, jsonb, text[]),
  synced_tables._check_target_options(text, jsonb, jsonb, jsonb) from public;
do $$
begin
  perform synced_tables._publish_routine('create_synced_table', 'operators');
  perform synced_tables._publish_routine('_override_type', 'sidecar');
  perform synced_tables._publish_routine('_extension_type', 'sidecar');
  perform synced_tables._publish_routine('_foreign_parts_of_columns', 'sidecar');
  perform synced_tables._publish_routine('_foreign_parts_of_index', 'sidecar');
end $$;
