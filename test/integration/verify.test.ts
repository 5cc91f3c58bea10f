import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { runCli, runCliJson } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a synced table is proved equal to its source, or the rows that differ are shown to who may read them.

const columns = {
  id: 'long',
  name: 'string',
  score: 'double',
  tags: { type: 'array', elementType: 'string' },
} as const;
const rows = `select i as id, 'n' || i as name, i / 8 as score, ['t' || i] as tags from range(100) t(i)`;

type Row = Record<string, unknown>;

async function ask(target: string, client: pg.Client): Promise<string> {
  const { rows: asked } = await client.query<{ id: string }>('select synced_tables.verify($1) as id', [target]);
  return asked[0]?.id ?? '';
}

async function wait(id: string, client: pg.Client): Promise<void> {
  await client.query(`call synced_tables.wait_for_verification('${id}', interval '150 s')`);
}

async function read(id: string, client: pg.Client): Promise<Row> {
  const { rows: found } = await client.query<Row>(
    'select * from synced_tables.verifications where verification_id = $1',
    [id],
  );
  return found[0] ?? {};
}

describe.each(postgresServers())('verify on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  /** Changes rows as only the sidecar's role may, past the guard. */
  async function tamper(sql: string): Promise<void> {
    await lake.admin.query(`begin; set local role databricks_sync; ${sql}; commit`).catch(async (error: unknown) => {
      await lake.admin.query('rollback');
      throw error;
    });
  }

  async function partition(target: string): Promise<string> {
    return (await lake.value(`select databricks_auth.sole_partition('${target}'::regclass)::regclass::text`)) ?? '';
  }

  it('proves a table equal by the rules of its sync: keys, latest rows, stripped characters', async () => {
    await lake.lake.createTable(
      'v.rules',
      { id: 'long', at: 'long', note: 'string' },
      `select nullif(i % 10, 3) as id, i as at, 'a' || chr(0) || i as note from range(100) t(i)`,
    );
    await lake.load('v.rules', { timeseriesKey: 'at', invalidCharacters: 'strip' });
    const id = await ask('v.rules', lake.admin);
    await wait(id, lake.admin);
    expect(await read(id, lake.admin)).toMatchObject({
      state: 'COMPLETED',
      is_equal: true,
      synced_version: '0',
      source_rows: '9',
      target_rows: '9',
      differences: [],
      error_code: null,
      message: 'v.rules equals lake.v.rules at version 0: 9 rows compared cell by cell.',
    });
  });

  it('lists what is missing, extra and different, column by column, and raises', async () => {
    await lake.lake.createTable('v.t', columns, rows);
    await lake.load('v.t');
    const part = await partition('v.t');
    await tamper(`delete from ${part} where id = 5; insert into ${part} values (500, 'x', null, null);
      update ${part} set name = repeat('y', 1500), score = -0.0::float8 where id = 0; update ${part} set name = null where id = 7`);
    const id = await ask('v.t', lake.admin);
    expect(await refusalOf(wait(id, lake.admin))).toMatchObject({
      code: 'TABLES_DIFFER',
      sqlState: 'XX001',
      message:
        'Synced table v.t differs from lake.v.t at the version it reflects: rows missing here: 1, not in the source: 1, with other values: 2.',
    });
    const found = await read(id, lake.admin);
    expect(found).toMatchObject({ is_equal: false, source_rows: '100', target_rows: '100', different_rows: '2' });
    const cut = expect.stringMatching(/^y{1000}… \(1500 characters, md5 [0-9a-f]{32}\)$/);
    expect(found.differences).toEqual([
      {
        difference: 'different',
        key: { id: '0' },
        source: { name: 'n0', score: '0' },
        target: { name: cut, score: '-0' },
      },
      {
        difference: 'missing',
        key: { id: '5' },
        source: { id: '5', name: 'n5', score: '0.625', tags: '["t5"]' },
        target: null,
      },
      { difference: 'different', key: { id: '7' }, source: { name: 'n7' }, target: { name: null } },
      {
        difference: 'extra',
        key: { id: '500' },
        source: null,
        target: { id: '500', name: 'x', score: null, tags: null },
      },
    ]);
    expect(JSON.stringify((await lake.admin.query('select * from synced_tables.events')).rows)).not.toContain('n5');
    await lake.sync('v.t', true);
    const again = await ask('v.t', lake.admin);
    await wait(again, lake.admin);
    expect(await read(id, lake.admin)).toMatchObject({ is_equal: false, differences: null });
  });

  it('lists twenty of many, in the order of a key of several columns', async () => {
    await lake.lake.createTable(
      'v.many',
      { a: 'long', b: 'string' },
      `select i // 10 as a, 'k' || i % 10 as b from range(1000) t(i)`,
    );
    await lake.load('v.many', { key: ['a', 'b'] });
    await tamper(`truncate ${await partition('v.many')}`);
    const id = await ask('v.many', lake.admin);
    expect((await refusalOf(wait(id, lake.admin))).code).toBe('TABLES_DIFFER');
    const { differences, missing_rows: missing } = await read(id, lake.admin);
    expect(missing).toBe('1000');
    expect((differences as { key: Row }[]).map(({ key }) => key)).toEqual(
      Array.from({ length: 20 }, (_, n) => ({ a: String(Math.trunc(n / 10)), b: `k${n % 10}` })),
    );
  });

  it('compares with the version that the table reflects, not with the newest one', async () => {
    const source = await lake.lake.createTable('v.older', columns, rows);
    await lake.load('v.older');
    await source.overwrite(`select i as id, 'new' as name, null as score, null as tags from range(7) t(i)`);
    const id = await ask('v.older', lake.admin);
    await wait(id, lake.admin);
    expect(await read(id, lake.admin)).toMatchObject({ is_equal: true, synced_version: '0', source_rows: '100' });
  });

  it('says so when that version is gone', async () => {
    const source = await lake.lake.createTable('v.gone', columns, rows);
    await lake.load('v.gone');
    for (const file of readdirSync(source.folder))
      if (file.endsWith('.parquet')) rmSync(path.join(source.folder, file));
    const id = await ask('v.gone', lake.admin);
    const refusal = await refusalOf(wait(id, lake.admin));
    expect(refusal).toMatchObject({ code: 'SOURCE_VERSION_GONE', sqlState: '58P01' });
    expect(refusal.message).toContain('Version 0 of source table lake.v.gone, which synced table v.gone reflects');
    expect(await read(id, lake.admin)).toMatchObject({
      state: 'FAILED',
      is_equal: null,
      error_code: 'SOURCE_VERSION_GONE',
    });
    const table = await lake.lake.createTable('v.replaced', columns, rows);
    await lake.load('v.replaced');
    await table.recreate(rows);
    expect((await refusalOf(wait(await ask('v.replaced', lake.admin), lake.admin))).message).toContain(
      'another table has taken its place',
    );
  });

  it('tells columns that came or went', async () => {
    await lake.lake.createTable('v.columns', { id: 'long', a: 'string' }, `select 1 as id, 'x' as a`);
    await lake.load('v.columns');
    await lake.admin.query(
      `begin; set local databricks_auth.allow_ddl = on; alter table v.columns rename a to b; commit`,
    );
    const refusal = await refusalOf(wait(await ask('v.columns', lake.admin), lake.admin));
    expect(refusal.code).toBe('COLUMNS_DIFFER');
    expect(refusal.message).toContain('"a" is missing, "b" is not in the source');
  });

  it('never reports a difference while syncs go on, and keeps none of them from going on', async () => {
    const source = await lake.lake.createTable(
      'v.busy',
      { id: 'long', v: 'long' },
      'select i as id, 0 as v from range(3000) t(i)',
    );
    await lake.load('v.busy');
    let isOver = false;
    const syncing = (async () => {
      let syncs = 0;
      for (; !isOver; syncs++) {
        await source.overwrite(`select i as id, ${syncs} as v from range(${2000 + syncs}) t(i)`);
        await lake.sync('v.busy', syncs % 2 === 0);
      }
      return syncs;
    })();
    const asker = await lake.database.connect();
    const versions = new Set<unknown>();
    for (let n = 0; n < 8; n++) {
      const id = await ask('v.busy', asker);
      await wait(id, asker);
      const found = await read(id, asker);
      expect(found).toMatchObject({ is_equal: true });
      versions.add(found.synced_version);
    }
    isOver = true;
    expect(await syncing).toBeGreaterThan(2);
    expect(versions.size).toBeGreaterThan(1);
  });

  it('is asked for by who may sync, and shows values of rows to who may read the table alone', async () => {
    await lake.lake.createTable(
      'v.secret',
      { id: 'long', name: 'string' },
      `select i as id, 'secret' as name from range(3) t(i)`,
    );
    await lake.load('v.secret');
    await tamper(`delete from ${await partition('v.secret')} where id = 1`);
    const { database } = lake;
    const [manager, reader, stranger] = [
      await database.createRole('manager'),
      await database.createRole('reader'),
      await database.createRole('stranger'),
    ];
    await lake.admin.query(`select public.databricks_synced_table_add_manager('v.secret'::regclass, '${manager}')`);
    await lake.admin.query(`grant usage on schema v to ${reader}; grant select on v.secret to ${reader};
      grant usage on schema synced_tables to ${reader}, ${stranger}; grant select on synced_tables.verifications to ${reader}, ${stranger};
      grant execute on function synced_tables.verify(text) to ${reader}`);
    const [asManager, asReader, asStranger] = (await Promise.all(
      [manager, reader, stranger].map((role) => database.connectAs(role)),
    )) as [pg.Client, pg.Client, pg.Client];
    expect(await refusalOf(ask('v.secret', asReader))).toMatchObject({ code: 'PERMISSION_DENIED' });
    const id = await ask('v.secret', asManager);
    expect((await refusalOf(wait(id, asManager))).code).toBe('TABLES_DIFFER');
    const missing = { difference: 'missing', key: { id: '1' }, source: { id: '1', name: 'secret' }, target: null };
    expect(await read(id, asReader)).toMatchObject({ missing_rows: '1', differences: [missing] });
    expect(await read(id, asManager)).toMatchObject({ missing_rows: '1', differences: null });
    expect(await read(id, asStranger)).toEqual({});
    await lake.admin.query(`select synced_tables.delete_synced_table('v.secret')`);
    expect((await read(id, lake.admin)).differences).toBeNull();
    expect(
      await lake.value('select differences from synced_tables._verifications where verification_id = $1', [id]),
    ).toBeNull();
  });

  it('refuses a table that is unknown or not loaded yet, and is canceled with its table', async () => {
    expect((await refusalOf(ask('v.nothing', lake.admin))).code).toBe('SYNCED_TABLE_NOT_FOUND');
    await using idle = await SyncedLake.create(server);
    await idle.create('v.empty');
    expect((await refusalOf(ask('v.empty', idle.admin))).code).toBe('SYNCED_TABLE_NOT_LOADED');
    await idle.lake.createTable('v.empty', columns, rows);
    const sidecar = await idle.startSidecar();
    await eventually(async () => (await idle.status('v.empty')).row_count === '100', 'the table is loaded');
    await sidecar[Symbol.asyncDispose]();
    const id = await ask('v.empty', idle.admin);
    expect(
      await refusalOf(idle.admin.query(`call synced_tables.wait_for_verification('${id}', interval '10 ms')`)),
    ).toMatchObject({
      code: 'VERIFICATION_WAIT_TIMEOUT',
    });
    await idle.admin.query(`select synced_tables.delete_synced_table('v.empty')`);
    expect(await refusalOf(wait(id, idle.admin))).toMatchObject({ sqlState: '57014', code: 'SYNCED_TABLE_DELETED' });
    expect((await refusalOf(wait('00000000-0000-0000-0000-000000000000', lake.admin))).code).toBe(
      'VERIFICATION_NOT_FOUND',
    );
  });
});

