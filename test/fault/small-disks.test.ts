import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/embedded-postgres.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { SmallDisk } from '../support/small-disk.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: where the disk of the server or that of the sidecar is full, updates say so, readers keep the rows that they
// had, nothing is left behind, and everything goes on by itself once there is room again.

const COLUMNS = { id: 'long', name: 'string' };
const FEW = `select i as id, 'n' || i as name from range(100) t(i)`;
/** 60 MB in Postgres. */
const MANY = `select i as id, repeat('x', 1000) || hash(i) as name from range(1000, 60000) t(i)`;

const isLong = process.env.TEST_LONG === '1';
const majors = isLong ? ([15, 18] as const) : ([18] as const);
const policies = isLong ? ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] : ['CONTINUOUS'];
const probe = await SmallDisk.create(1);
await probe?.[Symbol.asyncDispose]();
const canMount = probe !== null;
if (!canMount) console.info('small-disks.test.ts is skipped: no disk can be mounted here');

describe.runIf(canMount).each(majors)('when the disk of PostgreSQL %i is full', (major) => {
  let folder: string;
  let disk: SmallDisk;
  let server: EmbeddedPostgres;
  let lake: SyncedLake;
  beforeAll(async () => {
    const made = await SmallDisk.create(400);
    if (!made) throw new Error('no disk');
    disk = made;
    folder = await mkdtemp(path.join(tmpdir(), 'test-small-disks-'));
    await chmod(folder, 0o755); // the server may run as another user
    const options = { major, dataDir: path.join(disk.folder, 'data') };
    server = await startEmbeddedPostgres(options);
    // The journal is elsewhere: without room for it the server would crash, which is not what is tested here.
    await server.stop();
    const [wal, moved] = [path.join(disk.folder, 'data/pg_wal'), path.join(folder, 'pg_wal')];
    await promisify(execFile)('cp', ['-a', wal, moved]);
    await rm(wal, { recursive: true });
    await symlink(moved, wal);
    server = await startEmbeddedPostgres(options);
    lake = await SyncedLake.create({ name: `PostgreSQL ${major}`, major, url: server.url });
    await lake.startSidecar({ pollSeconds: 0.5 });
  });
  afterAll(async () => {
    await lake?.[Symbol.asyncDispose]();
    await server?.stop('immediate');
    await disk?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function create(name: string, policy: string): Promise<DeltaWriter> {
    const source = await lake.lake.createTable(name, COLUMNS, FEW);
    await lake.admin.query(
      `call synced_tables.wait_for_update(synced_tables.create_synced_table($1, 'lake.' || $1, array['id'],
         scheduling_policy => $2, allow_file_diff => $2 <> 'SNAPSHOT', create_database_objects_if_missing => true))`,
      [name, policy],
    );
    return source;
  }

  it.each(policies)('a %s table keeps its rows, and goes on when there is room', async (policy) => {
    const name = `d.${policy.toLowerCase()}`;
    const small = `d.beside_${policy.toLowerCase()}`;
    const source = policy === 'CONTINUOUS' ? await follow(name) : await create(name, policy);
    await create(small, 'SNAPSHOT');
    disk.leave(24);
    await source.append(MANY);
    const update = policy === 'CONTINUOUS' ? null : await lake.requestSync(name);
    await eventually(async () => (await lake.status(name)).last_error_code === 'TARGET_DATABASE_FULL', 'it is told');
    expect(await lake.value(`select count(*) from ${name}`)).toBe('100');
    // Its space is given back, so that others have it.
    expect(await lake.sync(small, true)).toMatchObject({ state: 'COMPLETED' });
    disk.free();
    if (update !== null) await lake.wait(update);
    await eventually(async () => (await lake.value(`select count(*) from ${name}`)) !== '100', 'it goes on');
    await lake.expectEqual(name, source, Object.keys(COLUMNS));
    await eventually(async () => (await lake.status(name)).last_error_code === null, 'the error is over');
    expect(await lake.shadowTables()).toEqual([]);
  });

  async function follow(name: string): Promise<DeltaWriter> {
    const source = await lake.lake.createTable(name, COLUMNS, FEW);
    await lake.admin.query(
      `select synced_tables.create_synced_table($1, 'lake.' || $1, array['id'], scheduling_policy => 'CONTINUOUS',
         allow_file_diff => true, create_database_objects_if_missing => true)`,
      [name],
    );
    await eventually(
      async () => (await lake.status(name)).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
      'it follows its source',
    );
    return source;
  }
});

const [server] = postgresServers().slice(-1);

describe.runIf(canMount && server)('when the disk of the sidecar is full', () => {
  let scratch: SmallDisk;
  let lake: SyncedLake;
  beforeEach(async () => {
    const made = await SmallDisk.create(256);
    if (!made || !server) throw new Error('no disk');
    scratch = made;
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 0.5, engine: { temporary_folder: scratch.folder, memory_limit_mb: 64 } });
  });
  afterEach(async () => {
    await lake?.[Symbol.asyncDispose]();
    await scratch?.[Symbol.asyncDispose]();
  });

  async function expectTold(name: string): Promise<void> {
    await eventually(async () => (await lake.status(name)).last_error_code !== null, 'it is told');
    expect(await lake.status(name)).toMatchObject({
      last_error_code: 'ENGINE_DISK_FULL',
      message: expect.stringContaining('engine.temporary_folder'),
    });
  }

  it.runIf(isLong)(
    'a table that needs it says which folder, others go on, and it is loaded when there is room',
    async () => {
      await lake.lake.createTable('s.small', COLUMNS, FEW);
      await lake.load('s.small');
      const source = await lake.lake.createTable(
        's.latest',
        { ...COLUMNS, seen: 'long' },
        `select i % 400000 as id, md5(i::varchar) || md5((i + 1)::varchar) as name, i as seen from range(800000) t(i)`,
      );
      scratch.leave(4);
      const update = await lake.create('s.latest', { timeseriesKey: 'seen' });
      await expectTold('s.latest');
      expect(await lake.sync('s.small', true)).toMatchObject({ state: 'COMPLETED' });
      scratch.free();
      await lake.wait(update);
      await lake.expectEqual('s.latest', source, ['id', 'seen'], 'where seen >= 400000');
    },
  );

  it('where no file can be made, tables are copied as long as memory is enough, then the folder is to blame', async () => {
    const source = await lake.lake.createTable('s.none', COLUMNS, FEW);
    await scratch.limitFiles(true);
    await lake.load('s.none');
    await lake.expectEqual('s.none', source, Object.keys(COLUMNS));
    const large = await lake.lake.createTable(
      's.latest',
      { ...COLUMNS, seen: 'long' },
      `select i % 400000 as id, md5(i::varchar) || md5((i + 1)::varchar) as name, i as seen from range(800000) t(i)`,
    );
    const update = await lake.create('s.latest', { timeseriesKey: 'seen' });
    await expectTold('s.latest');
    await scratch.limitFiles(false);
    await lake.wait(update);
    await lake.expectEqual('s.latest', large, ['id', 'seen'], 'where seen >= 400000');
  });
});
