-- Managers of synced tables, and those who created one, may call functions and read views of schema synced_tables. Creators
-- keep that when they leave databricks_superuser, or were never in it: their tables are still theirs.

-- for: owner
create or replace function synced_tables_internal._registered_managers() returns setof name
language sql stable set search_path = pg_catalog, pg_temp as $$
  select distinct m.manager
    from databricks_auth.managers m join pg_roles r on r.oid = m.manager_oid and r.rolname = m.manager
   where m.manager not in ('databricks_superuser', 'databricks_sync')
$$;
comment on function synced_tables_internal._registered_managers() is 'The roles that manage a synced table, except the groups that have these rights anyway.';

-- for: owner
create or replace function synced_tables_internal._registered_creators() returns setof name
language sql stable set search_path = pg_catalog, pg_temp as $$
  select distinct r.rolname
    from synced_tables._tables t
    join pg_roles r on r.rolname = t.created_by
   where not r.rolsuper and r.rolname not in (current_user, 'databricks_superuser', 'databricks_sync')
$$;
comment on function synced_tables_internal._registered_creators() is
  'The roles that created a synced table, except those that have the rights of managers anyway. Memberships are no such thing: nobody is told when they end.';

-- for: owner
create or replace function synced_tables_internal._manager_routines() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(d.identity, ', ' order by d.identity) from synced_tables._definitions d
   where d.audience in ('managers', 'everybody') and synced_tables_internal._routine_of(d.kind, d.identity) is not null
$$;
comment on function synced_tables_internal._manager_routines() is 'What managers may call, also where PUBLIC may not, as a list for GRANT and REVOKE.';

-- for: owner
create or replace function synced_tables_internal._manager_relations() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select string_agg(d.identity, ', ' order by d.identity) from synced_tables._definitions d
   where d.audience in ('managers', 'everybody') and synced_tables_internal._relation_of(d.kind, d.identity) is not null
$$;
comment on function synced_tables_internal._manager_relations() is 'What managers may read, as a list for GRANT and REVOKE.';

