import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient, createToken } from '../support/api-client.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';
import { freePort } from './start-object-store.mjs';

// Goal: tables that are registered in a Unity Catalog server of other people's making are synced end to end by the name
// that they have there.

const run = promisify(execFile);
const BUILD_MS_MAX = 3_600_000;
const START_MS_MAX = 60_000;

const program = await run(
  path.join(import.meta.dirname, 'install-unity-catalog.sh'),
  [path.join(tmpdir(), 'synced-tables-unity-catalog')],
  { timeout: BUILD_MS_MAX },
).then(
  ({ stdout }) => stdout.trim(),
  (error: Error) => {
    process.stderr.write(`unity-catalog-server.test.ts is skipped: its server cannot be built (${error.message})\n`);
    return null;
  },
);

/** Starts the server over an empty database in memory; it may register what lies below `root`. */
async function startServer(file: string, root: string): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'interop-unity-'));
  const config = path.join(folder, 'config.yaml');
  writeFileSync(
    config,
    JSON.stringify({
      local_storage: { 'allowed-roots': [root] },
      managed_storage_root: `${pathToFileURL(root).href}/managed`,
    }),
  );
  const port = await freePort();
  const words = ['serve', '--config', config, '--host', '127.0.0.1', '--port', String(port), '--no-ui'];
  const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      log = (log + chunk).slice(-4_000);
    });
  }
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + START_MS_MAX; ; await sleep(100)) {
    const isUp = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return { url, stop };
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`the Unity Catalog server does not answer: ${log}`);
    }
  }
}

describe.skipIf(program === null)('a Unity Catalog server', () => {
  const [server] = postgresServers().slice(-1);
  let synced: SyncedLake;
  let unity: Awaited<ReturnType<typeof startServer>>;
  beforeAll(async () => {
    if (program === null || server === undefined) return;
    synced = await SyncedLake.create(server);
    unity = await startServer(program, realpathSync(synced.lake.root));
  });
  afterAll(async () => {
    await synced?.[Symbol.asyncDispose]();
    await unity?.stop();
  });

  async function post(kind: string, body: object): Promise<void> {
    const reply = await fetch(`${unity.url}/api/2.1/unity-catalog/${kind}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!reply.ok) throw new Error(`${kind} answers ${reply.status}: ${await reply.text()}`);
  }

  it('names tables that are copied, brought up to date and followed', async () => {
    const source = await synced.lake.createTable(
      'files.orders',
      { id: 'long', note: 'string' },
      "select i as id, 'n' as note from range(500) t(i)",
    );
    source.switchChangeFeedOn();
    const root = pathToFileURL(realpathSync(synced.lake.root)).href;
    await post('catalogs', { name: 'prod' });
    await post('schemas', { name: 'sales', catalog_name: 'prod' });
    const principal = { directory_id: 'none', application_id: 'none', client_secret: 'none' };
    await post('credentials', { name: 'none', purpose: 'STORAGE', azure_service_principal: principal });
    await post('external-locations', { name: 'here', url: root, credential_name: 'none', skip_validation: true });
    const column = (name: string, typeName: string, typeText: string, position: number) => ({
      name,
      position,
      type_name: typeName,
      type_text: typeText,
      type_json: JSON.stringify({
        name,
        type: typeText === 'bigint' ? 'long' : typeText,
        nullable: true,
        metadata: {},
      }),
      nullable: true,
    });
    await post('tables', {
      name: 'orders',
      catalog_name: 'prod',
      schema_name: 'sales',
      table_type: 'EXTERNAL',
      data_source_format: 'DELTA',
      storage_location: `${root}/files/orders`,
      columns: [column('id', 'LONG', 'bigint', 0), column('note', 'STRING', 'string', 1)],
      properties: { 'delta.enableChangeDataFeed': 'true' },
    });
    const { url } = await synced.startSidecar({
      catalogs: { prod: { kind: 'unity', uri: unity.url, token: 'any' }, gone: { kind: 'unity', uri: unity.url } },
    });
    const role = await synced.database.createRole('keeper', 'databricks_superuser');
    const api = new ApiClient(url, await createToken(synced, role));
    expect((await api.get('/api/2.1/unity-catalog/schemas?catalog_name=prod')).body.schemas).toEqual(
      expect.arrayContaining([expect.objectContaining({ full_name: 'prod.sales' })]),
    );
    expect((await api.get('/api/2.1/unity-catalog/tables/prod.sales.orders')).body).toMatchObject({
      full_name: 'prod.sales.orders',
      columns: [{ name: 'id' }, { name: 'note' }],
    });
    const create = async (target: string, table: string, policy: string) => {
      const { rows } = await synced.admin.query<{ id: string }>(
        `select synced_tables.create_synced_table('${target}', '${table}', array['id'], '${policy}') as id`,
      );
      await synced.wait(rows[0]?.id ?? '');
    };
    for (const [target, policy] of [
      ['sales.copied', 'SNAPSHOT'],
      ['sales.orders', 'TRIGGERED'],
      ['sales.followed', 'CONTINUOUS'],
    ] as const) {
      await create(target, 'prod.sales.orders', policy);
      await synced.expectEqual(target, source, ['id', 'note']);
    }
    await source.append("select i as id, 'new' as note from range(1000, 1010) t(i)");
    expect(await synced.sync('sales.orders')).toMatchObject({ method: 'CHANGES', rows_written: '10' });
    expect(await synced.sync('sales.copied')).toMatchObject({ method: 'SNAPSHOT' });
    await synced.admin.query(
      `call synced_tables.wait_for_version('sales.followed', ${source.version}, interval '60 s')`,
    );
    for (const target of ['sales.copied', 'sales.orders', 'sales.followed']) {
      await synced.expectEqual(target, source, ['id', 'note']);
    }
    for (const missing of ['prod.sales.nothing', 'gone.sales.orders']) {
      expect(await refusalOf(create('sales.none', missing, 'SNAPSHOT'))).toMatchObject({
        code: 'SOURCE_TABLE_NOT_FOUND',
      });
    }
  });
});
