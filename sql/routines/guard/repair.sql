-- Repairing the guard after a restore, a role rename, or manual damage. Safe to repeat.

-- for: owner
create or replace function databricks_auth.repair_managers() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  here constant text := databricks_auth.place();
  manager databricks_auth.managers;
  name_now name;
  oid_now oid;
begin
  for manager in
    select m.* from databricks_auth.managers m
     where m.place <> here or not exists (select from pg_roles r where r.oid = m.manager_oid and r.rolname = m.manager)
  loop
    object := format('manager %I of %s', manager.manager, manager.synced_table);
    name_now := (select r.rolname from pg_roles r where r.oid = manager.manager_oid);
    oid_now := to_regrole(quote_ident(manager.manager));
    -- In the same cluster the OID is right and the name may be outdated; elsewhere only the name is meaningful.
    if split_part(manager.place, '/', 1) = split_part(here, '/', 1) then
      oid_now := manager.manager_oid;
    else
      name_now := manager.manager;
    end if;
    if name_now is null then
      delete from databricks_auth.managers m where m.synced_table = manager.synced_table and m.manager = manager.manager;
      outcome := 'removed: the role is gone';
    elsif oid_now is null then
      outcome := 'waits: no such role here; create it and repair again';
    else
      update databricks_auth.managers m set manager = name_now, manager_oid = oid_now, place = here
       where m.synced_table = manager.synced_table and m.manager = manager.manager;
      outcome := format('bound to role %I', name_now);
    end if;
    return next;
  end loop;
end $$;
comment on function databricks_auth.repair_managers() is 'Binds managers to the roles of this cluster, including renamed ones.';

-- for: owner
create or replace function databricks_auth.repair_table(relation regclass, owner_role name) returns text
language plpgsql set search_path = pg_catalog, pg_temp set standard_conforming_strings = on as $$
declare
  owner_before name := (select pg_get_userbyid(c.relowner) from pg_class c where c.oid = relation);
  owner_now name;
  gates text;
begin
  if owner_before is null then
    perform databricks_auth.unregister(relation);
    return 'removed: the table is gone';
  end if;
  if not databricks_auth.is_owner_role_of(owner_role, relation) then
    delete from databricks_auth.parts p where p.synced_table = relation;
  end if;
  gates := databricks_auth.open_gates(relation);
  owner_now := databricks_auth.register(relation);
  if gates is not null then
    perform databricks_auth.note_hand_write(relation, 'write gate was open');
  end if;
  if owner_now = owner_before then
    return coalesce('write gate mended: ' || gates || '; what was written meanwhile is not known, so the next update copies all rows', 'ok');
  end if;
  -- A copy in the same cluster: revoke what the other database's owner role had here.
  if owner_before like 'databricks\_st\_%' then
    execute format('revoke all on %s from %I', relation, owner_before);
    execute format('revoke all on schema %s, __db_system from %I',
                   (select c.relnamespace::regnamespace from pg_class c where c.oid = relation), owner_before);
  end if;
  return format('owner %I, was %I', owner_now, owner_before) || coalesce('; write gate mended: ' || gates, '');
exception when others then
  return format('failed: %s (%s)', sqlerrm, sqlstate);
end $$;
comment on function databricks_auth.repair_table(regclass, name) is
  'Repairs the owner role, rights, write gates and list of parts of one synced table; returns what was done.';

-- for: owner
create or replace function databricks_auth.repair() returns table (object text, outcome text)
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  synced record;
  setting_before text;
begin
  if not databricks_auth.is_installer(current_user) then
    raise exception using errcode = '42501', message = 'databricks_auth: only a superuser may repair',
      hint = 'It creates roles and event triggers. Where an administrator installed without one: SET ROLE databricks_installer first.';
  end if;
  setting_before := databricks_auth.allow_ddl();
  perform databricks_auth.make_roles();
  delete from databricks_auth.open_windows;
  delete from databricks_auth.parts p where p.place <> databricks_auth.place();
  return query select * from databricks_auth.install_event_triggers();
  return query select * from databricks_auth.repair_managers();
  for synced in select s.synced_table, s.owner_role from databricks_auth.synced_tables s order by s.synced_table::oid loop
    object := synced.synced_table::text;
    outcome := databricks_auth.repair_table(synced.synced_table, synced.owner_role);
    return next;
  end loop;
  perform databricks_auth.allow_ddl(setting_before);
end $$;
comment on function databricks_auth.repair() is 'Repairs roles, owners, write gates, event triggers and managers. For superusers and databricks_installer; safe to repeat. synced_tables.repair() calls it.';
