-- Flow sources that are tables of this database: read by the sidecar on behalf of the role that declared the flow.

-- for: owner
create or replace function synced_tables_internal._read_source(flow text, source text, is_change_feed boolean, pipeline uuid, default_schema text) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  name text := btrim(coalesce(substring(source from '(?i)^\s*stream\s*\((.*)\)\s*$'), substring(source from '(?i)^\s*stream\s+(.*)$'), source));
  parts text[];
begin
  if coalesce(name, '') = '' then
    perform synced_tables_internal._raise('AUTOCDC_MISSING_SOURCE', '22023', format('Flow %s has no source.', flow), 'Name the table or view that holds the changes.');
  end if;
  if synced_tables_internal._source_name(name) is not null then
    parts := string_to_array(synced_tables_internal._source_name(name), '.');
  elsif exists (
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
      perform synced_tables_internal._raise('FLOW_SOURCE_UNKNOWN', '42P01',
        format('Flow %s reads from %s, which is neither a view of its pipeline, nor a table of the lakehouse (catalog.schema.table), nor a table of the database: its name has another form.', flow, name),
        'Check the name of the source.');
    end if;
  end if;
  return jsonb_build_object('kind', 'name', 'parts', parts, 'isChangeFeed', coalesce(is_change_feed, false));
end $$;
comment on function synced_tables_internal._read_source(text, text, boolean, uuid, text) is
  'Where a flow reads: a lakehouse table (three parts), a view of the pipeline, otherwise a table of this database.';

-- for: owner
create or replace function synced_tables_internal._declared_source(flow text, source jsonb, pipeline uuid, default_schema text) returns jsonb
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
comment on function synced_tables_internal._declared_source(text, jsonb, uuid, text) is
  'The source of a flow, with the schema filled in for a table of this database.';

-- for: owner
create or replace function synced_tables_internal._lend_source(flow text, source jsonb) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  parts constant text[] := array(select jsonb_array_elements_text(source -> 'parts'));
  relation regclass;
  refusal record;
begin
  if source ->> 'kind' <> 'name' or cardinality(parts) <> 2 then
    return;
  end if;
  relation := to_regclass(format('%I.%I', parts[1], parts[2]));
  if relation is null then
    perform synced_tables_internal._raise('FLOW_SOURCE_UNKNOWN', '42P01',
      format('Flow %s reads from %s, which is neither a view of its pipeline, nor a table of the lakehouse (catalog.schema.table), nor a table of the database: there is no such table.', flow, array_to_string(parts, '.')),
      'Check the name of the source.');
  end if;
  if not coalesce((select has_table_privilege(r.oid, c.oid, 'select') and has_schema_privilege(r.oid, c.relnamespace, 'usage')
                     from pg_roles r, pg_class c where r.rolname = synced_tables_internal._acting_role() and c.oid = relation), false) then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501', format('Role %I may not read %s, the source of flow %s.', synced_tables_internal._acting_role(), relation, flow),
      format('Grant it: GRANT USAGE ON SCHEMA %I TO %I; GRANT SELECT ON %s TO %I;', parts[1], synced_tables_internal._acting_role(), relation, synced_tables_internal._acting_role()));
  end if;
  refusal := synced_tables_internal._source_refusal(relation, synced_tables_internal._acting_role());
  if refusal.code is not null then
    perform synced_tables_internal._raise('FLOW_SOURCE_UNFIT', '42809', format('Flow %s cannot read from %s: %s.', flow, array_to_string(parts, '.'), refusal.reason),
      'Read from a plain table without them.');
  end if;
  -- The sidecar reads on behalf of the caller what the caller may read; every update checks that this is still so.
  perform databricks_auth.lock_schema_rights();
  perform synced_tables_internal._lend_relation(relation);
end $$;
comment on function synced_tables_internal._lend_source(text, jsonb) is 'Lets the sidecar read a table of this database that the caller may read.';

