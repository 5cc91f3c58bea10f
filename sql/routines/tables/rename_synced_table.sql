-- Other names for synced tables. A table is known by its OID, and its name is looked up: whoever renames it in Postgres,
-- by the function here or with ALTER TABLE or ALTER SCHEMA, the registry is told in the same transaction (guard/renames.sql),
-- or by the next look of a sidecar where there are no event triggers.

-- for: owner
create or replace function synced_tables_internal._is_registered(relation oid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select exists (select from synced_tables._tables t where t.relation = _is_registered.relation)
$$;
comment on function synced_tables_internal._is_registered(oid) is 'Whether a table is one that is synced, so that its name is kept here.';

-- for: owner
create or replace function synced_tables_internal._has_new_name(relation oid) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select exists (select from synced_tables._tables t join pg_class c on c.oid = t.relation join pg_namespace n on n.oid = c.relnamespace
                  where t.relation = _has_new_name.relation and (t.schema_name, t.table_name) <> (n.nspname, c.relname))
$$;
comment on function synced_tables_internal._has_new_name(oid) is 'Whether a synced table has another name in Postgres than here.';

-- for: owner
create or replace function synced_tables_internal._check_new_name(renamed synced_tables._tables, schema_name text, table_name text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  full_name constant text := synced_tables_internal._display_name(schema_name, table_name);
  taken text;
begin
  if synced_tables_internal._is_reserved_schema(schema_name) then
    perform synced_tables_internal._raise('SCHEMA_RESERVED', '42939',
      format('Schema %I is reserved; synced table %s cannot be there.', schema_name, full_name), 'Choose another schema.');
  end if;
  if schema_name !~ '^[A-Za-z0-9_]{1,63}$' or table_name !~ '^[A-Za-z0-9_]{1,63}$' then
    perform synced_tables_internal._raise('SYNCED_TABLE_NAME_INVALID', '42602',
      format('Synced table name %L is not of the form schema.table with parts of 1 to 63 letters, digits and _.', full_name),
      'Write schema and table separated by a dot, for example gold.user_profiles; quote parts with capitals.');
  end if;
  select k.synced_table into taken
    from (select t.table_id, t.schema_name, t.table_name, t.synced_table from synced_tables._tables t
          union all select s.table_id, s.schema_name, s.table_name, s.synced_table from synced_tables._streaming_tables s) k
   where lower(k.schema_name) = lower(_check_new_name.schema_name) and lower(k.table_name) = lower(_check_new_name.table_name)
     and k.table_id <> renamed.table_id
   limit 1;
  if taken is not null then
    perform synced_tables_internal._raise('SYNCED_TABLE_EXISTS', '42P07', format('Synced table %s already exists.', taken),
      'Choose another name; those that differ in case only are the same to Unity Catalog.');
  end if;
end $$;
comment on function synced_tables_internal._check_new_name(synced_tables._tables, text, text) is
  'Refuses a new name that a synced table cannot have here; what else has it, Postgres refuses itself.';

-- for: owner
create or replace function synced_tables_internal._rename_flow_source(before text[], after text[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  changed record;
begin
  for changed in
    update synced_tables._flows f set source = jsonb_set(f.source, '{parts}', to_jsonb(after))
      from synced_tables._streaming_tables s
     where s.table_id = f.table_id and f.source ->> 'kind' = 'name' and f.source -> 'parts' = to_jsonb(before)
    returning f.flow_name, s.schema_name, s.table_name, s.pipeline_id
  loop
    -- Where it was in the table of the old name, it is in the same table under the new one.
    update synced_tables._cdc_positions p
       set position = (p.position - array_to_string(before, '.')) || jsonb_build_object(array_to_string(after, '.'), p.position -> array_to_string(before, '.'))
      from synced_tables._cdc_targets t
     where t.target_id = p.target_id and (t.schema_name, t.table_name) = (changed.schema_name, changed.table_name)
       and p.flow_name = changed.flow_name and jsonb_typeof(p.position) = 'object' and p.position ? array_to_string(before, '.');
    perform synced_tables_internal._note_declaration(changed.pipeline_id);
  end loop;
end $$;
comment on function synced_tables_internal._rename_flow_source(text[], text[]) is
  'Flows that read a table of this database go on reading it under its new name, from where they were.';

-- for: owner
create or replace function synced_tables_internal._note_name(renamed synced_tables._tables, new_schema text, new_table text, renamed_by name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  full_name constant text := synced_tables_internal._display_name(new_schema, new_table);
begin
  update synced_tables._tables t set schema_name = new_schema, table_name = new_table, made_schema = t.made_schema and new_schema = t.schema_name
   where t.table_id = renamed.table_id;
  delete from synced_tables._former_names f where (f.schema_name, f.table_name) = (new_schema, new_table);
  -- What waits and runs goes on with it, and its history is found under its name.
  update synced_tables._updates u
     set selection = (select jsonb_object_agg(part.key, (select coalesce(jsonb_agg(case when name = renamed.synced_table then full_name else name end), '[]')
                                                            from jsonb_array_elements_text(part.value) name))
                        from jsonb_each(u.selection) part)
   where u.pipeline_id = renamed.pipeline_id and u.state in ('QUEUED', 'RUNNING') and u.selection is not null;
  update synced_tables._pipelines p set name = 'Synced table: ' || full_name
   where p.pipeline_id = renamed.pipeline_id and p.name = 'Synced table: ' || renamed.synced_table;
  update synced_tables._table_updates r set synced_table = full_name where r.table_id = renamed.table_id;
  update synced_tables._verifications v set synced_table = full_name where v.table_id = renamed.table_id;
  update synced_tables._events e set synced_table = full_name
   where e.synced_table = renamed.synced_table and e.pipeline_id = renamed.pipeline_id;
  perform synced_tables_internal._rename_flow_source(array[renamed.schema_name, renamed.table_name], array[new_schema, new_table]);
  perform synced_tables_internal._record_event('INFO', 'synced_table_renamed', full_name, renamed.pipeline_id, null,
    format('%I renamed synced table %s to %s.', renamed_by, renamed.synced_table, full_name));
  perform pg_notify('synced_tables_requests', '');
end $$;
comment on function synced_tables_internal._note_name(synced_tables._tables, text, text, name) is
  'Writes the new name of a synced table wherever the registry names it.';

-- for: owner
create or replace function synced_tables_internal._table_was_renamed(relation oid, renamed_by name) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  renamed synced_tables._tables;
  new_schema text;
  new_table text;
begin
  select * into renamed from synced_tables._tables t where t.relation = _table_was_renamed.relation for no key update;
  select n.nspname, c.relname into new_schema, new_table
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = _table_was_renamed.relation;
  if renamed.table_id is null or new_table is null or (renamed.schema_name, renamed.table_name) = (new_schema, new_table) then
    return false;
  end if;
  perform synced_tables_internal._check_new_name(renamed, new_schema, new_table);
  perform synced_tables_internal._note_name(renamed, new_schema, new_table, renamed_by);
  if renamed.schema_name <> new_schema then
    perform databricks_auth.grant_schema_rights(_table_was_renamed.relation);
  end if;
  return true;
end $$;
comment on function synced_tables_internal._table_was_renamed(oid, name) is
  'Called by the guard after a synced table got another name or schema: the registry follows. False if it has no other name. Refuses names that synced tables cannot have.';

-- for: sidecar
create or replace function synced_tables_internal._adopt_names() returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  renamed regclass;
  adopted integer := 0;
begin
  for renamed in
    select t.relation from synced_tables._tables t join pg_class c on c.oid = t.relation join pg_namespace n on n.oid = c.relnamespace
     where (t.schema_name, t.table_name) <> (n.nspname, c.relname) order by t.table_id
  loop
    begin
      adopted := adopted + synced_tables_internal._table_was_renamed(renamed, 'somebody')::int;
    exception when others then
      if sqlstate ~ '^(40|53|55|57|58)' then
        raise;
      end if;
      -- It is synced under its OID all the same; repair() says what is wrong with the name.
    end;
  end loop;
  return adopted;
end $$;
comment on function synced_tables_internal._adopt_names() is
  'Takes over the names of synced tables that were renamed while nobody told the registry. Returns how many.';

-- for: owner
create or replace function synced_tables_internal._move_table(relation regclass, new_schema text, new_table text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '5s' as $$
declare
  old_schema constant text := (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = relation);
  old_table constant text := (select c.relname from pg_class c where c.oid = relation);
  -- Either name may be taken in between.
  is_renamed_first constant boolean := to_regclass(format('%I.%I', new_schema, old_table)) is not null;
  details text;
begin
  if old_table <> new_table and is_renamed_first then
    execute format('alter table %s rename to %I', relation, new_table);
  end if;
  if old_schema <> new_schema then
    execute format('alter table %s set schema %I', relation, new_schema);
  end if;
  if old_table <> new_table and not is_renamed_first then
    execute format('alter table %s rename to %I', relation, new_table);
  end if;
exception
  when lock_not_available then
    perform synced_tables_internal._raise('SYNCED_TABLE_IN_USE', '55P03',
      format('Synced table %I.%I could not be renamed within 5 seconds: another session uses it.', old_schema, old_table),
      'Try again when long transactions that read the table are over; see pg_stat_activity.');
  when duplicate_table or duplicate_object then
    get stacked diagnostics details = pg_exception_detail;
    if details like 'error code: %' then
      raise;
    end if;
    perform synced_tables_internal._raise('TARGET_TABLE_EXISTS', '42P07',
      format('%s, or an index of that schema that the table would bring along, already exists; nothing is ever overwritten.',
             synced_tables_internal._display_name(new_schema, new_table)), 'Drop or rename it, or choose another name.');
end $$;
comment on function synced_tables_internal._move_table(regclass, text, text) is 'Gives a synced table another name and schema in Postgres.';

-- for: managers
create or replace function synced_tables_served.rename_synced_table(synced_table text, new_name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted constant synced_tables._tables := synced_tables_internal._find_table_to_change(synced_table, 'rename');
  acting constant name := synced_tables_internal._acting_role();
  parts constant text[] := synced_tables_internal._parse_name(
    case when new_name ~ '^("([^"]|"")+"|[^."]+)$' then quote_ident(wanted.schema_name) || '.' || new_name else new_name end);
  namespace constant oid := (select n.oid from pg_namespace n where n.nspname = parts[1]);
begin
  if (wanted.schema_name, wanted.table_name) = (parts[1], parts[2]) then
    return;
  end if;
  perform synced_tables_internal._check_new_name(wanted, parts[1], parts[2]);
  if namespace is null then
    perform synced_tables_internal._raise('SCHEMA_MISSING', '3F000',
      format('Schema %I of synced table %s does not exist.', parts[1], synced_tables_internal._display_name(parts[1], parts[2])),
      format('Create the schema first: CREATE SCHEMA %I;', parts[1]));
  end if;
  if parts[1] <> wanted.schema_name and not synced_tables_internal._has_role(acting, 'databricks_sync')
     and not has_schema_privilege(acting, namespace, 'create') then
    perform synced_tables_internal._raise('PERMISSION_DENIED', '42501',
      format('Role %I may not move synced table %s: it lacks CREATE on schema %I.', acting, wanted.synced_table, parts[1]),
      format('Grant it: GRANT CREATE ON SCHEMA %I TO %I;', parts[1], acting));
  end if;
  if exists (select from pg_class c where c.relnamespace = namespace and c.relname = parts[2]) then
    perform synced_tables_internal._refuse_taken(parts[1], parts[2], false);
  end if;
  if wanted.relation is null then
    -- It is made under its new name, once it has its rows.
    perform synced_tables_internal._note_name(wanted, parts[1], parts[2], acting);
    return;
  end if;
  perform databricks_auth.lock_schema_rights();
  perform synced_tables_internal._lend_schema(parts[1]);
  perform synced_tables_internal._move_table(wanted.relation, parts[1], parts[2]);
  -- Where no event trigger did.
  perform synced_tables_internal._table_was_renamed(wanted.relation, acting);
end $$;
comment on function synced_tables_served.rename_synced_table(text, text) is
  'Gives a synced table another name, or moves it to another schema: schema.table, or a table name alone. The table stays the same one, with its grants, indexes, views and managers, and its sync goes on; pipelines, schedules, flows that read it and its history go along. ALTER TABLE … RENAME TO and SET SCHEMA do the same for its managers. For its creator, its managers and databricks_superuser; another schema takes CREATE on it.';