describe('a sidecar and the command line', () => {
  const server = postgresServers().at(-1);
  if (!server) throw new Error('no server');

  it('is done by another sidecar when the one at work is killed', async () => {
    await using own = await SyncedLake.create(server);
    await own.lake.createTable(
      'v.killed',
      columns,
      `select i as id, 'n' as name, 0 as score, ['t'] as tags from range(300000) t(i)`,
    );
    const first = await own.spawnSidecar({ leaseSeconds: 2, pollSeconds: 1 });
    await own.load('v.killed');
    const id = await ask('v.killed', own.admin);
    await eventually(async () => (await read(id, own.admin)).state !== 'QUEUED', 'it has begun');
    await first.kill();
    await sleep(10);
    await own.startSidecar({ leaseSeconds: 2, pollSeconds: 1 });
    await wait(id, own.admin);
    expect(await read(id, own.admin)).toMatchObject({ is_equal: true, target_rows: '300000' });
  });

  it('shows the rows that differ and ends with 1, or proves them equal and ends with 0', async () => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 1 });
    const environment = { DATABASE_URL: lake.database.url, SYNCED_TABLES_LAKE: lake.lake.root };
    await lake.lake.createTable(
      'c.t',
      { id: 'long', name: 'string' },
      `select i as id, 'n' || i as name from range(4) t(i)`,
    );
    await lake.load('c.t');
    const proved = (await runCliJson(['verify', 'c.t'], environment)) as Row;
    expect(proved).toMatchObject({ synced_table: 'c.t', is_equal: true, source_rows: 4, differences: [] });
    const part = await lake.value(`select databricks_auth.sole_partition('c.t'::regclass)::regclass::text`);
    await lake.admin.query(`begin; set local role databricks_sync;
      update ${part} set name = 'other' where id = 2; delete from ${part} where id = 3; commit`);
    const shown = await runCli(['verify', 'c.t'], environment);
    expect(shown.end).toBe(1);
    expect(shown.stderr).toContain('TABLES_DIFFER: Synced table c.t differs from lake.c.t');
    expect(shown.stdout).toMatch(/\n 2 +\| different +\| name +\| n2 +\| other\n/);
    expect(shown.stdout).toMatch(/\n 3 +\| missing +\| +\| \{"id":"3","name":"n3"\} +\|/);
    const json = await runCli(['verify', 'c.t', '--output', 'json'], environment);
    expect(json.end).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ is_equal: false, missing_rows: 1, different_rows: 1 });
    const queued = (await runCliJson(['verify', 'c.t', '--no-wait'], environment)) as Row;
    expect(queued.verification_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await runCli(['verify', `c.${randomBytes(3).toString('hex')}`], environment)).toMatchObject({
      end: 1,
      stdout: '',
    });
  });
});
