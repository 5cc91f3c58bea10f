-- Managers: roles that may run CREATE INDEX, ALTER INDEX, DROP INDEX and DROP TABLE on one synced table. Being a manager is
-- a row in a table, never a membership; windows.sql explains how a command gets through.
--
-- Nothing here decides by the session's user inside a SECURITY DEFINER function: autovacuum and a superuser's ANALYZE run
-- other people's code. The functions that appoint managers run as their caller, and row security decides.

-- for: everybody
create or replace function databricks_auth.can_manage(relation oid, who name) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select databricks_auth.is_synced_table(relation)
     and (pg_has_role(who, 'databricks_superuser', 'usage') or pg_has_role(who, 'databricks_sync', 'usage')
          or exists (select from databricks_auth.managers m join pg_roles r on r.oid = m.manager_oid and r.rolname = m.manager
                      where m.synced_table = relation and pg_has_role(who, r.oid, 'usage')))
  );
end $$;
comment on function databricks_auth.can_manage(oid, name) is 'Whether a role is a manager of the synced table, or a member of one, of databricks_superuser or of databricks_sync.';

-- for: everybody
create or replace function databricks_auth.check_appointment(relation regclass, manager text) returns regrole
language plpgsql stable set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  found_role constant regrole := to_regrole(quote_ident(manager));
begin
  if not pg_has_role(current_user, 'databricks_superuser', 'usage') then
    perform databricks_auth.refuse('42501', format('role %I may not appoint or remove managers of synced tables', current_user),
      'Ask a member of databricks_superuser.');
  end if;
  if relation is null or not databricks_auth.is_synced_table(relation) then
    perform databricks_auth.refuse('42809', format('%s is not a synced table', coalesce(relation::text, 'null')),
      'See synced_tables.status for those that are.');
  end if;
  if found_role is null then
    perform databricks_auth.refuse('42704', format('role %L does not exist', manager),
      'Write its name as it appears in pg_roles, without double quotes.');
  end if;
  if manager ~ '^databricks_st_\d+_\d+_*$' then
    perform databricks_auth.refuse('42501', format('owner role %I cannot be a manager', manager), 'Nobody may act as an owner role.');
  end if;
  return found_role;
end $$;
comment on function databricks_auth.check_appointment(regclass, text) is 'Refuses callers who may not appoint managers, relations that are not synced tables, and roles that do not exist.';

-- for: everybody
create or replace function public.databricks_synced_table_add_manager(synced_table regclass, manager text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set row_security = on as $$
declare
  found_role constant regrole := databricks_auth.check_appointment(synced_table, manager);
begin
  -- From an earlier role of that name that no longer exists.
  delete from databricks_auth.managers m
   where m.synced_table = $1 and m.manager = $2::name and m.manager_oid <> found_role;
  insert into databricks_auth.managers (synced_table, manager, manager_oid) values ($1, $2, found_role)
  on conflict on constraint managers_pk do nothing;
  if not found then
    raise notice 'databricks_auth: role % is a manager of % already', quote_ident(manager), synced_table;
  end if;
end $$;
comment on function public.databricks_synced_table_add_manager(regclass, text) is
  'Lets a role run CREATE INDEX, ALTER INDEX, DROP INDEX and DROP TABLE on a synced table. For members of databricks_superuser.';

-- for: everybody
create or replace function public.databricks_synced_table_remove_manager(synced_table regclass, manager text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set row_security = on as $$
declare
  found_role constant regrole := databricks_auth.check_appointment(synced_table, manager);
begin
  delete from databricks_auth.managers m where m.synced_table = $1 and (m.manager_oid = found_role or m.manager = $2::name);
  if not found then
    raise notice 'databricks_auth: role % is not a manager of %', quote_ident(manager), synced_table;
  end if;
end $$;
comment on function public.databricks_synced_table_remove_manager(regclass, text) is
  'Takes back what databricks_synced_table_add_manager gave. For members of databricks_superuser.';

-- for: everybody
create or replace view public.databricks_synced_table_managers as
  select n.nspname as schema_name, c.relname as table_name, r.rolname as user_name, m.granted_by, m.granted_at
    from databricks_auth.managers m
    join pg_catalog.pg_class c on c.oid = m.synced_table
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_roles r on r.oid = m.manager_oid and r.rolname = m.manager;
comment on view public.databricks_synced_table_managers is 'Who may index and drop which synced table.';
