-- Who is who, and where things live.
--
--   databricks_superuser   looks after synced tables and their readers; a group, people are granted it
--   databricks_sync        what the sidecar acts as (SET ROLE); owns __db_system, member of every owner role
--   databricks_st_<database>_<table>   owns one synced table and its partition; nobody logs in as it
--
--   synced_tables          everything about syncing: registry, queue, history, and the functions people call
--   databricks_auth        which relations are synced tables, and who owns them
--   __db_system            the partitions that hold the rows; nobody but databricks_sync looks in here
--
-- The schema synced_tables itself is made by src/postgres/migrate.ts, for the table `migrations` has to be in it first.

-- Roles belong to the whole cluster and two databases may be migrated at the same moment, where advisory locks do not
-- reach: pg_authid is a shared table, so a lock on it does. Logins go on; only CREATE, ALTER and DROP ROLE wait.
do $$
begin
  if to_regrole('databricks_superuser') is null or to_regrole('databricks_sync') is null
     or not pg_has_role('databricks_superuser', 'pg_read_all_data', 'member')
     or not pg_has_role('databricks_superuser', 'pg_write_all_data', 'member') then
    lock table pg_catalog.pg_authid in share row exclusive mode;
    if to_regrole('databricks_superuser') is null then
      create role databricks_superuser nologin;
      comment on role databricks_superuser is 'Looks after synced tables: creates, syncs and deletes them, and grants access.';
    end if;
    if not pg_has_role('databricks_superuser', 'pg_read_all_data', 'member') then
      grant pg_read_all_data to databricks_superuser;
    end if;
    if not pg_has_role('databricks_superuser', 'pg_write_all_data', 'member') then
      grant pg_write_all_data to databricks_superuser;
    end if;
    if to_regrole('databricks_sync') is null then
      create role databricks_sync nologin;
      comment on role databricks_sync is 'What the synced-tables sidecar acts as. Grant it to the role that the sidecar logs in with.';
    end if;
  end if;
  -- As on Lakebase: its members may make schemas, hence synced tables in new schemas.
  execute format('grant create on database %I to databricks_superuser', current_database());
end $$;

-- Plain CREATE SCHEMA on purpose: a schema of that name that somebody else made must not become ours.
create schema databricks_auth;
comment on schema databricks_auth is 'Which relations are synced tables, and who owns them.';
grant usage on schema databricks_auth to databricks_sync, databricks_superuser;

create schema __db_system authorization databricks_sync;
comment on schema __db_system is 'Partitions of synced tables, and tables being loaded. Read the synced table itself instead.';

comment on schema synced_tables is 'Synced tables: registry, requests, history, and the functions to create, sync and delete them.';
revoke all on schema synced_tables from public;
grant usage on schema synced_tables to databricks_sync, databricks_superuser;

-- Lets the sidecar see, without more rights, whether the database has been migrated.
grant select on synced_tables.migrations to databricks_sync, databricks_superuser;
comment on table synced_tables.migrations is 'Which files of sql/ were applied here.';
