-- Former synced tables: deleted without purge. They stay in Postgres, as tables of those who created them, until somebody drops
-- them or creates a synced table of the same name, whose first load takes them over unless they were altered. From the start
-- of that load on they are ours again. Those that a reader held when they were deleted stay ours until maintenance.

-- for: owner
create or replace function synced_tables_internal._former_shape(relation regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  -- All that a refresh would meet. Indexes may come and go.
  select string_agg(concat_ws(' / ', synced_tables_internal._shape_of(t.oid), synced_tables_internal._rooted_in(t.oid),
           (select string_agg(k.conname || ' ' || pg_get_constraintdef(k.oid), ', ' order by k.conname) from pg_constraint k where k.conrelid = t.oid and k.contype not in ('n', 't')),
           (select string_agg(pg_get_statisticsobjdef(x.oid), ', ' order by x.oid) from pg_statistic_ext x where x.stxrelid = t.oid)), ' // ' order by t.is_part)
    from (select relation::oid as oid, false as is_part union all select i.inhrelid, true from pg_inherits i where i.inhparent = relation) t
$$;
comment on function synced_tables_internal._former_shape(regclass) is
  'Columns, constraints, triggers and so on of a former synced table and its partition, to be compared.';

-- for: owner
create or replace function synced_tables_internal._is_as_released(former synced_tables._released_tables) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from pg_class c
     where c.oid = former.relation and c.relkind = 'p'
       and (select count(*) = 1 and bool_and(p.relkind = 'r' and pg_get_expr(p.relpartbound, p.oid) = 'DEFAULT' and p.relnamespace = c.relnamespace)
              from pg_inherits i join pg_class p on p.oid = i.inhrelid where i.inhparent = c.oid)
       and synced_tables_internal._former_shape(c.oid) = former.shape
       -- The sidecar would run code of others at every write.
       and synced_tables_internal._foreign_parts_of_columns(c.oid) is null
       and not exists (select from pg_index x where x.indrelid = c.oid and not exists (select from pg_constraint k where k.conindid = x.indexrelid)
                          and databricks_auth.foreign_parts_of(x.indexrelid, x.indrelid) is not null))
$$;
comment on function synced_tables_internal._is_as_released(synced_tables._released_tables) is
  'Whether a former synced table is what it was when it was given away.';

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
  if former.synced_table is null then
    select f.relation, null, pg_get_userbyid(c.relowner), null into former.synced_table, former.owner_role, former.created_by, former.registered_at
      from synced_tables._released_tables f join pg_class c on c.oid = f.relation join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = _former_table.schema_name and c.relname = _former_table.table_name and synced_tables_internal._is_as_released(f);
  end if;
  return former;
end $$;
comment on function synced_tables_internal._former_table(text, text) is
  'The former synced table of that name, and whose it is; without an owner role if it belongs to people by now. Its columns are null if there is none.';

-- for: sidecar
create or replace function synced_tables_internal._role_may_take_over(role_name name, former databricks_auth.synced_tables) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select former.synced_table is not null
     and (synced_tables_internal._role_may_control(role_name, former.created_by) or databricks_auth.can_manage(former.synced_table, role_name)
          or exists (select from synced_tables._released_tables f cross join jsonb_array_elements(f.managers) m
                       join pg_roles r on r.rolname = m ->> 'manager' and r.oid = (m ->> 'manager_oid')::oid
                      where f.relation = former.synced_table and pg_has_role(role_name, r.oid, 'usage')))
$$;
comment on function synced_tables_internal._role_may_take_over(name, databricks_auth.synced_tables) is
  'Whether a role may drop a former synced table, or have it synced again: its owner, who managed it, and databricks_superuser.';

-- for: sidecar
create or replace function synced_tables_internal._take_over(table_id uuid) returns oid
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '50ms' as $$
declare
  wanted synced_tables._tables;
  former databricks_auth.synced_tables;
  grants text[];
  saved jsonb;
  part regclass;
