-- Managers: roles that may run CREATE INDEX, ALTER INDEX, DROP INDEX and DROP TABLE on one synced table. Being a manager
-- is a row in a table, never a membership: how a command gets through is in 13_guard.sql.
--
-- Nothing in here decides by the session's user inside a SECURITY DEFINER function: autovacuum and a superuser's ANALYZE
-- run other people's code. The functions that appoint managers run as their caller, and row security decides.

grant usage on schema databricks_auth to public;

create function databricks_auth.place() returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select c.system_identifier || '/' || d.oid from pg_control_system() c, pg_database d where d.datname = current_database()
$$;
comment on function databricks_auth.place() is 'Which cluster and database this is. Rows that a dump carried elsewhere do not count until repair().';

create function databricks_auth.acting_role() returns name
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end
  );
end $$;
comment on function databricks_auth.acting_role() is 'The role that the session acts as, whatever SECURITY DEFINER functions are under way. Cannot be forged.';

create function databricks_auth.is_superuser(who name) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select coalesce((select r.rolsuper from pg_roles r where r.rolname = who), false)
  );
end $$;
comment on function databricks_auth.is_superuser(name) is 'Whether the role is a superuser of Postgres.';

create function databricks_auth.is_sync(who name) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  -- pg_has_role says yes to superusers, whom the guard has to stop from carelessness.
  return (
  select not databricks_auth.is_superuser(who) and pg_has_role(who, 'databricks_sync', 'usage')
  );
end $$;
comment on function databricks_auth.is_sync(name) is 'Whether the role is the sidecar''s: a member of databricks_sync and no superuser.';

create function databricks_auth.is_synced_table(relation oid) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (
  select exists (select from databricks_auth.synced_tables s where s.synced_table = relation)
  );
end $$;
comment on function databricks_auth.is_synced_table(oid) is 'Whether a relation is a synced table, or was one and stayed after its syncing was stopped.';

create function databricks_auth.hint() returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
  select 'A synced table is read-only. Its managers may run CREATE INDEX, ALTER INDEX, DROP INDEX and DROP TABLE on it; '
      || 'a member of databricks_superuser appoints them: SELECT databricks_synced_table_add_manager(''schema.table'', ''role'').'
$$;
comment on function databricks_auth.hint() is 'What every refusal tells: which commands are permitted, and to whom.';

create function databricks_auth.refuse(sql_state text, message text, advice text default null, detail text default '') returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception using errcode = sql_state, message = 'databricks_auth: ' || refuse.message, detail = refuse.detail,
    hint = concat_ws(' ', advice, databricks_auth.hint());
end $$;
comment on function databricks_auth.refuse(text, text, text, text) is 'Raises a refusal. All of them begin with databricks_auth: and name the permitted commands.';

-- Roles are stored by name (a dump restores without them) and by OID (a role made anew under an old name gets nothing).
create table databricks_auth.managers (
  synced_table regclass not null
    constraint managers_synced_table_fk references databricks_auth.synced_tables on delete cascade,
  manager name not null,
  manager_oid oid not null,
  granted_by name not null default current_user,
  granted_at timestamptz not null default now(),
  place text not null default databricks_auth.place(),
  constraint managers_pk primary key (synced_table, manager)
);
comment on table databricks_auth.managers is 'Who may index and drop which synced table. A row counts when name and OID belong to one role.';
comment on column databricks_auth.managers.place is 'Where manager_oid was right: tells repair() whether to believe the OID or the name.';

alter table databricks_auth.managers enable row level security;
create policy managers_appoint on databricks_auth.managers to databricks_superuser
  using (true) with check (granted_by = current_user and place = databricks_auth.place());
grant select, delete, insert (synced_table, manager, manager_oid) on databricks_auth.managers to databricks_superuser;

create function databricks_auth.can_manage(relation oid, who name) returns boolean
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

create function databricks_auth.check_appointment(relation regclass, manager text) returns regrole
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
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
      'Write its name as it stands in pg_roles, without double quotes.');
  end if;
  if manager ~ '^databricks_st_\d+_\d+_*$' then
    perform databricks_auth.refuse('42501', format('owner role %I cannot be a manager', manager), 'Nobody may act as an owner role.');
  end if;
  return found_role;
end $$;
comment on function databricks_auth.check_appointment(regclass, text) is 'Refuses who may not appoint managers, what is no synced table, and roles that do not exist.';

create function public.databricks_synced_table_add_manager(synced_table regclass, manager text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  found_role constant regrole := databricks_auth.check_appointment(synced_table, manager);
begin
  -- An earlier role of that name, which is gone.
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

create function public.databricks_synced_table_remove_manager(synced_table regclass, manager text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
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

create view public.databricks_synced_table_managers as
  select n.nspname as schema_name, c.relname as table_name, r.rolname as user_name, m.granted_by, m.granted_at
    from databricks_auth.managers m
    join pg_catalog.pg_class c on c.oid = m.synced_table
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_roles r on r.oid = m.manager_oid and r.rolname = m.manager;
comment on view public.databricks_synced_table_managers is 'Who may index and drop which synced table.';
grant select on public.databricks_synced_table_managers to public;

-- can_manage, is_synced_table, acting_role, refuse and their like stay open to PUBLIC: trigger functions call them with
-- the rights of whoever runs the command. They change nothing and tell what the view tells.