-- for: owner
create or replace function synced_tables_internal._has_grants_of_manager(role_name name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select not exists (
    select from synced_tables._definitions d
      cross join lateral (select synced_tables_internal._routine_of(d.kind, d.identity)::oid as routine, synced_tables_internal._relation_of(d.kind, d.identity)::oid as relation) o
     where d.audience in ('managers', 'everybody') and coalesce(o.routine, o.relation) is not null
       and not exists (
         select from aclexplode(coalesce((select p.proacl from pg_proc p where p.oid = o.routine), (select c.relacl from pg_class c where c.oid = o.relation))) a
          where a.grantee = to_regrole(quote_ident(role_name)) and a.privilege_type in ('EXECUTE', 'SELECT')))
$$;
comment on function synced_tables_internal._has_grants_of_manager(name) is 'Whether a role has itself what _grant_manager gives, whatever it is a member of.';

-- for: owner
create or replace function synced_tables_internal._grant_manager(manager name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.lock_schema_rights();
  execute format('grant usage on schema synced_tables, synced_tables_internal, databricks_auth to %I', manager);
  execute format('grant execute on routine %s to %I', synced_tables_internal._manager_routines(), manager);
  execute format('grant select on %s, databricks_auth.open_windows to %I', synced_tables_internal._manager_relations(), manager);
  execute format('grant insert (routine, arguments), select (answer) on synced_tables._calls to %I', manager);
end $$;
comment on function synced_tables_internal._grant_manager(name) is
  'Lets a manager or creator call the functions for managers. Each call checks which tables it may be used on.';

-- for: owner
create or replace function synced_tables_internal._revoke_manager(manager name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform databricks_auth.lock_schema_rights();
  execute format('revoke usage on schema synced_tables, synced_tables_internal, databricks_auth from %I', manager);
  execute format('revoke execute on routine %s from %I', synced_tables_internal._manager_routines(), manager);
  execute format('revoke select on %s, databricks_auth.open_windows from %I', synced_tables_internal._manager_relations(), manager);
  execute format('revoke insert (routine, arguments), select (answer) on synced_tables._calls from %I', manager);
end $$;
comment on function synced_tables_internal._revoke_manager(name) is 'Takes back what _grant_manager gave, so that nothing keeps the role from being dropped.';

-- for: owner
create or replace function synced_tables_internal._managers_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  groups constant name[] := array['databricks_superuser', 'databricks_sync'];  -- have these rights anyway
begin
  if tg_op in ('DELETE', 'UPDATE') and old.manager <> all (groups) and to_regrole(quote_ident(old.manager)) is not null
     and not exists (select from databricks_auth.managers m where m.manager = old.manager)
     and old.manager not in (select synced_tables_internal._registered_creators()) then
    perform synced_tables_internal._revoke_manager(old.manager);
  end if;
  -- Not what repair() mends, nor what goes along with a table.
  if tg_op = 'INSERT' or tg_op = 'DELETE' and exists (select from databricks_auth.synced_tables s join pg_class c on c.oid = s.synced_table
                                                       where s.synced_table = old.synced_table) then
    perform synced_tables_internal._audit_act(databricks_auth.acting_role(), case tg_op when 'INSERT' then 'add_manager' else 'remove_manager' end,
      (select synced_tables_internal._display_name(n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.oid = case tg_op when 'INSERT' then new.synced_table else old.synced_table end),
      jsonb_build_object('manager', case tg_op when 'INSERT' then new.manager else old.manager end));
  end if;
  if tg_op in ('INSERT', 'UPDATE') and new.manager <> all (groups)
     and exists (select from pg_roles r where r.rolname = new.manager and r.oid = new.manager_oid) then
    perform synced_tables_internal._grant_manager(new.manager);
  end if;
  return null;
end $$;
comment on function synced_tables_internal._managers_changed() is
  'Grants and revokes the right to call functions as managers are added and removed.';

-- for: owner
create or replace function synced_tables_internal._grant_as_creator(role_name name) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if role_name in (select synced_tables_internal._registered_creators()) and not synced_tables_internal._has_grants_of_manager(role_name) then
    perform databricks_auth.lock_schema_rights();
    -- Asked again: his last table may have gone meanwhile, and what he had with it.
    if role_name in (select synced_tables_internal._registered_creators()) then
      perform synced_tables_internal._grant_manager(role_name);
    end if;
  end if;
end $$;
comment on function synced_tables_internal._grant_as_creator(name) is
  'Gives the creator of a table what its managers have. Called by what loads a table first: never by its creation, whose transaction may stay open and would hold up others.';

-- for: owner
create or replace function synced_tables_internal._has_creators_grants(role_name name) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
  select exists (select from pg_roles r where r.rolname = role_name and not r.rolsuper)
     and role_name not in (current_user, 'databricks_superuser', 'databricks_sync')
     and role_name not in (select synced_tables_internal._registered_creators() union all select synced_tables_internal._registered_managers())
     and synced_tables_internal._has_grants_of_manager(role_name)
     -- Somebody let this role create tables on its own account, so that it needs some of them.
     and not exists (select from pg_proc p cross join aclexplode(p.proacl) a
                      where p.pronamespace = 'synced_tables'::regnamespace and p.proname = 'create_synced_table' and a.grantee = to_regrole(quote_ident(role_name)))
$$;
comment on function synced_tables_internal._has_creators_grants(name) is
  'Whether a role has what _grant_as_creator gave, and nothing by which it needs it.';

-- for: owner
create or replace function synced_tables_internal._table_has_gone() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if synced_tables_internal._has_creators_grants(old.created_by) then
    perform databricks_auth.lock_schema_rights();
    -- Asked again: the next table of this creator may have been loaded meanwhile.
    if synced_tables_internal._has_creators_grants(old.created_by) then
      perform synced_tables_internal._revoke_manager(old.created_by);
    end if;
  end if;
  return null;
end $$;
comment on function synced_tables_internal._table_has_gone() is
  'Takes back what _grant_as_creator gave, with the last table of a creator.';

-- for: owner
create or replace trigger _tables_has_gone after delete on synced_tables._tables
  for each row execute function synced_tables_internal._table_has_gone();

-- for: owner
create or replace function synced_tables_internal._watch_managers() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- A dump omits triggers on an extension's tables.
  if not exists (select from pg_trigger where tgrelid = 'databricks_auth.managers'::regclass and tgname = 'managers_changed') then
    create trigger managers_changed after insert or delete or update of manager, manager_oid on databricks_auth.managers
      for each row execute function synced_tables_internal._managers_changed();
  end if;
end $$;
comment on function synced_tables_internal._watch_managers() is
  'Puts the trigger on the table of managers that grants and revokes the right to call functions.';