begin
  select * into wanted from synced_tables._tables t where t.table_id = _take_over.table_id and t.relation is null for no key update;
  former := synced_tables_internal._former_table(wanted.schema_name, wanted.table_name);
  -- Asked again, because the load may come long after the request.
  if synced_tables_internal._role_may_take_over(wanted.created_by, former) is not true then
    return null;
  elsif former.owner_role is not null then
    return former.synced_table;
  end if;
  execute format('lock table %s in access exclusive mode', former.synced_table);
  -- Its owner may have altered it a moment ago.
  former := synced_tables_internal._former_table(wanted.schema_name, wanted.table_name);
  if former.synced_table is null or former.owner_role is not null then
    return former.synced_table;
  end if;
  grants := synced_tables_internal._table_grants(former.synced_table, former.synced_table::text);
  part := (select i.inhrelid from pg_inherits i where i.inhparent = former.synced_table);
  perform synced_tables_internal._give_relation(part, 'table', former.created_by, '{}');
  execute format('alter table %s rename to %I', part, format('former_%s', part::oid));
  execute format('alter table %s set schema __db_system', part);
  perform databricks_auth.register(former.synced_table);
  for counter in 1 .. cardinality(grants) loop
    execute grants[counter];
  end loop;
  perform synced_tables_internal._grant_creator(former.synced_table, former.created_by);
  delete from synced_tables._released_tables f where f.relation = former.synced_table returning f.managers into saved;
  perform synced_tables_internal._restore_managers(former.synced_table, saved);
  return former.synced_table;
end $$;
comment on function synced_tables_internal._take_over(uuid) is
  'Makes the former synced table whose place the first load of a synced table takes ours again: read-only, as it was. Null if there is none, or its creator may not.';

-- for: owner
create or replace function synced_tables_internal._keep_former_name(gone synced_tables._tables) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  delete from synced_tables._released_tables f where not exists (select from pg_class c where c.oid = f.relation);
  delete from synced_tables._former_names f
   where (synced_tables_internal._former_table(f.schema_name, f.table_name)).synced_table is null
     and not exists (select from synced_tables._tables t where t.schema_name = f.schema_name and t.table_name = f.table_name and t.relation is null);
  -- What was to be taken over has its row.
  insert into synced_tables._former_names (schema_name, table_name, catalog_name)
  select gone.schema_name, gone.table_name, (select s.catalog_name from synced_tables._table_specs s where s.table_id = gone.table_id)
   where gone.relation is not null or (synced_tables_internal._former_table(gone.schema_name, gone.table_name)).synced_table is not null
  on conflict on constraint _former_names_pk do update set catalog_name = coalesce(excluded.catalog_name, _former_names.catalog_name);
end $$;
comment on function synced_tables_internal._keep_former_name(synced_tables._tables) is
  'Keeps the three-part name of a synced table that is about to be deleted without its data.';

-- for: owner
create or replace function synced_tables_internal._release_former(schema_name text, table_name text, otherwise name) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '300ms' as $$
declare
  former constant databricks_auth.synced_tables := synced_tables_internal._former_table(schema_name, table_name);
  saved jsonb;
begin
  if former.owner_role is null then
    return false;
  end if;
  saved := synced_tables_internal._managers_of(former.synced_table);
  perform synced_tables_internal._release_table(former.synced_table, synced_tables_internal._owner_among_people(former.created_by, otherwise));
  insert into synced_tables._released_tables (relation, created_by, shape, managers)
  values (former.synced_table, former.created_by, synced_tables_internal._former_shape(former.synced_table), saved)
  on conflict on constraint _released_tables_pk do update
    set created_by = excluded.created_by, shape = excluded.shape, managers = excluded.managers;
  return true;
exception when lock_not_available or insufficient_privilege then
  -- Who installed without a superuser can give a table only to roles that it may act as.
  return false;
end $$;
comment on function synced_tables_internal._release_former(text, text, name) is
  'Gives a former synced table to its creator, or to the other role; false if a reader holds it or that role is out of reach, so that it stays ours for now.';

-- for: sidecar
create or replace function synced_tables_internal._release_formers() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  former synced_tables._former_names;
begin
  for former in
    select f.* from synced_tables._former_names f
     -- Not one whose place is about to be taken.
     where not exists (select from synced_tables._tables t where t.schema_name = f.schema_name and t.table_name = f.table_name)
       and exists (select from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table join pg_namespace n on n.oid = c.relnamespace
                    where n.nspname = f.schema_name and c.relname = f.table_name)
     order by f.schema_name, f.table_name for update skip locked
  loop
    perform synced_tables_internal._release_former(former.schema_name, former.table_name, current_user);
  end loop;
end $$;
comment on function synced_tables_internal._release_formers() is 'Gives away the former synced tables that could not be given away when they were deleted.';

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
