import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { migrateDatabase, pendingMigrations } from '../../src/postgres/install/migrate.js';
import { readMigrations } from '../../src/postgres/install/migration-files.js';
import { copySql } from '../support/copy-sql.js';
import { createMigratedDatabase, type MigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { eventually } from '../support/synced-lake.js';

// Goal: functions, views and triggers of a database become what their files say, as a whole or not at all, and what users
// made on top of them goes on.

/** A migrated database, a copy of sql/ to change, and a release number for it. */
async function startUpgrade(server: Parameters<typeof createMigratedDatabase>[0]) {
  const database = await createMigratedDatabase(server);
  const copy = await copySql();
  const file = (name: string) => path.join(copy.dir, name);
  return {
    database,
    admin: database.admin,
    file,
    /** Puts `to` in the place of `from`, which stands in the file. */
    edit: async (name: string, from: string, to: string) => {
      const text = await readFile(file(name), 'utf8');
      expect(text).toContain(from);
      await writeFile(file(name), text.replace(from, to));
    },
    upgrade: (client: pg.Client = database.admin, release = '99.0.0') =>
      migrateDatabase(client, { dir: copy.dir, release, lockTimeoutMs: 200, pauseMs: 50 }),
    async [Symbol.asyncDispose]() {
      await copy[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

const ADDED = `
-- for: sidecar
create or replace function synced_tables_internal._added() returns int language sql set search_path = pg_catalog, pg_temp as 'select 1';
comment on function synced_tables_internal._added() is 'Added by a test.';
`;

async function versionsOf({ admin }: Pick<MigratedDatabase, 'admin'>): Promise<unknown[]> {
  const { rows } = await admin.query(
    `select p.oid::regprocedure::text as object, p.xmin::text from pg_proc p
      where p.pronamespace::regnamespace::text in ('synced_tables', 'synced_tables_internal', 'synced_tables_served', 'databricks_auth')
     union all select c.oid::regclass::text, r.xmin::text from pg_rewrite r join pg_class c on c.oid = r.ev_class
      where c.relnamespace = 'synced_tables'::regnamespace
     union all select t.tgname, t.xmin::text from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where c.relnamespace = 'synced_tables'::regnamespace order by 1`,
  );
  return rows;
}

describe.each(postgresServers())('functions, views and triggers on $name', (server) => {
  it('are left alone where they are as their files say', async () => {
    await using database = await createMigratedDatabase(server);
    const before = await versionsOf(database);
    expect(await migrateDatabase(database.admin)).toEqual({ applied: [], hasReplacedRoutines: false });
    expect(await versionsOf(database)).toEqual(before);
  });

  it('are those of a changed file, under the OIDs they had', async () => {
    await using upgrade = await startUpgrade(server);
    const oid = async () => (await upgrade.admin.query(`select 'synced_tables_internal._raise'::regproc::oid`)).rows;
    const before = await oid();
    await upgrade.edit('routines/calls/raise.sql', 'language plpgsql set', 'language plpgsql cost 4711 set');
    expect(await upgrade.upgrade()).toEqual({ applied: [], hasReplacedRoutines: true });
    expect(await oid()).toEqual(before);
    const { rows } = await upgrade.admin.query(`select procost from pg_proc where proname = '_raise'`);
    expect(rows).toEqual([{ procost: 4711 }]);
    expect(await upgrade.upgrade()).toEqual({ applied: [], hasReplacedRoutines: false });
  });

  it('go when they leave the files, with their rights and their row of synced_tables.definitions', async () => {
    await using upgrade = await startUpgrade(server);
    await writeFile(upgrade.file('routines/calls/added.sql'), ADDED);
    await upgrade.upgrade();
    const found = async () =>
      (
        await upgrade.admin.query(
          `select d.file, d.audience, has_function_privilege('databricks_sync', d.object, 'execute') as may_call
             from synced_tables.definitions d where d.object = 'synced_tables_internal._added()'`,
        )
      ).rows;
    expect(await found()).toEqual([{ file: 'routines/calls/added.sql', audience: 'sidecar', may_call: true }]);
    await rm(upgrade.file('routines/calls/added.sql'));
    await upgrade.upgrade();
    expect(await found()).toEqual([]);
    const { rows } = await upgrade.admin.query(`select to_regprocedure('synced_tables_internal._added()') as added`);
    expect(rows).toEqual([{ added: null }]);
  });

  it('stay as they were, all of them, when something of a user depends on one that would go', async () => {
    await using upgrade = await startUpgrade(server);
    await upgrade.admin.query('create view public.my_events as select message from synced_tables.events');
    const before = await versionsOf(upgrade.database);
    await upgrade.edit('routines/calls/raise.sql', 'language plpgsql set', 'language plpgsql cost 4711 set');
    const history = await readFile(upgrade.file('routines/queue/history.sql'), 'utf8');
    await writeFile(upgrade.file('routines/queue/history.sql'), history.slice(0, history.lastIndexOf('-- for: ')));
    await expect(upgrade.upgrade()).rejects.toMatchObject({
      code: 'MIGRATION_IN_USE',
      message: expect.stringMatching(/view (public\.)?my_events depends on view synced_tables\.events/),
    });
    expect(await versionsOf(upgrade.database)).toEqual(before);
    await upgrade.admin.query('drop view public.my_events');
    await upgrade.upgrade();
    expect((await upgrade.admin.query(`select to_regclass('synced_tables.events') as events`)).rows).toEqual([
      { events: null },
    ]);
  });

  it("are replaced below a user's view of status and a user's function that calls sync_now", async () => {
    await using upgrade = await startUpgrade(server);
    const { admin } = upgrade;
    await admin.query(`select synced_tables.create_synced_table('gold.a', 'lake.gold.a', array['id']);
      create view public.stale as select synced_table, state from synced_tables.status;
      create function public.again() returns uuid language sql begin atomic select synced_tables.sync_now('gold.a'); end`);
    await upgrade.edit('routines/tables/status.sql', '-- for: managers', '-- Changed by a test.\n-- for: managers');
    await upgrade.edit('routines/tables/status.sql', 'offset 0', 'offset 0 limit 1000');
    await upgrade.edit('routines/queue/sync_now.sql', "'sync')", "'synchronise')");
    await upgrade.upgrade();
    expect((await admin.query('select synced_table from public.stale')).rows).toEqual([{ synced_table: 'gold.a' }]);
    expect((await admin.query('select public.again() as id')).rows).toEqual([
      { id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    ]);
    expect((await admin.query(`select pg_get_viewdef('synced_tables.status') ~ 'LIMIT 1000' as changed`)).rows).toEqual(
      [{ changed: true }],
    );
  });

  it('become those of the new files once, whoever of several is first', async () => {
    await using upgrade = await startUpgrade(server);
    await upgrade.edit('routines/calls/raise.sql', 'language plpgsql set', 'language plpgsql cost 4711 set');
    const clients = [upgrade.admin, await upgrade.database.connect(), await upgrade.database.connect()];
    const results = await Promise.all(clients.map((client) => upgrade.upgrade(client)));
    expect(results.filter(({ hasReplacedRoutines }) => hasReplacedRoutines)).toHaveLength(1);
  });

  it('are replaced beside a reader of status; a status that changed waits for him', async () => {
    await using upgrade = await startUpgrade(server);
    const reader = await upgrade.database.connect();
    await reader.query('begin; select count(*) from synced_tables.status');
    await upgrade.edit('routines/calls/raise.sql', 'language plpgsql set', 'language plpgsql cost 4711 set');
    expect(await upgrade.upgrade()).toMatchObject({ hasReplacedRoutines: true });
    await upgrade.edit('routines/tables/status.sql', 'offset 0', 'offset 0 limit 1000');
    let isDone = false;
    const waiting = upgrade.upgrade().then((result) => {
      isDone = true;
      return result;
    });
    const isWaiting = `select from pg_locks where relation = 'synced_tables.status'::regclass and not granted`;
    await eventually(async () => (await reader.query(isWaiting)).rowCount === 1, 'the upgrade waits for the view');
    // Between its tries the view can be read by others.
    const other = await upgrade.database.connect();
    await other.query('select count(*) from synced_tables.status');
    expect(isDone).toBe(false);
    await reader.query('commit');
    expect(await waiting).toMatchObject({ hasReplacedRoutines: true });
  });

  it('need the line that says for whom, and a comment', async () => {
    await using upgrade = await startUpgrade(server);
    await writeFile(upgrade.file('routines/calls/added.sql'), ADDED.replace('-- for: sidecar\n', ''));
    await expect(upgrade.upgrade()).rejects.toThrow(/routines\/calls\/added\.sql: no line "-- for: …" before/);
    await writeFile(upgrade.file('routines/calls/added.sql'), ADDED.replace(/comment on.*\n/, ''));
    await expect(upgrade.upgrade()).rejects.toThrow(/_added has no comment/);
    await writeFile(upgrade.file('routines/calls/added.sql'), ADDED.replace('sidecar', 'nobody'));
    await expect(upgrade.upgrade()).rejects.toThrow(/not a known audience/);
  });
});

describe.each(postgresServers())('two releases side by side on $name', (server) => {
  it('share a database: the older one neither puts its functions over the newer ones nor refuses a newer table', async () => {
    await using newer = await startUpgrade(server);
    const next = (await readMigrations()).length;
    await writeFile(
      newer.file(`${String(next).padStart(4, '0')}_more.sql`),
      "-- for: owner\ncreate table synced_tables.more (a int);\ncomment on table synced_tables.more is 'Of a test.';",
    );
    await appendFile(newer.file('routines/calls/raise.sql'), ADDED);
    expect(await newer.upgrade()).toEqual({
      applied: [`${String(next).padStart(4, '0')}_more.sql`],
      hasReplacedRoutines: true,
    });
    // The older release is the one of these sources.
    expect(await migrateDatabase(newer.admin)).toEqual({ applied: [], hasReplacedRoutines: false });
    expect((await newer.admin.query('select synced_tables_internal._added()')).rowCount).toBe(1);
    expect(await pendingMigrations(newer.admin)).toMatchObject({ pending: 0, isLayerOutdated: false });
    const sidecar = await newer.database.connectAsSidecar();
    expect(await migrateDatabase(sidecar)).toEqual({ applied: [], hasReplacedRoutines: false });
  });

  it('do not when the newer one says that its schema is not for older ones', async () => {
    await using newer = await startUpgrade(server);
    const next = (await readMigrations()).length;
    const file = `${String(next).padStart(4, '0')}_breaking.sql`;
    await writeFile(newer.file(file), `update synced_tables._schema set newest_breaking = ${next}`);
    expect(await newer.upgrade()).toMatchObject({ applied: [file] });
    expect(await newer.upgrade()).toEqual({ applied: [], hasReplacedRoutines: false });
    await expect(migrateDatabase(newer.admin)).rejects.toMatchObject({
      code: 'DATABASE_NEWER',
      message: expect.stringContaining(String(next)),
    });
  });
});
