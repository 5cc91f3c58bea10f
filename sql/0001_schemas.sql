-- What lives where.
--
--   synced_tables            tables with the state of syncing, and the functions and views that people use
--   synced_tables_internal   functions called only by other functions and the sidecar
--   synced_tables_served     functions that serve people's calls; see routines/calls/served_calls.sql
--   databricks_auth          the guard: which relations are synced tables, and who owns them
--   __db_system              the partitions that hold the rows; only databricks_sync looks in here
--
-- src/postgres/install/migrate.ts creates the schema synced_tables, because its table `migrations` must exist before the
-- first file runs. Roles, and who may use which schema, are in routines/guard/roles.sql and routines/repair/rights.sql.

-- Plain CREATE SCHEMA on purpose: we must not adopt a schema of that name that somebody else made.
create schema databricks_auth;
comment on schema databricks_auth is 'Which relations are synced tables, and who owns them.';

create schema __db_system;
comment on schema __db_system is 'Partitions of synced tables, and tables being loaded. Read the synced table itself instead.';

comment on schema synced_tables is 'Synced tables: registry, requests, history, and the functions to create, sync and delete them.';
revoke all on schema synced_tables from public;

create schema synced_tables_internal;
comment on schema synced_tables_internal is 'Functions called by those of synced_tables and by the sidecar. Not meant to be called by people.';

create schema synced_tables_served;
comment on schema synced_tables_served is 'Functions that serve calls to their namesakes in synced_tables. Only their owner has rights here.';

comment on table synced_tables.migrations is 'The numbered files of sql/ applied to this database.';
