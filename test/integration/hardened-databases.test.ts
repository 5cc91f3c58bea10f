import { describe, expect, it } from 'vitest';
import { examine } from '../../src/doctor/examine.js';
import { checkSettings } from '../../src/settings/load-settings.js';
import { goEveryWay, invitePeople } from '../support/every-way.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: where PUBLIC has lost all of its rights, as hardening guides ask for, everything works: roles of ours have what they
// need by grants of their own.

/** Takes from PUBLIC what it has in a database, and what new objects would give it. */
const REVOKE_ALL = `
do $$
declare
  schema name;
  kind regtype;
begin
  execute format('revoke all on database %I from public', current_database());
  for schema in select nspname from pg_namespace where nspname not like 'pg\\_%' loop
    execute format('revoke all on schema %I from public', schema);
    execute format('revoke all on all tables in schema %I from public', schema);
    execute format('revoke all on all sequences in schema %I from public', schema);
    if schema <> 'information_schema' then
      execute format('revoke all on all routines in schema %I from public', schema);
    end if;
  end loop;
  for kind in select t.oid from pg_type t join pg_namespace n on n.oid = t.typnamespace
               where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema' and t.typelem = 0 and t.typrelid = 0 loop
    execute format('revoke all on type %s from public', kind);
  end loop;
  revoke all on language plpgsql from public;
  alter default privileges revoke all on functions from public;
  alter default privileges revoke all on types from public;
end $$`;

describe.each(postgresServers())('a hardened database on $name', (server) => {
  it('lets people and sidecars do everything that they could before', async () => {
    await using lake = await SyncedLake.create(server);
    await using people = await invitePeople(lake);
    // The rights of a database are not in its copies, such as this one.
    await lake.admin.query('select databricks_auth.grant_rights()');
    await lake.admin.query(REVOKE_ALL);
    await lake.startSidecar({ pollSeconds: 1 });
    await goEveryWay(lake, people, 'hardened');
  });

  it('is told by doctor where the sidecar lacks a right of the database, and repaired', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    const settings = checkSettings({ instances: { local: { url: database.url } } });
    const found = async () => (await examine(settings)).filter(({ code }) => code === 'RIGHTS_MISSING');
    await admin.query('select databricks_auth.grant_rights()');
    expect(await found()).toEqual([]);
    await admin.query(REVOKE_ALL);
    // Event triggers run in commands of all roles: only PUBLIC is all of them.
    expect((await found()).map(({ message }) => message).join()).toMatch(
      /fail: USAGE on schema databricks_auth for PUBLIC, .* more\.$/,
    );
    const reader = await database.connectAs(await database.createRole('reader'));
    await admin.query('create schema theirs; grant all on schema theirs to public');
    await expect(reader.query('create table theirs.t ()')).rejects.toThrow(/^permission denied for .*databricks_auth/);
    await admin.query('select synced_tables.repair()');
    await reader.query('create table theirs.t ()');
    expect(await found()).toEqual([]);
    await admin.query(
      `do $$ begin execute format('revoke temporary on database %I from databricks_sync', current_database()); end $$;
       revoke usage on schema synced_tables_internal from databricks_sync, public`,
    );
    expect((await found()).map(({ message }) => message).join()).toMatch(
      /TEMPORARY on database .*USAGE on schema synced_tables_internal/,
    );
    await admin.query('select synced_tables.repair()');
    expect(await found()).toEqual([]);
  });
});
