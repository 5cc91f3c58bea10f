import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import { migrateDatabase } from '../../src/postgres/install/migrate.js';
import { createGuardedDatabase, outcomeOf } from '../support/guarded-database.js';
import { createTestDatabase, everyPostgresServer, postgresServers } from '../support/postgres.js';
import { loadPartition } from '../support/synced-table-fixture.js';
import type { TestServer } from '../support/test-server.js';

// Goal: after whatever happened to an installation, an administrator can work, and repair() makes it whole.

/** pg_dump reads servers of its own version and older ones; TEST_PG_BIN names the folder of newer ones than the PATH has. */
const binDir = process.env.TEST_PG_BIN;
const isLong = process.env.TEST_LONG === '1';
const run = (program: string, args: readonly string[]) =>
  promisify(execFile)(binDir === undefined ? program : path.join(binDir, program), [...args]);
const dumpMajor = await run('pg_dump', ['--version']).then(
  ({ stdout }) => Number(/(\d+)\./.exec(stdout)?.[1]),
  () => 0,
);

async function repair(client: pg.Client): Promise<Record<string, string>> {
  const { rows } = await client.query<{ object: string; outcome: string }>(
    'select object, outcome from synced_tables.repair()',
  );
  return Object.fromEntries(rows.map(({ object, outcome }) => [object, outcome]));
}

describe.each(postgresServers())('repair on $name', (server) => {
  it('finds nothing to do, twice', async () => {
    await using guarded = await createGuardedDatabase(server);
    for (const _ of [1, 2]) expect(await repair(guarded.database.admin)).toEqual({ 'gold.x': 'ok', 'gold.y': 'ok' });
  });

  it('restores owners, gates, event triggers, policies and the list of parts', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { admin } = guarded.database;
    await admin.query(`set databricks_auth.allow_ddl = on; alter table gold.x owner to current_user; alter table ${guarded.part} owner to current_user;
      drop trigger databricks_write_guard on gold.x; alter table ${guarded.part} disable trigger databricks_write_guard;
      drop event trigger databricks_auth_2_open; alter event trigger databricks_auth_drop disable;
      delete from databricks_auth.parts; drop policy _tables_sync on synced_tables._tables; drop policy managers_appoint on databricks_auth.managers;
      reset databricks_auth.allow_ddl`);
    const done = await repair(admin);
    expect(done).toMatchObject({
      'event trigger databricks_auth_2_open': 'made',
      'event trigger databricks_auth_drop': 'enabled',
      'gold.x': expect.stringMatching(/^owner databricks_st_.*, was /),
      'gold.y': 'ok',
    });
    await guarded.sessions.manager.query('create index again on gold.x (note)');
    expect((await outcomeOf(admin, 'truncate gold.x')).code).toBe('25006');
    expect((await outcomeOf(admin, `delete from ${guarded.part}`)).code).toBe('25006');
    expect((await guarded.sessions.sync.query('select from synced_tables._tables')).rowCount).toBe(2);
    await guarded.sessions.keeper.query(
      `select databricks_synced_table_add_manager('gold.y', '${guarded.roles.manager}')`,
    );
  });

  it('follows a renamed manager and drops one that is gone', async () => {
    await using guarded = await createGuardedDatabase(server);
    const { admin } = guarded.database;
    const { manager } = guarded.roles;
    await admin.query(`alter role ${manager} rename to ${manager}_new; create role ${manager}_gone;
      select databricks_synced_table_add_manager('gold.y', '${manager}_gone'); drop owned by ${manager}_gone; drop role ${manager}_gone`);
    const done = await repair(admin);
    expect(done).toMatchObject({
      [`manager ${manager} of gold.x`]: `bound to role ${manager}_new`,
      [`manager ${manager}_gone of gold.y`]: 'removed: the role is gone',
    });
    await admin.query(`alter role ${manager}_new rename to ${manager}`);
    await repair(admin);
    await guarded.sessions.manager.query('create index again on gold.x (note)');
  });

  it.each([
    ['the registry is gone', 'drop table databricks_auth.managers, databricks_auth.synced_tables cascade'],
    ['the windows are gone', 'drop table databricks_auth.open_windows cascade'],
    ['the parts are of another shape', 'alter table databricks_auth.parts drop column kind cascade'],
    [
      'the roles’ functions are gone',
      'drop function databricks_auth.is_superuser(name) cascade; drop function databricks_auth.refuse(text, text, text, text)',
    ],
  ])('is not needed for an administrator to work while %s', async (_, damage) => {
    await using guarded = await createGuardedDatabase(server);
    const { admin } = guarded.database;
    await admin.query(damage);
    await admin.query(
      'create table own.t (id int); alter table own.t add column more int; create index on own.t (id); drop table own.t',
    );
    await admin.query(
      'set databricks_auth.allow_ddl = on; alter table gold.x add column more int; drop table gold.x cascade; drop schema gold cascade',
    );
    expect((await outcomeOf(guarded.sessions.manager, 'drop table gold.y')).code).not.toBe('ok');
  });
});

