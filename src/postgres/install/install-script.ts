import pg from 'pg';
import { IDENTITIES_SQL } from './apply-layer.js';
import { MIGRATIONS_TABLE, type Migration, ownRelease, readMigrations, sqlDir } from './migration-files.js';
import { LOCK_KEYS } from './migration-lock.js';
import { isRoutine, readSqlLayer } from './sql-layer.js';

/**
 * The whole installation as one script of plain SQL, for a superuser who reads what he runs: one transaction, which leaves what
 * `migrateDatabase` leaves in an empty database, its records included. So a later `migrate` goes on from there.
 */
export async function writeInstallScript(): Promise<string> {
  const [migrations, layer] = await Promise.all([readMigrations(sqlDir), readSqlLayer(sqlDir)]);
  const routines = layer.routines.filter(isRoutine);
  const rest = (kind: string) => layer.routines.filter((definition) => definition.kind === kind);
  const files = [...new Set(routines.map(({ file }) => file))];
  const written = [...layer.numbered, ...layer.routines].map(({ sql, ...definition }) => definition);
  const identities = IDENTITIES_SQL.replace('$1', () => pg.escapeLiteral(JSON.stringify(written)));
  return [
    header(ownRelease()),
    CHECKS,
    `create schema synced_tables;\n${MIGRATIONS_TABLE};`,
    ...migrations.map(numberedFile),
    '-- Functions, views and triggers. Bodies are not looked at before all of them are there.',
    'set local check_function_bodies = off;\nset local search_path = pg_catalog, pg_temp;',
    ...files.map((file) => `-- sql/${file}\n\n${sqlOf(routines.filter((routine) => routine.file === file))}`),
    sqlOf([...rest('view'), ...rest('trigger')]),
    '-- The calling half of each function of synced_tables_served, and the register of all of the above.',
    `insert into synced_tables._definitions (kind, identity, file, audience, hash)
select i.kind, i.identity, i.file, i.audience, i.hash
  from (${identities}) i;`,
    '-- Roles, event triggers and rights.',
    'do $$ begin perform synced_tables_internal._install(); end $$;',
    `update synced_tables._schema set release = ${pg.escapeLiteral(ownRelease())}, layer_hash = ${pg.escapeLiteral(layer.hash)};`,
    'commit;\n',
  ].join('\n\n');
}

function sqlOf(definitions: readonly { readonly sql: string }[]): string {
  return definitions.map(({ sql }) => sql).join('\n');
}

/** Number 0 is the table of migrations, which is there already. */
function numberedFile({ id, name, hash, sql, fileName }: Migration): string {
  const record = `insert into synced_tables.migrations (id, name, hash) values (${id}, ${pg.escapeLiteral(name)}, ${pg.escapeLiteral(hash)});`;
  return id === 0 ? record : `-- sql/${fileName}\n\n${sql}\n${record}`;
}

function header(release: string): string {
  return `-- Installs synced tables ${release} in the database that it runs in. For a superuser, once for each database:
--
--   psql -v ON_ERROR_STOP=1 -f install.sql …
--
-- It is one transaction: all of it is there afterwards, or nothing. It makes the roles databricks_superuser, databricks_sync and
-- databricks_gateway, the schemas synced_tables, synced_tables_internal, synced_tables_served, databricks_auth and __db_system,
-- event triggers databricks_auth_…, and functions and views databricks_… in schema public. A sidecar needs a login:
--
--   CREATE ROLE sidecar LOGIN PASSWORD '…';
--   GRANT databricks_sync TO sidecar;

begin;
set local client_encoding = 'UTF8';
set local client_min_messages = warning;
set local statement_timeout = 0;
set local standard_conforming_strings = on;
set local search_path = synced_tables, pg_temp;`;
}

const CHECKS = `do $$
begin
  if current_setting('server_version_num')::int < 150000 then
    raise exception 'synced tables need PostgreSQL 15 or newer; this is %', current_setting('server_version');
  elsif not (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user) then
    raise exception using errcode = '42501', message = pg_catalog.format('this script is for a superuser, and role %I is not one', current_user),
      hint = 'Where nobody is a superuser, run synced-tables migrate as the administrator.';
  elsif current_setting('server_encoding') not in ('UTF8', 'SQL_ASCII') then
    raise exception 'synced tables need a database with encoding UTF8; this one has %', current_setting('server_encoding');
  elsif pg_catalog.to_regnamespace('synced_tables') is not null then
    raise exception using errcode = '42P06', message = pg_catalog.format('synced tables are installed in database %I already', current_database()),
      hint = 'To bring them up to date, run synced-tables migrate as a superuser.';
  end if;
  -- No migration at the same time.
${LOCK_KEYS.map((key) => `  perform pg_catalog.pg_advisory_xact_lock(${key});`).join('\n')}
end $$;`;
