import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import type { DeltaWriter } from '../support/delta-writer.js';
import { postgresServers } from '../support/postgres.js';
import { BUCKET, S3FolderServer } from '../support/s3-folder-server.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: over HTTP, whoever may create synced tables sees what the metadata of source tables says, how each could be
// synced, and a few rows where the settings allow that; nobody else sees anything.

const SOURCES = '/api/2.0/synced-tables/sources';

describe.each(postgresServers().slice(-1))('sources on $name', (server) => {
  let synced: SyncedLake;
  let api: ApiClient;
  let stranger: ApiClient;
  let orders: DeltaWriter;
  beforeAll(async () => {
    synced = await SyncedLake.create(server);
    orders = await synced.lake.createTable(
      'gold.orders',
      { id: 'long', note: 'string', price: 'decimal(10,2)', tags: { type: 'array', elementType: 'string' } },
      `select i as id, case when i = 1 then null else 'n' || i end as note, 1.25::decimal(10,2) as price, ['a'] as tags
         from range(30) t(i)`,
    );
    orders.switchChangeFeedOn();
    await orders.append(`select 100 as id, repeat('x', 2000) as note, 2.5::decimal(10,2) as price, ['b', 'c'] as tags`);
    await synced.lake.createTable('gold.users', { id: 'long' }, 'select i as id from range(5) t(i)');
    await synced.lake.createTable('gold.broken', { id: 'long' });
    appendFileSync(
      path.join(synced.lake.root, 'gold/broken/_delta_log/00000000000000000000.json'),
      '{"protocol": 7}\n',
    );
    const { url } = await synced.startSidecar();
    const keeper = await synced.database.createRole('keeper', 'databricks_superuser');
    api = new ApiClient(url, await createToken(synced, keeper));
    stranger = new ApiClient(url, await createToken(synced, await synced.database.createRole('stranger')));
    await synced.load('public.orders', { source: 'gold.orders' });
  });
  afterAll(() => synced?.[Symbol.asyncDispose]());

  it('lists the tables of a schema with version, size, change feed and number of synced tables', async () => {
    const { status, body } = await api.get(`${SOURCES}?catalog=lake&schema=gold`);
    expect(status).toBe(200);
    expect(body.next_page_token).toBeUndefined();
    expect(body.sources).toEqual([
      expect.objectContaining({
        name: 'lake.gold.broken',
        is_looked_at: true,
        version: null,
        problem: expect.objectContaining({ error_code: 'DELTA_LOG_CORRUPT' }),
      }),
      {
        name: 'lake.gold.orders',
        schema: 'gold',
        table: 'orders',
        format: 'DELTA',
        is_looked_at: true,
        version: 2,
        size_bytes: sizeOf(orders),
        change_feed: true,
        synced_tables: 1,
        problem: null,
      },
      expect.objectContaining({ name: 'lake.gold.users', version: 0, change_feed: false, synced_tables: 0 }),
    ]);
  });

  it('lists page by page', async () => {
    const names: string[] = [];
    let token = '';
    do {
      const { body } = await api.get(`${SOURCES}?catalog=lake&schema=gold&page_size=1&page_token=${token}`);
      names.push(...body.sources.map(({ table }: { table: string }) => table));
      token = encodeURIComponent(body.next_page_token ?? '');
    } while (token !== '');
    expect(names).toEqual(['broken', 'orders', 'users']);
  });

  it('describes a table by its log alone', async () => {
    const { status, body } = await api.get(`${SOURCES}/lake.gold.orders`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: 'lake.gold.orders',
      format: 'DELTA',
      location: orders.folder,
      position_word: 'version',
      version: 2,
      row_count: 31,
      size_bytes: sizeOf(orders),
      file_count: 2,
      properties: { 'delta.enableChangeDataFeed': 'true' },
      change_feed: true,
      alter_table: null,
      declared_key: null,
      synced_tables: 1,
    });
    expect(
      body.columns.map((each: Record<string, unknown>) => [each.name, each.source_type, each.postgres_type]),
    ).toEqual([
      ['id', 'long', 'bigint'],
      ['note', 'string', 'text'],
      ['price', 'decimal(10,2)', 'numeric(10,2)'],
      ['tags', 'array<string>', 'jsonb'],
    ]);
    expect(body.columns.map((each: { can_be_key: boolean }) => each.can_be_key)).toEqual([true, true, true, false]);
    expect(body.modes.map((mode: { is_possible: boolean }) => mode.is_possible)).toEqual([true, true, true]);
    expect(body.commits.map((commit: { version: number }) => commit.version)).toEqual([2, 1, 0]);
    expect(Date.parse(body.committed_at)).toBeGreaterThan(Date.now() - 600_000);
  });

  it('says which modes are impossible, why, and what would change that', async () => {
    const { body } = await api.get(`${SOURCES}/lake.gold.users`);
    const alter = 'ALTER TABLE lake.gold.users SET TBLPROPERTIES (delta.enableChangeDataFeed = true)';
    expect(body).toMatchObject({ change_feed: false, alter_table: alter });
    const off = expect.objectContaining({ error_code: 'CHANGE_DATA_FEED_OFF', remedy: expect.stringContaining(alter) });
    expect(body.modes).toEqual([
      { scheduling_policy: 'SNAPSHOT', is_possible: true, problem: null, by_file_comparison: false },
      { scheduling_policy: 'TRIGGERED', is_possible: false, problem: off, by_file_comparison: true },
      { scheduling_policy: 'CONTINUOUS', is_possible: false, problem: off, by_file_comparison: true },
    ]);
  });

  it('names a column without a Postgres type, the operation of a commit and table features', async () => {
    const table = await synced.lake.createTable('odd.shapes', { id: 'long' }, 'select 1 as id');
    const first = path.join(table.folder, '_delta_log', `${'0'.repeat(20)}.json`);
    const actions = readFileSync(first, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { metaData } = actions.find((action) => action.metaData);
    const schema = JSON.parse(metaData.schemaString);
    schema.fields.push({ name: 'shape', type: 'geometry', nullable: true, metadata: { comment: 'where it is' } });
    metaData.schemaString = JSON.stringify(schema);
    const features = { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['deletionVectors'] };
    const next = [
      { commitInfo: { operation: 'ADD COLUMNS', timestamp: 1 } },
      { protocol: { ...features, writerFeatures: ['deletionVectors', 'appendOnly'] } },
      { metaData },
    ];
    writeFileSync(
      path.join(table.folder, '_delta_log', `${'0'.repeat(19)}1.json`),
      next.map((action) => JSON.stringify(action)).join('\n'),
    );
    const { body } = await api.get(`${SOURCES}/lake.odd.shapes`);
    expect(body.features).toEqual(['appendOnly', 'deletionVectors']);
    expect(body.commits[0]).toMatchObject({ version: 1, operation: 'ADD COLUMNS' });
    expect(body.columns[1]).toMatchObject({
      name: 'shape',
      postgres_type: null,
      comment: 'where it is',
      can_be_key: false,
      problem: { error_code: 'COLUMN_TYPE_UNSUPPORTED' },
    });
    expect(body.modes.map((mode: { problem: { error_code: string } }) => mode.problem.error_code)).toEqual(
      Array(3).fill('COLUMN_TYPE_UNSUPPORTED'),
    );
  });

  it('shows twenty rows as Postgres prints values, long ones cut, kept by nobody', async () => {
    const { status, body, headers } = await api.post(`${SOURCES}/lake.gold.orders/rows`);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body.columns).toEqual(['id', 'note', 'price', 'tags']);
    expect(body.rows).toHaveLength(20);
    const rowOf = (id: string) => body.rows.find(([first]: string[]) => first === id);
    expect(rowOf('1')).toEqual(['1', null, '1.25', '["a"]']);
    const one = await synced.lake.createTable('odd.long', { v: 'string' }, `select repeat('é', 2000) as v`);
    expect(one.version).toBe(0);
    const long = await api.post(`${SOURCES}/lake.odd.long/rows`);
    expect(long.body).toMatchObject({ rows: [[`${'é'.repeat(1_000)}…`]], is_cut: true, version: 0 });
  });

  it('shows nothing to those who may not create synced tables, and says what would allow it', async () => {
    for (const reply of [
      await stranger.get(`${SOURCES}?catalog=lake&schema=gold`),
      await stranger.get(`${SOURCES}/lake.gold.orders`),
      await stranger.get(`${SOURCES}/lake.gold.nothing`),
      await stranger.post(`${SOURCES}/lake.gold.orders/rows`),
    ]) {
      expect(reply).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } });
      expect(reply.body.message).toMatch(/GRANT databricks_superuser TO "\w+";/);
      expect(JSON.stringify(reply.body)).not.toContain('orders');
    }
  });

  it('refuses rows where the settings do not allow them, and wrong names everywhere', async () => {
    const { url } = await synced.startSidecar({ console: { sample_rows: false } });
    const off = new ApiClient(url, api.authorization.authorization?.slice('Bearer '.length));
    const refused = await off.post(`${SOURCES}/lake.gold.orders/rows`);
    expect(refused).toMatchObject({ status: 403, body: { details: [{ reason: 'SAMPLE_ROWS_OFF' }, {}] } });
    const reasonOf = async (call: string) => (await api.get(`${SOURCES}${call}`)).body.details[0].reason;
    expect(await reasonOf('/lake.gold.nothing')).toBe('SOURCE_TABLE_NOT_FOUND');
    expect(await reasonOf('/lake.gold')).toBe('SOURCE_NAME_INVALID');
    expect(await reasonOf(`/${encodeURIComponent('lake.gold.../../gold/orders')}`)).toBe('SOURCE_NAME_INVALID');
    expect(await reasonOf('/nowhere.gold.orders')).toBe('CATALOG_NOT_FOUND');
    expect(await reasonOf('?catalog=nowhere&schema=gold')).toBe('CATALOG_DOES_NOT_EXIST');
    expect(await reasonOf('?catalog=lake&schema=..')).toBe('SCHEMA_DOES_NOT_EXIST');
    expect(await reasonOf('?catalog=lake')).toBe('FIELD_MISSING');
  });

  it('describes tables of an object store without touching their files, and samples the first of them', async () => {
    await using store = await S3FolderServer.start(synced.lake.root);
    const s3 = { endpoint: store.endpoint, region: 'us-east-1', access_key_id: 'k', secret_access_key: 's' };
    const catalogs = { far: { kind: 'path', root: `s3://${BUCKET}`, storage: { s3 } } };
    const { url } = await synced.startSidecar({ catalogs });
    const far = new ApiClient(url, api.authorization.authorization?.slice('Bearer '.length));
    const { body } = await far.get(`${SOURCES}/far.gold.orders`);
    expect(body).toMatchObject({ version: 2, row_count: 31, location: `s3://${BUCKET}/gold/orders` });
    expect(store.requests.filter(({ key }) => key.endsWith('.parquet'))).toEqual([]);
    expect((await far.post(`${SOURCES}/far.gold.orders/rows`)).body.rows).toHaveLength(20);
    const before = store.requests.length;
    expect((await far.get(`${SOURCES}/far.gold.orders`)).body).toEqual(body);
    const again = store.requests.slice(before);
    expect(again.filter(({ kind }) => kind === 'list')).toEqual([]);
    expect(again.length).toBeLessThan(5);
    await orders.append(`select 101 as id, 'new' as note, 1::decimal(10,2) as price, [] as tags`);
    expect((await far.get(`${SOURCES}/far.gold.orders`)).body).toMatchObject({ version: 3, row_count: 32 });
    store.fault = () => ({ status: 403, code: 'AccessDenied' });
    const list = await far.get(`${SOURCES}?catalog=far&schema=gold`);
    expect(list.body.details[0].reason).toBe('OBJECT_STORE_ACCESS_DENIED');
  });
});

function sizeOf({ folder }: DeltaWriter): number {
  const files = readdirSync(folder).filter((name) => name.endsWith('.parquet'));
  return files.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
}
