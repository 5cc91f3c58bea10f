import { execFile } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { IcebergWriter } from '../support/iceberg-writer.js';
import { postgresServers } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { BUCKET, S3FolderServer, type StoreRequest } from '../support/s3-folder-server.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { UnityServer } from '../support/unity-server.js';

// Goal: before a synced table is created, its creator learns what that would meet, and how to get around it: from metadata
// at once, from the rows as a job; the statements that come along create the table as they are.

const PREVIEWS = '/api/2.0/synced-tables/previews';
const run = promisify(execFile);

interface Finding {
  readonly error_code: string;
  readonly field: string | null;
  readonly columns: string[];
  readonly ways_out: object[];
  readonly message: string;
}

describe.each(postgresServers().slice(-1))('previews on $name', (server) => {
  let synced: SyncedLake;
  let url: string;
  let token: string;
  let api: ApiClient;
  let database: string;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    const { lake } = synced;
    const clean = await lake.createTable(
      'gold.clean',
      { id: 'long', name: 'string' },
      `select i as id, 'n' as name from range(9) t(i)`,
    );
    clean.switchChangeFeedOn();
    const doubled = {
      id: 'long',
      note: 'string',
      at: 'timestamp',
      tags: { type: 'array', elementType: 'string' },
    } as const;
    await lake.createTable(
      'gold.doubled',
      doubled,
      `select nullif(i // 2, 4) as id, case when i = 3 then 'a' || chr(0) else 'b' end as note,
              timestamp '2026-01-01' + to_seconds(i) as at, ['a'] as tags from range(10) t(i)`,
    );
    ({ url } = await synced.startSidecar());
    database = (await synced.value('select current_database()')) ?? '';
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    await synced.admin.query(`create schema ways; grant create on schema ways to ${keeper}`);
    token = await createToken(synced, keeper);
    api = new ApiClient(url, token);
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  const codes = (findings: Finding[]) => findings.map(({ error_code: code, field }) => [code, field]);

  /** A preview with its rows, once it has ended. */
  async function previewRows(body: object, client = api) {
    const begun = await client.post(PREVIEWS, { ...body, depth: 'rows' });
    expect(begun.status, JSON.stringify(begun.body)).toBe(200);
    let reply = begun;
    await eventually(async () => {
      reply = await client.get(`${PREVIEWS}/${begun.body.id}`);
      return reply.body.state !== 'RUNNING';
    }, 'the preview ends');
    return reply.body;
  }

  it('tells from metadata alone what is missing, and what may be taken for it', async () => {
    const { status, body } = await api.post(PREVIEWS, { source_table_full_name: 'lake.gold.clean' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: null,
      depth: 'log',
      state: 'DONE',
      source: { name: 'lake.gold.clean', version: 1, row_count: 9 },
      defaults: { name: `${database}.gold.clean_synced`, primary_key_columns: [], scheduling_policy: 'TRIGGERED' },
      likely_keys: ['id'],
      statements: null,
      rows: null,
      warnings: [],
      hints: [],
    });
    expect(codes(body.stops)).toEqual([['PRIMARY_KEY_MISSING', 'primary_key_columns']]);
    expect(body.stops[0].ways_out).toEqual([{ primary_key_columns: ['id'] }]);
  });

  it('looks at the chosen columns and rows, and at whether the filter fits', async () => {
    const source = { source_table_full_name: 'lake.gold.doubled', primary_key_columns: ['id'] };
    const wrong = await api.post(PREVIEWS, { ...source, columns: ['note'], row_filter: 'nope = 1' });
    expect(codes(wrong.body.stops)).toEqual(
      expect.arrayContaining([
        ['COLUMNS_WITHOUT_KEY', 'columns'],
        ['ROW_FILTER_INVALID', 'row_filter'],
      ]),
    );
    const chosen = { ...source, columns: ['id', 'at'], row_filter: "id < 3 and note = 'b' and second(`at`) % 2 = 0" };
    const found = await previewRows(chosen);
    expect(found.stops).toEqual([]);
    expect(found.rows).toMatchObject({ row_count: 3, primary_key: { duplicate_keys: 0 }, nul_columns: [] });
    const { body } = await api.post(PREVIEWS, { ...source, rows_from: found.id });
    expect(body.rows, 'rows of another choice').toBe(null);
  });

  it('tells how much of a table is read for a filter', async () => {
    const parts = await synced.lake.createTable('gold.parts', { id: 'long' }, 'select i as id from range(10) t(i)');
    for (const from of [10, 20]) await parts.append(`select i as id from range(${from}, ${from + 10}) t(i)`);
    const sizes = parts.files.map((file) => statSync(path.join(parts.folder, file)).size);
    const source = { source_table_full_name: 'lake.gold.parts', primary_key_columns: ['id'] };
    const wanted = { ...source, row_filter: 'id between 12 and 15' };
    const { id, rows } = await previewRows(wanted);
    const bytes = { bytes: sizes[1], of_bytes: sizes.reduce((sum, size) => sum + size, 0) };
    expect(rows).toMatchObject({ row_count: 4, files_read: { files: 1, of_files: 3, ...bytes } });
    const { body } = await api.post(PREVIEWS, { ...wanted, rows_from: id });
    expect(body.rows, 'told again').toEqual(rows);
    const all = await previewRows(source);
    expect(all.rows).toMatchObject({ row_count: 30, files_read: null });
  });

  it('tries everything but the source as the caller, and leaves nothing behind', async () => {
    const wanted = { source_table_full_name: 'lake.gold.clean', primary_key_columns: ['id'] };
    const good = await api.post(PREVIEWS, { ...wanted, name: `${database}.fresh.clean` });
    expect(good.body).toMatchObject({ stops: [], creates: ['schema'] });
    expect(good.body.statements.sql).toContain(`source_table_full_name => 'lake.gold.clean'`);
    expect(await synced.value('select count(*) from synced_tables._tables')).toBe('0');
    const stopsOf = async (more: object) => codes((await api.post(PREVIEWS, { ...wanted, ...more })).body.stops);
    expect(await stopsOf({ name: `${database}.public.clean` })).toEqual([['PERMISSION_DENIED', null]]);
    expect(await stopsOf({ name: 'half.typed' })).toEqual([['API_NAME_INVALID', 'name']]);
    expect(await stopsOf({ name: `${database}.a.b`, primary_key_columns: ['nothing'] })).toEqual([
      ['PRIMARY_KEY_COLUMN_NOT_FOUND', 'primary_key_columns'],
    ]);
    expect(await stopsOf({ name: `${database}.a.b`, schedule: { cron: 'daily' } })).toEqual([
      ['CRON_INVALID', 'schedule.cron'],
    ]);
  });

  it('offers ways out where the change feed is off', async () => {
    const wanted = {
      source_table_full_name: 'lake.gold.doubled',
      primary_key_columns: ['at'],
      name: `${database}.a.b`,
    };
    const hints = await api.post(PREVIEWS, wanted);
    expect(codes(hints.body.hints)).toEqual([['CHANGE_DATA_FEED_OFF', 'scheduling_policy']]);
    expect(hints.body).toMatchObject({ stops: [], defaults: { scheduling_policy: 'SNAPSHOT' } });
    const triggered = { ...wanted, scheduling_policy: 'TRIGGERED' };
    const { body } = await api.post(PREVIEWS, triggered);
    expect(codes(body.stops)).toEqual([['CHANGE_DATA_FEED_OFF', 'scheduling_policy']]);
    const ways = [{ allow_file_diff: true }, { scheduling_policy: 'SNAPSHOT' }];
    expect(body.stops[0].ways_out).toEqual(ways);
    expect(body.source.alter_table).toBe(
      'ALTER TABLE lake.gold.doubled SET TBLPROPERTIES (delta.enableChangeDataFeed = true)',
    );
    for (const way of ways) {
      expect((await api.post(PREVIEWS, { ...triggered, ...way })).body.stops).toEqual([]);
    }
  });

  it('offers to compare files of an Iceberg table, which records no changes', async () => {
    const folder = path.join(synced.lake.root, 'gold', 'ice');
    const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    const fields = [{ id: 1, name: 'id', type: 'long', required: true }];
    const table = new IcebergWriter(connection, folder, { fields });
    await table.commit([await table.write('select 1::bigint as id')]);
    connection.closeSync();
    const wanted = {
      source_table_full_name: 'lake.gold.ice',
      primary_key_columns: ['id'],
      name: `${database}.a.b`,
    };
    const plain = await api.post(PREVIEWS, wanted);
    expect(plain.body).toMatchObject({ stops: [], hints: [], source: { alter_table: null, change_feed: null } });
    for (const policy of ['TRIGGERED', 'CONTINUOUS']) {
      const followed = { ...wanted, scheduling_policy: policy };
      const { body } = await api.post(PREVIEWS, followed);
      expect(codes(body.stops)).toEqual([['CHANGES_NOT_RECORDED', 'scheduling_policy']]);
      const ways = [{ allow_file_diff: true }, { scheduling_policy: 'SNAPSHOT' }];
      expect(body.stops[0].ways_out).toEqual(ways);
      const allowed = await api.post(PREVIEWS, { ...followed, allow_file_diff: true });
      expect(allowed.body.stops).toEqual([]);
      expect(allowed.body.hints[0].message).toContain('by comparing files');
    }
  });

  it('finds keys, duplicates, nulls and NUL characters in the rows, and proposes what gets around them', async () => {
    const wanted = {
      source_table_full_name: 'lake.gold.doubled',
      primary_key_columns: ['id'],
      name: `${database}.a.b`,
    };
    const found = await previewRows(wanted);
    expect(found).toMatchObject({
      depth: 'rows',
      state: 'DONE',
      failure: null,
      likely_keys: ['at'],
      defaults: { primary_key_columns: ['at'] },
      rows: {
        version: 0,
        row_count: 10,
        key_candidates: ['at'],
        primary_key: { columns: ['id'], rows_with_null: 2, duplicate_keys: 4, duplicate_rows: 8, tied_keys: null },
        nul_columns: [{ column: 'note', rows: 1 }],
      },
    });
    expect(found.steps_done).toBe(found.steps_total);
    expect(codes(found.stops)).toEqual([
      ['CHARACTER_NOT_IN_REPERTOIRE', 'invalid_characters'],
      ['PRIMARY_KEY_CONSTRAINT_VIOLATION', 'primary_key_columns'],
    ]);
    expect(found.stops[0]).toMatchObject({ columns: ['note'], ways_out: [{ invalid_characters: 'strip' }] });
    expect(found.stops[1].ways_out).toEqual([{ timeseries_key: 'at' }]);
    expect(codes(found.warnings)).toEqual([['PRIMARY_KEY_HAS_NULLS', 'primary_key_columns']]);
    const mended = await previewRows({ ...wanted, timeseries_key: 'at', invalid_characters: 'strip' });
    expect(mended).toMatchObject({ stops: [], rows: { primary_key: { tied_keys: 0 } } });
    const tied = await previewRows({ ...wanted, timeseries_key: 'note', invalid_characters: 'strip' });
    expect(codes(tied.stops)).toEqual([['PRIMARY_KEY_CONSTRAINT_VIOLATION', 'timeseries_key']]);
    const stripped = { ...wanted, invalid_characters: 'strip', rows_from: found.id };
    const reused = await api.post(PREVIEWS, stripped);
    expect(reused.body).toMatchObject({ id: null, rows: found.rows, likely_keys: ['at'] });
    expect(codes(reused.body.stops)).toEqual([['PRIMARY_KEY_CONSTRAINT_VIOLATION', 'primary_key_columns']]);
    expect(reused.body.statements.sql).not.toContain('rows_from');
    const otherKey = await api.post(PREVIEWS, { ...stripped, primary_key_columns: ['at'] });
    expect(otherKey.body).toMatchObject({ stops: [], rows: { primary_key: null, key_candidates: ['at'] } });
    const elsewhere = await api.post(PREVIEWS, { ...stripped, source_table_full_name: 'lake.gold.clean' });
    expect(elsewhere.body.rows).toBeNull();
    expect(JSON.stringify(found)).not.toMatch(/2026-01-01T00:00:0\d/);
  });

  it('tells what it says only to who may create, and of a job only to its caller', async () => {
    const stranger = new ApiClient(url, await createToken(synced, await synced.database.createRole('stranger')));
    const wanted = { source_table_full_name: 'lake.gold.clean' };
    expect(await stranger.post(PREVIEWS, wanted)).toMatchObject({ status: 403 });
    const begun = await api.post(PREVIEWS, { ...wanted, depth: 'rows' });
    const other = await synced.database.createRole('other', 'databricks_superuser');
    const colleague = new ApiClient(url, await createToken(synced, other));
    for (const client of [stranger, colleague]) {
      const reply = await client.get(`${PREVIEWS}/${begun.body.id}`);
      expect(reply).toMatchObject({ status: 404, body: { details: [{ reason: 'PREVIEW_NOT_FOUND' }, {}] } });
      expect((await client.delete(`${PREVIEWS}/${begun.body.id}`)).status).toBe(404);
    }
    expect(await api.post(PREVIEWS, { source_table_full_name: 'lake.gold.nothing' })).toMatchObject({ status: 404 });
  });

  it('reads for one caller at a time, for two in all, and ends what is canceled', async () => {
    await using store = await S3FolderServer.start(synced.lake.root);
    const s3 = { endpoint: store.endpoint, region: 'us-east-1', access_key_id: 'k', secret_access_key: 's' };
    const catalogs = { far: { kind: 'path', root: `s3://${BUCKET}`, storage: { s3 } } };
    await using far = await synced.startSidecar({ catalogs });
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    store.hold = ({ key }: StoreRequest) => (key.endsWith('.parquet') ? released : null);
    const clientOf = async (name: string) => {
      const role = await synced.database.createRole(name, 'databricks_superuser');
      return new ApiClient(far.url, await createToken(synced, role));
    };
    const first = await clientOf('a');
    const second = await clientOf('b');
    const third = await clientOf('c');
    const body = { source_table_full_name: 'far.gold.clean', primary_key_columns: ['id'], depth: 'rows' };
    const one = await first.post(PREVIEWS, body);
    expect(one.body).toMatchObject({ state: 'RUNNING', steps_done: 0, steps_total: null, rows: null });
    const two = await second.post(PREVIEWS, body);
    expect(await third.post(PREVIEWS, body)).toMatchObject({
      status: 429,
      body: { details: [{ reason: 'PREVIEWS_BUSY' }, {}] },
    });
    const again = await first.post(PREVIEWS, body);
    const deleted = second.delete(`${PREVIEWS}/${two.body.id}`);
    const state = async (client: ApiClient, id: string) => (await client.get(`${PREVIEWS}/${id}`)).body.state;
    expect(await state(first, again.body.id)).toBe('RUNNING');
    release();
    expect((await deleted).status).toBe(200);
    const ended = await second.get(`${PREVIEWS}/${two.body.id}`);
    expect(ended.body).toMatchObject({ state: 'CANCELED', failure: { error_code: 'PREVIEW_CANCELED' }, rows: null });
    await eventually(async () => (await state(first, one.body.id)) === 'CANCELED', 'the earlier one is given up');
    await eventually(async () => (await state(first, again.body.id)) === 'DONE', 'the later one ends');
    expect((await third.post(PREVIEWS, body)).status).toBe(200);
  });

  describe('behind one address, of several sidecars', () => {
    const wanted = { source_table_full_name: 'far.gold.clean', primary_key_columns: ['id'] };

    /** Two sidecars of one store, which gives no rows between `hold`, as at first, and `release`; and callers of both. */
    async function twoSidecars(onLog: (line: string) => void = () => {}) {
      const store = await S3FolderServer.start(synced.lake.root);
      const s3 = { endpoint: store.endpoint, region: 'us-east-1', access_key_id: 'k', secret_access_key: 's' };
      const catalogs = { far: { kind: 'path', root: `s3://${BUCKET}`, storage: { s3 } } };
      const one = await synced.startSidecar({ catalogs, onLog });
      const other = await synced.startSidecar({ catalogs, onLog });
      let release = () => {};
      const hold = () => {
        const released = new Promise<void>((resolve) => {
          release = resolve;
        });
        store.hold = ({ key }: StoreRequest) => (key.endsWith('.parquet') ? released : null);
      };
      hold();
      const callerOf = async (name: string) => {
        const role = await synced.database.createRole(name, 'databricks_superuser');
        const own = await createToken(synced, role);
        return { here: new ApiClient(one.url, own), there: new ApiClient(other.url, own) };
      };
      const end = async () => {
        release();
        for (const each of [one, other, store]) await each[Symbol.asyncDispose]();
      };
      return { callerOf, hold, release: () => release(), one, [Symbol.asyncDispose]: end };
    }

    /** Waits until the sidecar that reads has been told that it is to end. */
    async function heard(id: string): Promise<void> {
      const told = (what: string) =>
        synced.value(
          `select ${what} from synced_tables._previews where preview_id = $1 and cancel_reason is not null`,
          [id],
        );
      await eventually(async () => (await told('cancel_reason')) !== null, 'it is to end');
      const before = await told('alive_until');
      await eventually(async () => (await told('alive_until')) !== before, 'its sidecar has looked');
    }

    const stateOf = async (client: ApiClient, id: string) => (await client.get(`${PREVIEWS}/${id}`)).body.state;

    it('answers for a preview that another sidecar reads: how far it has come, and what it found', async () => {
      const lines: string[] = [];
      await using sidecars = await twoSidecars((line) => lines.push(line));
      const { here, there } = await sidecars.callerOf('a');
      const stranger = await sidecars.callerOf('b');
      const { body: begun } = await here.post(PREVIEWS, { ...wanted, depth: 'rows' });
      const seen = await there.get(`${PREVIEWS}/${begun.id}`);
      expect(seen.body).toMatchObject({ id: begun.id, state: 'RUNNING', steps_done: 0, rows: null });
      for (const client of [stranger.here, stranger.there]) {
        expect((await client.get(`${PREVIEWS}/${begun.id}`)).status).toBe(404);
        expect((await client.delete(`${PREVIEWS}/${begun.id}`)).status).toBe(404);
        expect((await client.post(PREVIEWS, { ...wanted, rows_from: begun.id })).status).toBe(404);
      }
      sidecars.release();
      await eventually(async () => (await stateOf(there, begun.id)) === 'DONE', 'the preview ends');
      const found = await there.get(`${PREVIEWS}/${begun.id}`);
      expect(found.body).toMatchObject({ rows: { row_count: 9, key_candidates: ['id'] }, likely_keys: ['id'] });
      expect(found.body.steps_done).toBe(found.body.steps_total);
      expect((await here.get(`${PREVIEWS}/${begun.id}`)).body).toEqual(found.body);
      const reused = await there.post(PREVIEWS, { ...wanted, rows_from: begun.id });
      expect(reused.body).toMatchObject({ id: null, rows: found.body.rows });
      expect(reused.body.rows).not.toBeNull();
      expect((await stranger.there.get(`${PREVIEWS}/${begun.id}`)).status).toBe(404);
      expect(lines.join('')).not.toMatch(/key_candidates|keyCandidates/);
    });

    it('ends what another sidecar reads, by a word of its caller or with the next one', async () => {
      await using sidecars = await twoSidecars();
      const { here, there } = await sidecars.callerOf('a');
      const begin = async (client: ApiClient) => (await client.post(PREVIEWS, { ...wanted, depth: 'rows' })).body.id;
      const first = await begin(here);
      const second = await begin(there);
      await heard(first);
      sidecars.release();
      await eventually(async () => (await stateOf(there, first)) === 'CANCELED', 'the first is given up');
      await eventually(async () => (await stateOf(here, second)) === 'DONE', 'the second ends');
      sidecars.hold();
      const third = await begin(here);
      const deleted = there.delete(`${PREVIEWS}/${third}`);
      await heard(third);
      sidecars.release();
      expect((await deleted).status).toBe(200);
      for (const client of [here, there]) {
        const ended = await client.get(`${PREVIEWS}/${third}`);
        expect(ended.body).toMatchObject({
          state: 'CANCELED',
          failure: { error_code: 'PREVIEW_CANCELED' },
          rows: null,
        });
      }
    });

    it('says so if the sidecar that reads is gone, and forgets everything after ten minutes', async () => {
      await using sidecars = await twoSidecars();
      const { here, there } = await sidecars.callerOf('a');
      const { body: begun } = await here.post(PREVIEWS, { ...wanted, depth: 'rows' });
      await sidecars.one[Symbol.asyncDispose]();
      await eventually(async () => (await stateOf(there, begun.id)) === 'CANCELED', 'a sidecar that stops says so');
      // One that was killed says nothing more.
      const age = (seconds: number) =>
        synced.admin.query(
          `update synced_tables._previews set ended_at = null, alive_until = now() - make_interval(secs => $2) where preview_id = $1`,
          [begun.id, seconds],
        );
      await age(1);
      const lost = await there.get(`${PREVIEWS}/${begun.id}`);
      expect(lost.body).toMatchObject({ state: 'FAILED', failure: { error_code: 'PREVIEW_LOST' }, rows: null });
      expect(lost.body.failure.message).toContain('far.gold.clean');
      await age(601);
      expect((await there.get(`${PREVIEWS}/${begun.id}`)).status).toBe(404);
      const left = () => synced.value('select count(*) from synced_tables._previews where preview_id = $1', [begun.id]);
      expect(await left()).toBe('1');
      // Sidecars remove it without being asked for anything.
      await using _third = await synced.startSidecar({ pollSeconds: 1 });
      await eventually(async () => (await left()) === '0', 'it is removed');
    });

    it('keeps what it knows from everybody in the database but the sidecar, and out of the WAL', async () => {
      const { body: begun } = await api.post(PREVIEWS, { source_table_full_name: 'lake.gold.clean', depth: 'rows' });
      const read = 'select count(*)::int as count from synced_tables._previews';
      const seenBy = { databricks_superuser: 0, pg_read_all_data: 0, pg_monitor: '42501' } as const;
      for (const [membership, expected] of Object.entries(seenBy)) {
        const client = await synced.database.connectAs(await synced.database.createRole('nosy', membership));
        const seen = await client.query(read).then(
          ({ rows }) => rows[0].count,
          ({ code }) => code,
        );
        expect(seen, membership).toBe(expected);
      }
      const sidecar = await synced.database.connectAsSidecar();
      expect((await sidecar.query(`${read} where preview_id = '${begun.id}'`)).rows).toEqual([{ count: 1 }]);
      const persistence = `select relpersistence from pg_class where oid = 'synced_tables._previews'::regclass`;
      expect(await synced.value(persistence)).toBe('u');
    });
  });

  it('fails with the reason where rows cannot be read', async () => {
    const table = await synced.lake.createTable('gold.torn', { id: 'long' }, 'select 1 as id');
    table.truncateNewestFile();
    const found = await previewRows({ source_table_full_name: 'lake.gold.torn' });
    expect(found).toMatchObject({ state: 'FAILED', failure: { error_code: 'SOURCE_FILE_CORRUPT' }, rows: null });
  });

  it('takes the key, and what tells rows of one key apart, from a catalog that declares them', async () => {
    await using unity = await UnityServer.start('databricks');
    const key = { name: 'pk', child_columns: ['id', 'at'], timeseries_columns: ['at'] };
    const delta = { table_type: 'EXTERNAL', data_source_format: 'DELTA', table_id: '7e4a', properties: {} };
    const columns = [{ name: 'note', type_text: 'string', type_name: 'STRING', nullable: true, comment: 'as typed' }];
    unity.tables.set('prod.gold.declared', {
      ...delta,
      columns,
      storage_location: `file://${synced.lake.root}/gold/doubled`,
      table_constraints: [{ primary_key_constraint: key }],
    });
    unity.tables.set('prod.gold.csv', { ...delta, data_source_format: 'CSV', storage_location: 'file:///nowhere' });
    const catalogs = { prod: { kind: 'unity', uri: unity.uri, token: 'tkn' } };
    await using other = await synced.startSidecar({ catalogs });
    const prod = new ApiClient(other.url, token);
    const { body } = await prod.post(PREVIEWS, { source_table_full_name: 'prod.gold.declared' });
    expect(body).toMatchObject({
      defaults: { primary_key_columns: ['id'], timeseries_key: 'at' },
      source: { declared_key: { columns: ['id'], timeseries_key: 'at' } },
    });
    expect(body.source.columns[1]).toMatchObject({ name: 'note', comment: 'as typed' });
    const csv = await prod.post(PREVIEWS, { source_table_full_name: 'prod.gold.csv' });
    expect(csv.body.details[0].reason).toBe('SOURCE_FORMAT_UNSUPPORTED');
  });

  describe('the statements of a preview', () => {
    const options = {
      scheduling_policy: 'TRIGGERED',
      timeseries_key: 'at',
      invalid_characters: 'strip',
      allow_file_diff: true,
      on_history_gap: 'refresh',
      publish: 'together',
      accelerated_sync: true,
      columns: ['at', 'id', 'note'],
      row_filter: 'note = "b" or id in (1, 2) -- it\'s',
      type_overrides: [{ column_name: 'note', pg_type: 'PG_SPECIFIC_TYPE_VARCHAR', size: 20 }],
      extra_columns: [
        { column_name: "it's", column_type: 'text', compute: `'$HOME "x"'`, maintenance: 'DEFAULT_VALUE' },
      ],
      schedule: { cron: '0 9 * * MON-FRI', time_zone: 'Europe/Berlin' },
    };

    /** What the registry knows of a table, without its names, times and ids. */
    async function registered(table: string): Promise<unknown> {
      const { rows } = await synced.admin.query(
        `select t.source_table_full_name, t.primary_key_columns, t.timeseries_key, t.invalid_characters, t.allow_file_diff,
                t.on_history_gap, t.type_overrides, t.extra_columns, t.extra_index_definitions->0->>'definition' as index,
                t.accelerated_sync, t.columns, t.row_filter,
                p.scheduling_policy, p.publish, s.cron, s.time_zone
           from synced_tables._tables t join synced_tables._pipelines p using (pipeline_id)
           left join synced_tables._schedules s using (pipeline_id) where t.table_name = $1`,
        [table],
      );
      return rows[0];
    }

    async function statementsFor(
      table: string,
      more: object,
    ): Promise<Record<'sql' | 'cli' | 'curl' | 'python', string>> {
      const wanted = {
        source_table_full_name: 'lake.gold.doubled',
        primary_key_columns: ['id'],
        extra_index_definitions: [{ name: `${table}_by_note`, definition: 'USING btree (note)' }],
      };
      const { body } = await api.post(PREVIEWS, { ...wanted, ...more, name: `${database}.ways.${table}` });
      expect(body.stops).toEqual([]);
      return body.statements;
    }

    it.each([
      ['all options', options],
      ['few options', { invalid_characters: 'strip', timeseries_key: 'at' }],
    ])('create the same table each way, with %s', async (name, more) => {
      const tag = name.replace(' ', '_');
      const names = { sql: `${tag}_sql`, cli: `${tag}_cli`, curl: `${tag}_curl` };
      const { sql } = await statementsFor(names.sql, more);
      await run('psql', ['--no-psqlrc', '--set=ON_ERROR_STOP=1', synced.database.url, '-c', sql]);
      const { curl } = await statementsFor(names.curl, more);
      const posted = await run('bash', ['-c', `${curl} --silent --fail-with-body`], {
        env: { ...process.env, DATABRICKS_TOKEN: token },
      });
      expect(JSON.parse(posted.stdout)).toMatchObject({ name: `${database}.ways.${names.curl}`, dry_run: false });
      const { cli } = await statementsFor(names.cli, more);
      const settings = path.join(synced.folder, `${tag}.json`);
      const lake = { kind: 'path', root: synced.lake.root };
      writeFileSync(
        settings,
        JSON.stringify({ instances: { local: { url: synced.database.url } }, catalogs: { lake } }),
      );
      for (const line of cli.split(/\n(?=synced-tables)/)) {
        const words = await run('bash', ['-c', `printf '%s\\0' ${line}`]);
        const [, ...args] = words.stdout.split('\0').slice(0, -1);
        const result = await runCli([...args, '--config', settings]);
        expect(result, result.stderr).toMatchObject({ end: 0 });
      }
      const wanted = await registered(names.sql);
      expect(wanted).toMatchObject({ timeseries_key: 'at', invalid_characters: 'strip' });
      expect(await registered(names.curl)).toEqual(wanted);
      expect(await registered(names.cli)).toEqual(wanted);
    });

    it('are Python that says the same', async () => {
      const { python } = await statementsFor('in_python', options);
      const script = [
        'import json, sys, types',
        'class Client:',
        '    def __init__(self, host): self.api_client = self',
        '    def do(self, method, path, body): print(json.dumps([method, path, body]))',
        'sdk = types.ModuleType("databricks.sdk"); sdk.WorkspaceClient = Client',
        'sys.modules["databricks"] = types.ModuleType("databricks"); sys.modules["databricks.sdk"] = sdk',
        python,
      ].join('\n');
      // The statement itself prints the answer, of which there is none here.
      const [asked = '', ...printed] = (await run('python3', ['-c', script])).stdout.split('\n');
      expect(printed).toEqual(['None', '']);
      const [method, call, body] = JSON.parse(asked);
      expect([method, call]).toEqual(['POST', '/api/2.0/synced-tables/tables']);
      expect(body).toMatchObject({ ...options, name: `${database}.ways.in_python` });
    });
  });
});
