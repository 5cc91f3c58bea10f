-- Postgres-only columns and indexes must not run other people's code with the sidecar's rights.

-- for: owner
create or replace function synced_tables_internal._is_calm_function(schema_name name, function_name name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- A volatile function can do anything that databricks_sync may, except the few listed here that only produce values;
  -- table_to_xml and the like read tables although they are stable. One overload that is not calm is enough.
  select coalesce(bool_and(p.proname ~ '^(gen_random_(uuid|bytes)|uuidv[47]|uuid_generate_v[0-9a-z]+|random|random_normal|clock_timestamp|timeofday|nextval)$'
                           or p.provolatile <> 'v' and p.proname !~ '^(table|schema|database|cursor|query)_to_xml'), true)
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname = schema_name and p.proname = function_name and (p.prokind <> 'f' or p.prorettype <> 'trigger'::regtype)
$$;
comment on function synced_tables_internal._is_calm_function(name, name) is
  'Whether functions of that name only compute values; true if there are none.';

-- for: owner
create or replace function synced_tables_internal._is_foreign_name(schema_name name, object_name name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- Anybody who may create objects in the schema could add a function next to the existing ones.
  select synced_tables_internal._is_reserved_schema(schema_name) or not coalesce(bool_and(r.rolsuper), false)
    from (select p.proowner as owner from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = schema_name and p.proname = object_name
          union all select t.typowner from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname = schema_name and t.typname = object_name
          union all select o.oprowner from pg_operator o join pg_namespace n on n.oid = o.oprnamespace where n.nspname = schema_name and o.oprname = object_name
          union all select c.opcowner from pg_opclass c join pg_namespace n on n.oid = c.opcnamespace where n.nspname = schema_name and c.opcname = object_name
          union all select c.collowner from pg_collation c join pg_namespace n on n.oid = c.collnamespace where n.nspname = schema_name and c.collname = object_name
          union all select c.cfgowner from pg_ts_config c join pg_namespace n on n.oid = c.cfgnamespace where n.nspname = schema_name and c.cfgname = object_name) named
    join pg_roles r on r.oid = named.owner
$$;
comment on function synced_tables_internal._is_foreign_name(name, name) is 'Whether a qualified name refers to nothing, to an object of ours, or to one that no superuser owns.';

-- for: sidecar
create or replace function synced_tables_internal._foreign_names_in(fragment text) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  token record;
  words text[] := '{}';
  names boolean[] := '{}';
  found_names text[] := '{}';
begin
  -- Names are checked before Postgres sees the text, because parsing and planning already run code.
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
      -- schema.name; anything else with a dot is a column, which needs no check.
      if words[nth] <> 'pg_catalog' and exists (select from pg_namespace n where n.nspname = words[nth])
         and (synced_tables_internal._is_foreign_name(words[nth], words[nth + 2])
              or words[nth + 3] = '(' and not synced_tables_internal._is_calm_function(words[nth], words[nth + 2])) then
        found_names := found_names || format('%I.%I', words[nth], words[nth + 2]);
      end if;
    elsif words[nth + 1] = '(' and (nth = 1 or words[nth - 1] <> '.' or words[nth - 2] = 'pg_catalog')
          and not synced_tables_internal._is_calm_function('pg_catalog', words[nth]) then
      found_names := found_names || words[nth];
    end if;
  end loop;
  return nullif(array_to_string(found_names, ', '), '');
end $$;
comment on function synced_tables_internal._foreign_names_in(text) is
  'Names in an expression or a definition that the sidecar must not run: objects that no superuser owns, and functions that do more than compute a value. Null if none.';

-- for: owner
create or replace function synced_tables_internal._raise_foreign_names(full_name text, what text, foreign_names text) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  select synced_tables_internal._raise('EXTRA_DEFINITION_INVALID', '42P17',
    format('Synced table %s cannot have its extra %s: the sidecar would run %s.', full_name, what, foreign_names),
    'Use columns of the table, built-in objects, and objects that a superuser owns, with their schema; no function that does more than compute a value.');
$$;
comment on function synced_tables_internal._raise_foreign_names(text, text, text) is
  'Refuses an extra column or index that names something the sidecar must not run.';

-- for: sidecar
create or replace function synced_tables_internal._foreign_parts_of_columns(relation regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(distinct pg_describe_object(d.refclassid, d.refobjid, 0), ', ')
    from pg_depend d
    left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
    left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
    left join pg_type t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
    left join pg_collation co on d.refclassid = 'pg_collation'::regclass and co.oid = d.refobjid
    -- Not even those of Postgres are pinned.
    left join pg_ts_config tc on d.refclassid = 'pg_ts_config'::regclass and tc.oid = d.refobjid
    left join pg_ts_dict td on d.refclassid = 'pg_ts_dict'::regclass and td.oid = d.refobjid
    left join pg_roles r on r.oid = coalesce(p.proowner, o.oprowner, t.typowner, co.collowner, tc.cfgowner, td.dictowner)
   where (d.classid = 'pg_class'::regclass and d.objid = relation and d.objsubid > 0 and d.refclassid <> 'pg_class'::regclass
          or d.classid = 'pg_attrdef'::regclass and d.objid in (select a.oid from pg_attrdef a where a.adrelid = relation)
             and d.refobjid <> relation)
     and not coalesce(r.rolsuper, false)
$$;
comment on function synced_tables_internal._foreign_parts_of_columns(regclass) is
  'What the columns of a table that is about to be loaded use that no superuser owns; null if nothing. The code would run as the sidecar at every write.';

-- for: sidecar
create or replace function synced_tables_internal._foreign_parts_of_index(relation regclass, index_name name) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select databricks_auth.foreign_parts_of(i.indexrelid, i.indrelid)
    from pg_index i join pg_class c on c.oid = i.indexrelid
   where i.indrelid = relation and c.relname = index_name
$$;
comment on function synced_tables_internal._foreign_parts_of_index(regclass, name) is 'The same for an index.';
