-- databricks_superuser is a member of pg_monitor, as on Lakebase: administrators see who runs what, settings and sizes.

-- Roles belong to the whole cluster; see the first migration for the lock.
do $$
begin
  if not pg_has_role('databricks_superuser', 'pg_monitor', 'member') then
    lock table pg_catalog.pg_authid in share row exclusive mode;
    if not pg_has_role('databricks_superuser', 'pg_monitor', 'member') then
      grant pg_monitor to databricks_superuser;
    end if;
  end if;
end $$;

create or replace function synced_tables._repair_rights() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  granted record;
  manager name;
begin
  grant pg_monitor to databricks_superuser;
  grant usage on schema synced_tables to databricks_sync, databricks_superuser;
  grant select on synced_tables.migrations to databricks_sync, databricks_superuser;
  for granted in select * from synced_tables._granted_routines loop
    perform synced_tables._apply_routine_grant(granted.routine, granted.audience);
  end loop;
  for granted in select * from synced_tables._granted_relations loop
    perform synced_tables._apply_relation_grant(granted.relation, granted.audience);
  end loop;
  for manager in select synced_tables._registered_managers() loop
    perform synced_tables._grant_manager(manager);
  end loop;
end $$;
