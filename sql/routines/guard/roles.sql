-- The roles, and what each may do in the schemas of the guard.
--
--   databricks_superuser   manages synced tables and their readers; a group that is granted to people
--   databricks_sync        what the sidecar acts as (SET ROLE); owns __db_system, member of every owner role
--   databricks_st_<database>_<table>   owns one synced table and its partition; nobody logs in as it
--   databricks_gateway     lends callers of the HTTP API to the sidecar; see repair/rights.sql

-- for: owner
create or replace function databricks_auth.make_roles() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  -- As on Lakebase: its members read and write all data, and see all sessions.
  granted constant name[] := array['pg_read_all_data', 'pg_write_all_data', 'pg_monitor'];
  membership name;
begin
  if to_regrole('databricks_superuser') is null or to_regrole('databricks_sync') is null
     or exists (select from unnest(granted) g where not pg_has_role('databricks_superuser', g, 'member')) then
    -- Roles belong to the whole cluster, and two databases may be migrated at the same time, out of reach of each other's
    -- advisory locks. pg_authid is a shared table, so a lock on it works. Logins continue; CREATE, ALTER and DROP ROLE
    -- wait.
    lock table pg_authid in share row exclusive mode;
    if to_regrole('databricks_superuser') is null then
      create role databricks_superuser nologin;
      comment on role databricks_superuser is 'Looks after synced tables: creates, syncs and deletes them, and grants access.';
    end if;
    foreach membership in array granted loop
      if not pg_has_role('databricks_superuser', membership, 'member') then
        execute format('grant %I to databricks_superuser', membership);
      end if;
    end loop;
    if to_regrole('databricks_sync') is null then
      create role databricks_sync nologin;
      comment on role databricks_sync is 'What the synced-tables sidecar acts as. Grant it to the role that the sidecar logs in with.';
    end if;
  end if;
  perform databricks_auth.grant_rights();
  perform databricks_auth.admit_roles();
end $$;
comment on function databricks_auth.make_roles() is 'Creates the roles and the schema __db_system if missing, and grants the rights and policies of the guard. Safe to repeat.';

-- for: owner
create or replace function databricks_auth.grant_rights() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Not IF NOT EXISTS, which an extension cannot use for a schema it does not own.
  if to_regnamespace('__db_system') is null then
    create schema __db_system;
    comment on schema __db_system is 'Partitions of synced tables, and tables being loaded. Read the synced table itself instead.';
  end if;
  -- Only if it differs: the guard lets nobody alter a schema that holds partitions.
  if (select n.nspowner <> 'databricks_sync'::regrole from pg_namespace n where n.nspname = '__db_system') then
    alter schema __db_system owner to databricks_sync;
  end if;
  revoke all on schema __db_system from public;
  grant usage on schema databricks_auth to public, databricks_sync, databricks_superuser;
  grant select on databricks_auth.synced_tables to databricks_sync;
  grant select, delete, insert (synced_table, manager, manager_oid) on databricks_auth.managers to databricks_superuser;
  grant select on databricks_auth.open_windows, public.databricks_synced_table_managers, public.databricks_list_roles
    to public, databricks_sync, databricks_superuser;
  -- Functions for the sidecar, as marked in their files.
  grant execute on function databricks_auth.register(regclass), databricks_auth.prepare_partition(regclass, regclass),
    databricks_auth.missing_indexes(regclass, regclass), databricks_auth.sole_partition(regclass), databricks_auth.gate(regclass),
    databricks_auth.write_guard(), databricks_auth.apply_guard() to databricks_sync;
  -- What others have through PUBLIC, a hardened database has taken from it. Changes are staged in temporary tables.
  execute format('grant connect, temporary on database %I to databricks_sync, databricks_superuser', current_database());
  grant usage on language plpgsql to databricks_sync;
  -- As on Lakebase: its members may create schemas, hence synced tables in new schemas.
  execute format('grant create on database %I to databricks_superuser', current_database());
end $$;
comment on function databricks_auth.grant_rights() is 'Grants the rights in the schemas of the guard.';

-- for: owner
create or replace function databricks_auth.admit_roles() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- A policy is dropped with its role, so it may have to be created again after a restore.
  if not exists (select from pg_policy p where p.polrelid = 'databricks_auth.synced_tables'::regclass and p.polname = 'synced_tables_sync'
                    and p.polroles = array['databricks_sync'::regrole::oid]) then
    drop policy if exists synced_tables_sync on databricks_auth.synced_tables;
    create policy synced_tables_sync on databricks_auth.synced_tables for select to databricks_sync using (true);
  end if;
  if not exists (select from pg_policy p where p.polrelid = 'databricks_auth.managers'::regclass and p.polname = 'managers_appoint'
                    and p.polroles = array['databricks_superuser'::regrole::oid]) then
    drop policy if exists managers_appoint on databricks_auth.managers;
    create policy managers_appoint on databricks_auth.managers to databricks_superuser
      using (true) with check (granted_by = current_user and place = databricks_auth.place());
  end if;
end $$;
comment on function databricks_auth.admit_roles() is 'The policies that let the guard''s roles past row security.';
