-- Managers of synced tables may call functions and read views of schema synced_tables.

-- for: owner
create or replace function synced_tables_internal._registered_managers() returns setof name
language sql stable set search_path = pg_catalog, pg_temp as $$
  select distinct m.manager
    from databricks_auth.managers m join pg_roles r on r.oid = m.manager_oid and r.rolname = m.manager
   where m.manager not in ('databricks_superuser', 'databricks_sync')
$$;
comment on function synced_tables_internal._registered_managers() is 'The roles that manage a synced table, except the groups that have these rights anyway.';

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
  'Lets a manager call the functions for managers. Each call checks which tables it may be used on.';

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
     and not exists (select from databricks_auth.managers m where m.manager = old.manager) then
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
