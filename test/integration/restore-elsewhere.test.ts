import { execFile } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { describe, expect, it } from 'vitest';

import { startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import { migrateDatabase } from '../../src/postgres/install/migrate.js';
import { ApiClient, createToken } from '../support/api-client.js';
import { createTestDatabase, everyPostgresServer } from '../support/postgres.js';
import { startTestSidecar } from '../support/sidecar.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: a dump of everything that the sidecar keeps, restored where no role of it exists, works again after repair().

const binDir = process.env.TEST_PG_BIN;
const run = (program: string, args: readonly string[]) =>
  promisify(execFile)(binDir === undefined ? program : path.join(binDir, program), [...args]);
const dumpMajor = await run('pg_dump', ['--version']).then(
  ({ stdout }) => Number(/(\d+)\./.exec(stdout)?.[1]),
  () => 0,
);
const sources = everyPostgresServer()
  .filter(({ major }) => major <= dumpMajor)
  .slice(0, process.env.TEST_LONG === '1' ? undefined : 1);
if (sources.length === 0) process.stderr.write('restore-elsewhere.test.ts is skipped: no pg_dump for any server\n');

describe.skipIf(sources.length === 0).each(sources)('a restore of $name into a fresh PostgreSQL 18', (server) => {
  it('syncs, serves HTTP and runs flows after repair()', { timeout: 240_000 }, async () => {
    await using lake = await SyncedLake.create(server);
    const { admin, database } = lake;
    const maker = await database.createRole('maker', 'databricks_superuser');
    await admin.query(`alter role ${maker} login; create schema app authorization ${maker};
      create table app.events (id int, v text, seq int); alter table app.events owner to ${maker}; insert into app.events values (1, 'a', 1), (2, 'b', 1)`);
    const source = await lake.lake.createTable('gold.t', { id: 'long', v: 'string' }, `select 1 as id, 'one' as v`);
    const creator = await database.connectAs(maker);
    const first = await lake.startSidecar();
    await lake.wait(await lake.create('gold.t', {}, creator));
    await creator.query(`select synced_tables.create_streaming_table('app.current');
      select synced_tables.apply_changes('app.current', 'app.events', array['id'], 'seq', except_column_list => array['seq'])`);
    await lake.sync('app.current');
    await creator.query(`select synced_tables.set_schedule('gold.t', '0 9 1 1 *')`);
    const token = await createToken(lake, maker);
    await first[Symbol.asyncDispose]();
    await creator.end();
    // The position in app.events names a transaction of this cluster; no number of the fresh one comes near it.
    await admin.query(
      `update synced_tables._cdc_positions set position = jsonb_set(position, array['app.events', 'xid'], '"4000000"')`,
    );

    const folder = await mkdtemp(path.join(tmpdir(), 'synced-tables-elsewhere-'));
    chmodSync(folder, 0o755); // the server may run as another user
    const fresh = await startEmbeddedPostgres({
      major: 18,
      dataDir: path.join(folder, 'data'),
      settings: { fsync: 'off' },
    });
    try {
      const file = path.join(folder, 'dump');
      await run('pg_dump', [`--file=${file}`, database.url]);
      await using copy = await createTestDatabase(Object.assign(fresh, { name: 'fresh', major: 18 }));
      await run('psql', ['--quiet', `--file=${file}`, copy.url]).catch(() => {});
      const client = await copy.connect();
      const repair = async () => {
        const { rows } = await client.query<{ object: string; outcome: string }>(
          'select * from synced_tables.repair()',
        );
        return Object.fromEntries(rows.map(({ object, outcome }) => [object.replace(/^(token) \S+/, '$1'), outcome]));
      };
      expect(await repair()).toMatchObject({
        'role databricks_gateway': 'made',
        [`token of ${maker}`]: expect.stringMatching(/^waits/),
        [`creator ${maker} of gold.t`]: expect.stringMatching(/^waits/),
        'streaming table app.current': 'given to databricks_sync',
        'source of flow app.current': expect.stringMatching(/^waits/),
      });
      await client.query(`create role ${maker} login in role databricks_superuser; create role sidecar login password 'sidecar' in role databricks_sync;
        grant all on schema app to ${maker}; grant select on app.events to ${maker}`);
      expect(await repair()).toMatchObject({
        [`token of ${maker}`]: `bound to role ${maker}`,
        'source of flow app.current': 'lent to databricks_sync',
      });
      expect(await repair()).toEqual({ 'gold.t': 'ok' });
      expect(await migrateDatabase(client)).toEqual({ applied: [], hasReplacedRoutines: false });

      const url = new URL(copy.url);
      url.username = 'sidecar';
      url.password = 'sidecar';
      await using sidecar = await startTestSidecar({ url: url.href, lakeRoot: lake.lake.root, folder: lake.folder });
      await source.append(`select 2 as id, 'two' as v`);
      await client.query(`insert into app.events values (3, 'c', 2)`);
      const asMaker = new pg.Client({ connectionString: copy.url });
      await asMaker.connect();
      try {
        await asMaker.query(`set session authorization ${maker}`);
        await asMaker.query(`call synced_tables.wait_for_update(synced_tables.sync_now('gold.t'), '60 s')`);
        await asMaker.query(`call synced_tables.wait_for_update(synced_tables.sync_now('app.current'), '60 s')`);
        const read = async (sql: string) => (await asMaker.query({ text: sql, rowMode: 'array' })).rows;
        expect(await read(`select pg_has_role('pg_monitor', 'usage')`)).toEqual([[true]]);
        expect(await read('select id::int, v from gold.t order by id')).toEqual([
          [1, 'one'],
          [2, 'two'],
        ]);
        await asMaker.query(`update app.current set v = 'by hand' where id = 1`);
        expect(await read('select id, v from app.current order by id')).toEqual([
          [1, 'by hand'],
          [2, 'b'],
          [3, 'c'],
        ]);
        expect((await read(`select 1 from synced_tables.table_changes('app.current', 1)`)).length).toBeGreaterThan(3);
        await asMaker.query('create index restored on gold.t (v)');
        await expect(asMaker.query('truncate gold.t')).rejects.toMatchObject({ code: '42501' });
      } finally {
        await asMaker.end();
      }
      const fullName = `${url.pathname.slice(1)}.gold.t`;
      const name = `/api/2.0/database/synced_tables/${fullName}`;
      expect(await new ApiClient(sidecar.url, token).get(name)).toMatchObject({
        status: 200,
        body: { name: fullName },
      });
      expect(await new ApiClient(sidecar.url).get(name)).toMatchObject({ status: 401 });
    } finally {
      await fresh.stop('immediate');
      await rm(folder, { recursive: true });
    }
  });
});
