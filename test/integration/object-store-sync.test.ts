import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { runCli, runCliJson } from '../support/run-cli.js';
import { BUCKET, S3FolderServer } from '../support/s3-folder-server.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';
import { UnityServer } from '../support/unity-server.js';

// Goal: tables of an object store, named by folders or by a Unity Catalog server, are kept in sync like those of the
// local disk, also while the store is in trouble.

const COLUMNS = { id: 'long', name: 'string', at: 'long' };
const NAMES = ['id', 'name', '"at"'];

/** Smaller than the tables here. */
const STORAGE = { spool_mb: 1, parallel_fetches: 2, timeout_seconds: 5, attempts: 4 };

// The store is what is tested: one server is enough.
describe.each(postgresServers().slice(-1))('tables of an object store on $name', (server) => {
  let lake: SyncedLake;
  let store: S3FolderServer;
  let unity: UnityServer;
  let catalogs: Record<string, object>;
  beforeEach(async () => {
    lake = await SyncedLake.create(server);
    store = await S3FolderServer.start(lake.lake.root);
    unity = await UnityServer.start('databricks');
    catalogs = {
      lake: { kind: 'path', root: `s3://${BUCKET}/`, storage: store.settings },
      prod: { kind: 'unity', uri: unity.uri, token: 'uc-token', storage: { s3: { endpoint: store.endpoint } } },
    };
  });
  afterEach(async () => {
    await lake?.[Symbol.asyncDispose]();
    await unity?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });

  const numbers = (from: number, count: number) =>
    `select range as id, 'name ' || hash(range)::varchar as name, range % 7 as at from range(${from}, ${from + count})`;

  it('copies and follows a table while every third request fails', async () => {
    const source = await lake.lake.createTable('gold.t', COLUMNS, numbers(0, 30_000));
    for (let file = 1; file < 4; file++) await source.append(numbers(file * 30_000, 30_000));
    let requests = 0;
    store.fault = ({ kind }) => {
      if (++requests % 3 !== 0) return null;
      return kind === 'read' && requests % 2 === 0 ? 'cut' : { status: 503, code: 'SlowDown' };
    };
    await lake.startSidecar({ catalogs, storage: STORAGE, connections: 2 });
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('gold.t', 'lake.gold.t', array['id'], 'TRIGGERED',
                                                allow_file_diff => true) as id`,
    );
    await lake.wait(rows[0]?.id ?? '');
    await lake.expectEqual('gold.t', source, NAMES);
    await source.append(numbers(500_000, 50));
    expect(await lake.sync('gold.t')).toMatchObject({ method: 'CHANGES', rows_written: '50' });
    await lake.expectEqual('gold.t', source, NAMES);
    expect(await lake.sync('gold.t', true)).toMatchObject({ method: 'SNAPSHOT' });
    await lake.expectEqual('gold.t', source, NAMES);
    expect(requests).toBeGreaterThan(50);
  });

  it('tells in the status that the store cannot be reached, and goes on when it can', async () => {
    const source = await lake.lake.createTable('gold.t', COLUMNS, numbers(0, 100));
    await lake.startSidecar({ catalogs, storage: { ...STORAGE, attempts: 1 }, pollSeconds: 0.2 });
    await lake.load('gold.t');
    await source.append(numbers(100, 10));
    store.fault = () => ({ status: 503 });
    const update = await lake.requestSync('gold.t');
    const told = async () => (await lake.status('gold.t')).last_error_code === 'OBJECT_STORE_UNREACHABLE';
    await expect.poll(told, { timeout: 60_000 }).toBe(true);
    expect(await lake.value('select count(*) from gold.t')).toBe('100');
    store.fault = () => null;
    await lake.wait(update);
    await lake.expectEqual('gold.t', source, NAMES);
  });

  it('refuses a create whose store refuses access, in plain words', async () => {
    await lake.lake.createTable('gold.t', COLUMNS, numbers(0, 10));
    store.fault = () => ({ status: 403, code: 'AccessDenied' });
    await lake.startSidecar({ catalogs, storage: STORAGE });
    const update = await lake.create('gold.t');
    const refusal = await refusalOf(lake.wait(update));
    expect(refusal.message).toMatch(/^The object store refused access to s3:\/\/lake\/gold\/t/);
    expect(await lake.value("select to_regclass('gold.t')")).toBeNull();
  });

  it('creates a table by its name in Unity Catalog, with the key that is declared there', async () => {
    const source = await lake.lake.createTable('sales.orders', COLUMNS, numbers(0, 5_000));
    const key = { name: 'pk', child_columns: ['id', 'at'], timeseries_columns: ['at'] };
    unity.tables.set('prod.sales.orders', {
      table_id: '11',
      table_type: 'MANAGED',
      data_source_format: 'DELTA',
      storage_location: `s3://${BUCKET}/sales/orders`,
      table_constraints: [{ primary_key_constraint: key }],
    });
    const given = { access_key_id: 'temporary', secret_access_key: 'temporary-secret', session_token: 'session' };
    unity.credentials = () => ({
      body: { expiration_time: Date.now() + 3_600_000, aws_temp_credentials: given },
    });
    await lake.startSidecar({ catalogs, storage: STORAGE });
    const file = path.join(lake.folder, 'settings.json');
    writeFileSync(file, JSON.stringify({ instances: { local: { url: lake.database.url } }, catalogs }));
    const config = ['--config', file];
    expect(await runCliJson(['preview', 'prod.sales.orders', ...config])).toMatchObject({
      row_count: 5_000,
      primary_key: { columns: ['id'], is_unique: true },
    });
    const read = await runCli(['read', 'prod.sales.orders', '--limit', '3', ...config]);
    expect(read.stdout.trim().split('\n')).toHaveLength(4);
    const created = await runCli(['create', 'sales.orders', '--source', 'prod.sales.orders', ...config]);
    expect(created).toMatchObject({ end: 0 });
    await lake.expectEqual('sales.orders', source, NAMES);
    const [listed] = (await runCliJson(['list', ...config])) as Record<string, unknown>[];
    expect(listed).toMatchObject({
      source_table_full_name: 'prod.sales.orders',
      state: expect.stringMatching('ONLINE'),
    });
    expect(
      await lake.value(`select primary_key_columns::text || ' ' || timeseries_key from synced_tables._tables`),
    ).toBe('{id} at');
    expect(store.accessKeys).toEqual(new Set(['temporary']));
    unity.tables.set('prod.sales.v', { table_type: 'VIEW' });
    const refused = await runCli(['create', 'sales.v', '--source', 'prod.sales.v', '--primary-key', 'id', ...config]);
    expect(refused).toMatchObject({ end: 1, stderr: expect.stringContaining('SOURCE_FORMAT_UNSUPPORTED') });
    rmSync(file);
  });
});