describe('a dump', () => {
  const servers = everyPostgresServer();
  const newest = servers.reduce((a, b) => (a.major > b.major ? a : b));
  // Without TEST_LONG the oldest only: what a dump holds does not depend on the version.
  const sources = servers.filter(({ major }) => major <= dumpMajor).slice(0, isLong ? undefined : 1);
  let fresh: EmbeddedPostgres & TestServer;
  const dataDir = mkdtempSync(path.join(tmpdir(), 'synced-tables-fresh-'));
  beforeAll(async () => {
    chmodSync(dataDir, 0o755); // the server may run as another user
    const server = await startEmbeddedPostgres({
      major: 18,
      dataDir: path.join(dataDir, 'data'),
      settings: { fsync: 'off' },
    });
    fresh = Object.assign(server, { name: 'a fresh cluster', major: 18 });
  });
  afterAll(async () => {
    await fresh?.stop('immediate');
    await rm(dataDir, { recursive: true });
  });
  if (sources.length === 0)
    it.skip(`cannot be tested: no pg_dump of version ${servers[0]?.major} or later in PATH or TEST_PG_BIN`);

  it.each(
    sources.flatMap((source) =>
      [...new Set([source, newest, 'fresh' as const])].flatMap((into) =>
        (['plain', 'custom'] as const).flatMap((format) =>
          [true, false].map((extension) => ({
            from: source.name,
            to: into === 'fresh' ? 'a fresh PostgreSQL 18' : into.name,
            source,
            into,
            format,
            extension,
          })),
        ),
      ),
    ),
  )(
    'of $from restores into $to ($format, extension: $extension); repair() makes it whole',
    async ({ source, into, format, extension }) => {
      const target = into === 'fresh' ? fresh : into;
      if (into === 'fresh') await dropGuardRoles(target);
      await using guarded = await createGuardedDatabase(source);
      await using copy = await createTestDatabase(target);
      const { manager } = guarded.roles;
      if (extension) await guarded.database.admin.query('create extension databricks_auth');
      const folder = await mkdtemp(path.join(tmpdir(), 'synced-tables-dump-'));
      const client = await copy.connect();
      try {
        const file = path.join(folder, 'dump');
        await run('pg_dump', [`--format=${format}`, `--file=${file}`, guarded.database.url]);
        // Whoever restores has no roles yet in a fresh cluster: errors about them are expected, lost rows are not.
        const restore =
          format === 'plain'
            ? ['psql', ['--quiet', `--file=${file}`, copy.url]]
            : ['pg_restore', [`--dbname=${copy.url}`, file]];
        await run(restore[0] as string, restore[1] as string[]).catch(() => {});
        expect(await repair(client)).toMatchObject({ 'gold.x': expect.stringMatching(/^(owner|ok)/) });
        await client.query(
          `do $$ begin if to_regrole('${manager}') is null then create role ${manager}; end if; end $$; grant usage on schema gold to ${manager}`,
        );
        await repair(client);
        expect(await migrateDatabase(client)).toEqual({ applied: [], hasReplacedRoutines: false });
        await checkWhole(client, manager);
      } finally {
        await client.query(`drop owned by ${manager}`).catch(() => {});
        await client.query('drop schema gold cascade').catch(() => {});
        if (into !== source) await client.query(`drop role if exists ${manager}`).catch(() => {});
        await rm(folder, { recursive: true });
      }
    },
  );
});

/** As a cluster is that has never seen a synced table. */
async function dropGuardRoles(server: TestServer): Promise<void> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ drop: string }>(
      `select format('drop role %I', rolname) as drop from pg_roles where rolname like 'databricks%'`,
    );
    for (const { drop } of rows) await client.query(drop);
  } finally {
    await client.end();
  }
}

/** Sync, reading and manager's commands work, and what must be refused is. */
async function checkWhole(client: pg.Client, manager: string): Promise<void> {
  expect((await client.query('select id, note from gold.x order by id')).rows).toHaveLength(3);
  expect((await client.query('select from synced_tables.status where state is not null')).rowCount).toBe(2);
  await client.query(`set role ${manager}`);
  await client.query('create index restored on gold.x (note)');
  expect((await outcomeOf(client, 'alter table gold.x add column more int')).code).toBe('42501');
  await client.query(`select synced_tables.sync_now('gold.x')`);
  await client.query('reset role');
  expect((await outcomeOf(client, 'truncate gold.x')).code).toBe('25006');
  await client.query('set role databricks_sync');
  const part = await loadPartition(client, 9);
  await client.query(`select databricks_auth.prepare_partition('gold.x', '${part}')`);
  const { rows } = await client.query<{ statement: string }>(
    `select statement from databricks_auth.missing_indexes('gold.x', '${part}') statement`,
  );
  for (const { statement } of rows) await client.query(statement);
  await client.query(
    `do $$ begin execute format('alter table gold.x detach partition %s', databricks_auth.sole_partition('gold.x')); end $$`,
  );
  await client.query(`alter table gold.x attach partition ${part} default`);
  await client.query('reset role');
  expect((await client.query('select from gold.x')).rowCount).toBe(9);
}
