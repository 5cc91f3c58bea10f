-- Code of others that the sidecar would run: in expressions of extra columns and indexes, in tables that flows read, and in
-- what somebody puts in the place of a streaming table's state.

create function synced_tables._is_calm_function(schema_name name, function_name name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- A volatile function can do anything that databricks_sync may, a few only make values; table_to_xml and its like read
  -- tables although they are stable. One overload that is not calm is enough.
  select coalesce(bool_and(p.proname ~ '^(gen_random_(uuid|bytes)|uuidv[47]|uuid_generate_v[0-9a-z]+|random|random_normal|clock_timestamp|timeofday|nextval)$'
                           or p.provolatile <> 'v' and p.proname !~ '^(table|schema|database|cursor|query)_to_xml'), true)
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname = schema_name and p.proname = function_name and (p.prokind <> 'f' or p.prorettype <> 'trigger'::regtype)
$$;
comment on function synced_tables._is_calm_function(name, name) is
  'Whether functions of that name do nothing but work out values; true when there are none.';

create function synced_tables._is_foreign_name(schema_name name, object_name name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- Whoever may create in the schema could put a function beside those that are there.
  select synced_tables._is_reserved_schema(schema_name) or not coalesce(bool_and(r.rolsuper), false)
    from (select p.proowner as owner from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = schema_name and p.proname = object_name
          union all select t.typowner from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname = schema_name and t.typname = object_name
          union all select o.oprowner from pg_operator o join pg_namespace n on n.oid = o.oprnamespace where n.nspname = schema_name and o.oprname = object_name
          union all select c.opcowner from pg_opclass c join pg_namespace n on n.oid = c.opcnamespace where n.nspname = schema_name and c.opcname = object_name
          union all select c.collowner from pg_collation c join pg_namespace n on n.oid = c.collnamespace where n.nspname = schema_name and c.collname = object_name
          union all select c.cfgowner from pg_ts_config c join pg_namespace n on n.oid = c.cfgnamespace where n.nspname = schema_name and c.cfgname = object_name) named
    join pg_roles r on r.oid = named.owner
$$;
comment on function synced_tables._is_foreign_name(name, name) is 'Whether a qualified name stands for nothing, for something of ours, or for something that no superuser owns.';

create function synced_tables._foreign_names_in(fragment text) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  token record;
  words text[] := '{}';
  names boolean[] := '{}';
  found_names text[] := '{}';
begin
  -- Names are looked at before Postgres sees the text: parsing and planning run code already.
  for token in
    select m.part[1] as quoted, m.part[2] as literal, m.part[3] as word, m.part[4] as sign
      from regexp_matches(fragment, '("(?:[^"]|"")+")|(''(?:[^'']|'''')*'')|([[:alpha:]_\u0080-\uffff][[:alnum:]_$\u0080-\uffff]*)|([-+*/<>=~!@#%^&|`?]+|\S)', 'g')
             with ordinality m (part, nth) order by m.nth
  loop
    words := words || coalesce(replace(substr(token.quoted, 2, length(token.quoted) - 2), '""', '"'), lower(token.word collate "C"), token.sign, '''');
    names := names || (token.quoted is not null or token.word is not null);
  end loop;
  for nth in 1 .. cardinality(words) loop
    continue when not names[nth];
    if words[nth + 1] = '.' then
      -- schema.name; another thing with a dot is a column, which needs no look.
      if words[nth] <> 'pg_catalog' and exists (select from pg_namespace n where n.nspname = words[nth])
         and (synced_tables._is_foreign_name(words[nth], words[nth + 2])
              or words[nth + 3] = '(' and not synced_tables._is_calm_function(words[nth], words[nth + 2])) then
        found_names := found_names || format('%I.%I', words[nth], words[nth + 2]);
      end if;
    elsif words[nth + 1] = '(' and (nth = 1 or words[nth - 1] <> '.' or words[nth - 2] = 'pg_catalog')
          and not synced_tables._is_calm_function('pg_catalog', words[nth]) then
      found_names := found_names || words[nth];
    end if;
  end loop;
  return nullif(array_to_string(found_names, ', '), '');
end $$;
comment on function synced_tables._foreign_names_in(text) is
  'What an expression or a definition names that the sidecar must not run: what no superuser owns, and functions that do more than to work out a value. Null when nothing.';

-- As before, and names are looked at.
create or replace function synced_tables._check_target_options(full_name text, type_overrides jsonb, extra_columns jsonb,
                                                               extra_index_definitions jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  entry jsonb;
  size text;
  foreign_names text;
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
    foreign_names := concat_ws(', ', synced_tables._foreign_names_in(entry->>'column_type'), synced_tables._foreign_names_in(entry->>'compute'));
    if foreign_names <> '' then
      perform synced_tables._raise_foreign_names(full_name, format('column "%s"', entry->>'column_name'), foreign_names);
    end if;
  end loop;
  for entry in select jsonb_array_elements(coalesce(extra_index_definitions, '[]')) loop
    if coalesce(entry->>'creation_point', 'CREATION_POINT_AFTER_DATA_LOAD') <> 'CREATION_POINT_AFTER_DATA_LOAD'
       or not synced_tables._is_sql_fragment(entry->>'definition') or octet_length(entry->>'name') > 63 then
      perform synced_tables._raise('TARGET_OPTION_INVALID', '22023',
        format('Extra index %I of synced table %s cannot be made as it is defined.', entry->>'name', full_name),
        'definition is what follows the table''s name in CREATE INDEX, for example USING btree (name); creation_point is CREATION_POINT_AFTER_DATA_LOAD.');
    end if;
    foreign_names := synced_tables._foreign_names_in(entry->>'definition');
    if foreign_names is not null then
      perform synced_tables._raise_foreign_names(full_name, format('index "%s"', entry->>'name'), foreign_names);
    end if;
  end loop;
end $$;

create function synced_tables._raise_foreign_names(full_name text, what text, foreign_names text) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  select synced_tables._raise('EXTRA_DEFINITION_INVALID', '42P17',
    format('Synced table %s cannot have its extra %s: the sidecar would run %s.', full_name, what, foreign_names),
    'Use columns of the table, built-in objects, and objects that a superuser owns, with their schema; no function that does more than to work out a value.');
$$;
comment on function synced_tables._raise_foreign_names(text, text, text) is 'Refuses an extra column or index that names what the sidecar must not run.';

-- Tables of this database that flows read belong to others. Planning a query on one runs functions of its indexes,
-- statistics and partition key; a view put in its place runs anything.

create function synced_tables._table_and_children(relation regclass) returns setof oid
language sql stable set search_path = pg_catalog, pg_temp as $$
  with recursive tables (id) as (select relation::oid union select i.inhrelid from tables t join pg_inherits i on i.inhparent = t.id)
  select id from tables
$$;
comment on function synced_tables._table_and_children(regclass) is 'A table with its partitions and what inherits from it.';

create function synced_tables._source_refusal(relation regclass, role_name name) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  found_parts text;
begin
  if (select bool_or(c.relkind not in ('r', 'p')) from pg_class c where c.oid in (select synced_tables._table_and_children(relation))) is not false then
    return 'it is no table, or has parts that are none';
  end if;
  if (select synced_tables._is_reserved_schema(n.nspname) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation) then
    return 'its schema is reserved';
  end if;
  if (select bool_or(c.relrowsecurity) from pg_class c where c.oid in (select synced_tables._table_and_children(relation))) then
    return 'it has row security, and the sidecar would read all of it or nothing';
  end if;
  if not coalesce((select has_table_privilege(r.oid, relation, 'select') and has_schema_privilege(r.oid, c.relnamespace, 'usage')
                     from pg_roles r, pg_class c where r.rolname = role_name and c.oid = relation), false) then
    return format('role %I, which declared the flow, may not read it', role_name);
  end if;
  select string_agg(distinct pg_describe_object(d.refclassid, d.refobjid, 0), ', ') into found_parts
    from pg_depend d
    left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
    left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
    left join pg_opclass oc on d.refclassid = 'pg_opclass'::regclass and oc.oid = d.refobjid
    left join pg_type t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
    join pg_roles r on r.oid = coalesce(p.proowner, o.oprowner, oc.opcowner, t.typowner)
   where not r.rolsuper
     and (d.classid = 'pg_class'::regclass
          and d.objid in (select synced_tables._table_and_children(relation)
                          union all select i.indexrelid from pg_index i where i.indrelid in (select synced_tables._table_and_children(relation)))
          and not (d.objsubid > 0 and d.refclassid = 'pg_type'::regclass)  -- values are read as text
          or d.classid = 'pg_statistic_ext'::regclass
          and d.objid in (select e.oid from pg_statistic_ext e where e.stxrelid in (select synced_tables._table_and_children(relation))));
  return 'an index, its statistics or its partition key uses what no superuser owns (' || found_parts || '), and the sidecar would run it';
end $$;
comment on function synced_tables._source_refusal(regclass, name) is
  'Why the sidecar does not read a table for a role; null when it does.';

create function synced_tables._hold_source(schema_name text, table_name text, role_name name) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Until the end of the transaction the name stands for the same table, and that gets no indexes, statistics, partitions
  -- or children: renaming the schema waits for its row, everything else for the table.
  perform from pg_namespace n where n.nspname = schema_name for key share;
  if not found or to_regclass(format('%I.%I', schema_name, table_name)) is null then
    return 'there is no such table';
  end if;
  execute format('lock table %I.%I in share update exclusive mode', schema_name, table_name);
  return synced_tables._source_refusal(to_regclass(format('%I.%I', schema_name, table_name)), role_name);
end $$;
comment on function synced_tables._hold_source(text, text, name) is
  'For the sidecar, in the transaction (READ COMMITTED, or it sees what was before the locks) in which it reads a table of this database for a role: why it must not; null when it may.';

create function synced_tables._read_type(type oid, modifier integer) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  found_type pg_type;
begin
  -- Writing a value of a domain checks it, and casts to types of others are theirs: code that the sidecar would run.
  loop
    select * into found_type from pg_type t where t.oid = _read_type.type;
    exit when found_type.typtype <> 'd';
    type := found_type.typbasetype;
    modifier := case when modifier is null then null else found_type.typtypmod end;
  end loop;
  return case when (select r.rolsuper from pg_roles r where r.oid = found_type.typowner) then format_type(type, modifier) else 'text' end;
end $$;
comment on function synced_tables._read_type(oid, integer) is
  'The type that a column of a flow''s source has in the target, without its modifier if that is null: what is below a domain; text for a type that no superuser owns.';

create or replace function synced_tables._lend_source(flow text, source jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := array(select jsonb_array_elements_text(source -> 'parts'));
  relation regclass;
  refusal text;
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
  if not coalesce((select has_table_privilege(r.oid, c.oid, 'select') and has_schema_privilege(r.oid, c.relnamespace, 'usage')
                     from pg_roles r, pg_class c where r.rolname = synced_tables._acting_role() and c.oid = relation), false) then
    perform synced_tables._raise('PERMISSION_DENIED', '42501', format('Role %I may not read %s, the source of flow %s.', synced_tables._acting_role(), relation, flow),
      format('Grant it: GRANT USAGE ON SCHEMA %I TO %I; GRANT SELECT ON %s TO %I;', parts[1], synced_tables._acting_role(), relation, synced_tables._acting_role()));
  end if;
  refusal := synced_tables._source_refusal(relation, synced_tables._acting_role());
  if refusal is not null then
    perform synced_tables._raise('FLOW_SOURCE_UNFIT', '42809', format('Flow %s cannot read from %s: %s.', flow, array_to_string(parts, '.'), refusal),
      'Read from a plain table without them.');
  end if;
  -- What the caller may read, the sidecar reads for him; whether he still may is asked at every update.
  perform databricks_auth.lock_schema_rights();
  execute format('grant usage on schema %I to databricks_sync', parts[1]);
  execute format('grant select on %s to databricks_sync', relation);
end $$;

-- Schemas belong to people, who can rename them and drop what is in them: a table of theirs under the name of a streaming
-- table's state would run their triggers as the sidecar.

create function synced_tables._hold_target(target_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  target synced_tables._cdc_targets;
  part record;
  relation regclass;
begin
  select * into strict target from synced_tables._cdc_targets t where t.target_id = _hold_target.target_id;
  -- Until the end of the transaction names stand for what they stand for now.
  perform from pg_namespace n where n.nspname = target.schema_name for key share;
  for part in
    select r.key as role, r.value as name,
           r.key in ('view', 'storage') or r.key = 'feed' and target.feed is not null or r.key = 'base' and target.shape ->> 'source' = 'snapshots' as is_used
      from jsonb_each_text(target.shape -> 'relations') r
  loop
    continue when not part.is_used;
    relation := to_regclass(part.name);
    if part.role <> 'view' and relation is not null then
      execute format('lock table %s in row exclusive mode', relation);
      relation := to_regclass(part.name);
    end if;
    if (select c.relowner from pg_class c where c.oid = relation) is distinct from 'databricks_sync'::regrole::oid
       or part.role = 'view' and relation <> target.target or part.role = 'feed' and relation <> target.feed then
      perform synced_tables._raise('AUTOCDC_TARGET_CHANGED', '42809',
        format('%s, part of streaming table %I.%I, is not what the sidecar made.', part.name, target.schema_name, target.table_name),
        'Put schema and tables back as they were; or drop what is in the way, and the streaming table with synced_tables.delete_streaming_table, and declare it again.');
    end if;
  end loop;
end $$;
comment on function synced_tables._hold_target(uuid) is
  'Keeps a streaming table and the state behind it what they are until the transaction ends; refuses when they are not the sidecar''s any more.';

create or replace function synced_tables._next_cdc_version(target_id uuid, out version bigint, out changed_at timestamptz)
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Once in a transaction.
  if exists (select from synced_tables._cdc_targets t where t.target_id = _next_cdc_version.target_id and t.changed_by is distinct from pg_current_xact_id()) then
    perform synced_tables._hold_target(_next_cdc_version.target_id);
  end if;
  update synced_tables._cdc_targets t
     set commit_version = case when t.changed_by = pg_current_xact_id() then t.commit_version else t.commit_version + 1 end,
         changed_by = pg_current_xact_id()
   where t.target_id = _next_cdc_version.target_id
  returning t.commit_version into version;
  changed_at := clock_timestamp();
end $$;

revoke execute on function synced_tables._is_calm_function(name, name), synced_tables._is_foreign_name(name, name),
  synced_tables._raise_foreign_names(text, text, text), synced_tables._table_and_children(regclass),
  synced_tables._source_refusal(regclass, name) from public;

do $$
begin
  perform synced_tables._publish_routine('_foreign_names_in', 'sidecar');
  perform synced_tables._publish_routine('_hold_target', 'sidecar');
  perform synced_tables._publish_routine('_next_cdc_version', 'sidecar');
  perform synced_tables._publish_routine('_hold_source', 'sidecar');
  perform synced_tables._publish_routine('_read_type', 'sidecar');
end $$;
