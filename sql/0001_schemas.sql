-- Where things live.
--
--   synced_tables            tables with the state of syncing, and the functions and views that people use
--   synced_tables_internal   functions that only other functions and the sidecar call
--   synced_tables_served     the functions that serve calls of people; see routines/calls/served_calls.sql
--   databricks_auth          which relations are synced tables, and who owns them: the guard
--   __db_system              the partitions that hold the rows; nobody but databricks_sync looks in here
--
-- The schema synced_tables itself is made by src/postgres/install/migrate.ts: its table `migrations` has to be there
-- before the first file runs. Roles, and who may use which schema, are in routines/guard/roles.sql and
-- routines/repair/rights.sql.

-- Plain CREATE SCHEMA on purpose: a schema of that name that somebody else made must not become ours.
create schema databricks_auth;
comment on schema databricks_auth is 'Which relations are synced tables, and who owns them.';

create schema __db_system;
comment on schema __db_system is 'Partitions of synced tables, and tables being loaded. Read the synced table itself instead.';

comment on schema synced_tables is 'Synced tables: registry, requests, history, and the functions to create, sync and delete them.';
revoke all on schema synced_tables from public;

create schema synced_tables_internal;
comment on schema synced_tables_internal is 'Functions that those of synced_tables and the sidecar call. Nothing here is meant to be called by people.';

create schema synced_tables_served;
comment on schema synced_tables_served is 'Functions that serve calls of those of the same name in synced_tables. Nobody but their owner has a right here.';

comment on table synced_tables.migrations is 'Which numbered files of sql/ were applied here.';
