-- Former synced tables: deleted without purge. They stay in Postgres, read-only, until somebody drops them or creates a
-- synced table of the same name, whose first load takes them over.

-- for: sidecar
create or replace function synced_tables_internal._former_table(schema_name text, table_name text) returns databricks_auth.synced_tables
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  former databricks_auth.synced_tables;
begin
  -- Only one that is as it was left: name and registration alone are not trusted.
  select s.* into former
    from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = _former_table.schema_name and c.relname = _former_table.table_name
     and databricks_auth.sole_partition(c.oid) is not null and databricks_auth.is_owner_role_of(s.owner_role, c.oid)
     and c.relowner = to_regrole(quote_ident(s.owner_role))
     and not exists (select from synced_tables._tables t where t.relation = c.oid);
  return former;
end $$;
comment on function synced_tables_internal._former_table(text, text) is
  'The ownership row of the former synced table of that name; its columns are null if there is none.';

-- for: sidecar
create or replace function synced_tables_internal._role_may_take_over(role_name name, former databricks_auth.synced_tables) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select former.synced_table is not null
     and (synced_tables_internal._role_may_control(role_name, former.created_by) or databricks_auth.can_manage(former.synced_table, role_name))
$$;
comment on function synced_tables_internal._role_may_take_over(name, databricks_auth.synced_tables) is
  'Whether a role may drop a former synced table, or have it synced again.';

-- for: sidecar
create or replace function synced_tables_internal._table_to_take_over(table_id uuid) returns oid
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted synced_tables._tables;
  former databricks_auth.synced_tables;
begin
  select * into wanted from synced_tables._tables t where t.table_id = _table_to_take_over.table_id and t.relation is null;
  former := synced_tables_internal._former_table(wanted.schema_name, wanted.table_name);
  -- Asked again, because the load may come long after the request.
  return case when synced_tables_internal._role_may_take_over(wanted.created_by, former) then former.synced_table end;
end $$;
comment on function synced_tables_internal._table_to_take_over(uuid) is
  'The former synced table whose place the first load of a synced table takes; null if there is none, or its creator may not.';

-- for: owner
create or replace function synced_tables_internal._keep_former_name(gone synced_tables._tables) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  delete from synced_tables._former_names f
   where (synced_tables_internal._former_table(f.schema_name, f.table_name)).synced_table is null;
  insert into synced_tables._former_names (schema_name, table_name, catalog_name)
  select gone.schema_name, gone.table_name, s.catalog_name
    from synced_tables._table_specs s where s.table_id = gone.table_id and s.catalog_name is not null
  on conflict on constraint _former_names_pk do update set catalog_name = excluded.catalog_name;
end $$;
comment on function synced_tables_internal._keep_former_name(synced_tables._tables) is
  'Keeps the three-part name of a synced table that is about to be deleted without its data.';

-- for: owner
create or replace function synced_tables_internal._refuse_taken(schema_name text, table_name text, is_streaming boolean) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  full_name constant text := synced_tables_internal._display_name(schema_name, table_name);
  former constant databricks_auth.synced_tables := synced_tables_internal._former_table(schema_name, table_name);
  target synced_tables._cdc_targets;
begin
  select * into target from synced_tables._cdc_targets t
   where t.schema_name = _refuse_taken.schema_name and t.table_name = _refuse_taken.table_name and t.refreshed_by is null;
  perform synced_tables_internal._raise('TARGET_TABLE_EXISTS', '42P07',
    format('%s already exists and is not being synced; nothing is ever overwritten.', full_name),
    case
      when former.synced_table is null and target.target_id is null then 'Drop or rename it, or choose another name.'
      when (target.target_id is not null) = is_streaming
      then format('It was a %s table before: only %s, one of its managers or a member of databricks_superuser may create it again or drop it. Ask them, or choose another name.',
                  case when is_streaming then 'streaming' else 'synced' end, coalesce(target.created_by, former.created_by, 'its creator'))
      else format('It was a %s table before, whose place only one of its kind can take. Delete it with its data (purge) first, or choose another name.',
                  case when is_streaming then 'synced' else 'streaming' end)
    end);
end $$;
comment on function synced_tables_internal._refuse_taken(text, text, boolean) is
  'Raises TARGET_TABLE_EXISTS for what is in the place of a synced table or a streaming table.';

-- for: sidecar
create or replace function synced_tables_internal._managers_of(relation regclass) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(jsonb_agg(to_jsonb(m)), '[]') from databricks_auth.managers m where m.synced_table = relation
$$;
comment on function synced_tables_internal._managers_of(regclass) is 'The managers of a table, for _restore_managers.';

-- for: sidecar
create or replace function synced_tables_internal._restore_managers(relation regclass, managers jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not databricks_auth.is_synced_table(relation) then
    perform synced_tables_internal._raise('NOT_A_SYNCED_TABLE', '42809', format('%s is not a synced table.', relation), 'Register it first.');
  end if;
  insert into databricks_auth.managers (synced_table, manager, manager_oid, granted_by, granted_at)
  select relation, m ->> 'manager', (m ->> 'manager_oid')::oid, m ->> 'granted_by', (m ->> 'granted_at')::timestamptz
    from jsonb_array_elements(managers) m
   where exists (select from pg_roles r where r.oid = (m ->> 'manager_oid')::oid and r.rolname = m ->> 'manager')
  on conflict on constraint managers_pk do nothing;
end $$;
comment on function synced_tables_internal._restore_managers(regclass, jsonb) is
  'Makes those who managed a former synced table managers of the one that was made in its place.';