-- for: owner
create or replace function synced_tables_internal._hold_schema(schema_name text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Only a superuser may lock a row of a catalog. Elsewhere a schema that is renamed while its table is read makes the
  -- update fail.
  if databricks_auth.is_superuser(current_user) then
    perform from pg_namespace n where n.nspname = schema_name for key share;
  end if;
end $$;
comment on function synced_tables_internal._hold_schema(text) is 'Keeps a schema from being renamed until the transaction ends, where that is possible.';

-- for: owner
create or replace function synced_tables_internal._may_lock(relation regclass) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- Version 17 has a right of its own for it.
  select has_table_privilege(current_user, relation, 'update') or has_table_privilege(current_user, relation, 'delete')
      or has_table_privilege(current_user, relation, 'truncate')
      or current_setting('server_version_num')::int >= 170000
         and has_table_privilege(current_user, relation, case when current_setting('server_version_num')::int >= 170000 then 'maintain' else 'truncate' end)
$$;
comment on function synced_tables_internal._may_lock(regclass) is
  'Whether the current role may take the lock that keeps new indexes and statistics from a table while the sidecar reads it.';

-- for: owner
create or replace function synced_tables_internal._lend_relation(relation regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  schema_name constant name := (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation);
begin
  if not databricks_auth.is_superuser(current_user)
     and not (has_table_privilege(current_user, relation, 'select with grant option') and synced_tables_internal._may_lock(relation)
              and (has_schema_privilege('databricks_sync', schema_name, 'usage') or has_schema_privilege(current_user, schema_name, 'usage with grant option'))) then
    perform synced_tables_internal._raise('SOURCE_NOT_GRANTABLE', '42501',
      format('Table %s cannot be read by flows yet: role %I may not lend it to the sidecar.', relation, current_user),
      format('Have its owner run: GRANT USAGE ON SCHEMA %I TO %I WITH GRANT OPTION; GRANT SELECT ON %s TO %I WITH GRANT OPTION; GRANT %s ON %s TO %I;',
             schema_name, current_user, relation, current_user,
             case when current_setting('server_version_num')::int >= 170000 then 'MAINTAIN' else 'TRUNCATE' end, relation, current_user));
  end if;
  if not has_schema_privilege('databricks_sync', schema_name, 'usage') or databricks_auth.is_superuser(current_user) then
    execute format('grant usage on schema %I to databricks_sync', schema_name);
  end if;
  execute format('grant select on %s to databricks_sync', relation);
end $$;
comment on function synced_tables_internal._lend_relation(regclass) is
  'Lets the sidecar read a table of this database; refuses where that cannot be granted.';

-- for: owner
create or replace function synced_tables_internal._table_and_children(relation regclass) returns setof oid
language sql stable set search_path = pg_catalog, pg_temp as $$
  with recursive tables (id) as (select relation::oid union select i.inhrelid from tables t join pg_inherits i on i.inhparent = t.id)
  select id from tables
$$;
comment on function synced_tables_internal._table_and_children(regclass) is
  'A table with its partitions and the tables that inherit from it.';

-- for: owner
create or replace function synced_tables_internal._source_refusal(relation regclass, role_name name, out code text, out reason text)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  found_parts text;
begin
  if (select bool_or(c.relkind not in ('r', 'p')) from pg_class c where c.oid in (select synced_tables_internal._table_and_children(relation))) is not false then
    code := 'NOT_A_TABLE';
    reason := 'it is not a table, or has parts that are not';
    return;
  end if;
  if (select synced_tables_internal._is_reserved_schema(n.nspname) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation) then
    code := 'RESERVED_SCHEMA';
    reason := 'its schema is reserved';
    return;
  end if;
  if (select bool_or(c.relrowsecurity) from pg_class c where c.oid in (select synced_tables_internal._table_and_children(relation))) then
    code := 'ROW_SECURITY';
    reason := 'it has row security, and the sidecar would read all of it or nothing';
    return;
  end if;
  if not coalesce((select has_table_privilege(r.oid, relation, 'select') and has_schema_privilege(r.oid, c.relnamespace, 'usage')
                     from pg_roles r, pg_class c where r.rolname = role_name and c.oid = relation), false) then
    code := 'NOT_READABLE';
    reason := format('role %I, which declared the flow, may not read it', role_name);
    return;
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
          and d.objid in (select synced_tables_internal._table_and_children(relation)
                          union all select i.indexrelid from pg_index i where i.indrelid in (select synced_tables_internal._table_and_children(relation)))
          and not (d.objsubid > 0 and d.refclassid = 'pg_type'::regclass)  -- values are read as text
          or d.classid = 'pg_statistic_ext'::regclass
          and d.objid in (select e.oid from pg_statistic_ext e where e.stxrelid in (select synced_tables_internal._table_and_children(relation))));
  if found_parts is not null then
    code := 'FOREIGN_CODE';
    reason := 'an index, its statistics or its partition key uses objects that no superuser owns (' || found_parts || '), and the sidecar would run it';
  end if;
end $$;
comment on function synced_tables_internal._source_refusal(regclass, name) is
  'Why the sidecar refuses to read a table for a role, as a code and in words; nulls if it does not refuse.';

-- for: sidecar
create or replace function synced_tables_internal._hold_source(schema_name text, table_name text, role_name name, out code text, out reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Until the transaction ends the name refers to the same table, which gets no indexes, statistics, partitions or
  -- children: renaming the schema waits for its row, everything else for the table.
  perform synced_tables_internal._hold_schema(schema_name);
  if to_regclass(format('%I.%I', schema_name, table_name)) is null then
    code := 'MISSING';
    reason := 'there is no such table';
    return;
  end if;
  if not synced_tables_internal._may_lock(to_regclass(format('%I.%I', schema_name, table_name))) then
    code := 'NOT_LENT';
    reason := format('role %I may no longer lock it while it is read', current_user);
    return;
  end if;
  execute format('lock table %I.%I in share update exclusive mode', schema_name, table_name);
  select r.code, r.reason into code, reason
    from synced_tables_internal._source_refusal(to_regclass(format('%I.%I', schema_name, table_name)), role_name) r;
  -- Rights go with a table that is dropped. They are not granted here: the sidecar may write the registry, so it would
  -- decide by itself what it may read.
  if code is null and not (has_schema_privilege('databricks_sync', schema_name, 'usage')
                           and has_table_privilege('databricks_sync', format('%I.%I', schema_name, table_name), 'select')) then
    code := 'NOT_LENT';
    reason := 'databricks_sync may not read it: what apply_changes had granted was revoked, or went with a table that was dropped and made anew';
  end if;
end $$;
comment on function synced_tables_internal._hold_source(text, text, name) is
  'For the sidecar, in the transaction in which it reads a table of this database for a role: why it must not, as a code and in words; nulls if it may. The transaction must be READ COMMITTED, or it sees the state before the locks.';

-- for: sidecar
create or replace function synced_tables_internal._read_type(type oid, modifier integer) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  found_type pg_type;
begin
  -- Writing a value of a domain checks it, and casts to other people's types are their code; the sidecar would run both.
  loop
    select * into found_type from pg_type t where t.oid = _read_type.type;
    exit when found_type.typtype <> 'd';
    type := found_type.typbasetype;
    modifier := case when modifier is null then null else found_type.typtypmod end;
  end loop;
  return case when (select r.rolsuper from pg_roles r where r.oid = found_type.typowner) then format_type(type, modifier) else 'text' end;
end $$;
comment on function synced_tables_internal._read_type(oid, integer) is
  'The type that a column of a flow''s source has in the target, without its modifier if that is null: a domain''s base type; text for a type that no superuser owns.';
