import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { unityCatalog } from '../../../../src/lake/catalog/unity-catalog.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../../src/lake/lake-table.js';
import { TemporaryCredentials } from '../../../../src/lake/storage/temporary-credentials.js';
import { TestLake } from '../../../support/delta-writer.js';
import { readIcebergRows } from '../../../support/iceberg-rows.js';
import { IcebergWriter } from '../../../support/iceberg-writer.js';
import { BUCKET, S3FolderServer } from '../../../support/s3-folder-server.js';
import { UnityServer } from '../../../support/unity-server.js';

// Goal: both kinds of Unity Catalog servers give tables their place, key and credentials, and say why they cannot.

let engine: Engine;
let lake: TestLake;
let store: S3FolderServer;
let unity: UnityServer;
let waits: number[];
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(async () => {
  lake = await TestLake.create();
  store = await S3FolderServer.start(lake.root);
  unity = await UnityServer.start('databricks');
  waits = [];
  await lake.createTable('gold.t', { id: 'long' }, 'select range as id from range(10)');
});
afterEach(async () => {
  await unity[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await lake[Symbol.asyncDispose]();
});

const name = { catalog: 'prod', schema: 'gold', table: 't' };

function catalog(choices: { token?: string; uri?: string; remoteName?: string; ownKeys?: boolean } = {}) {
  const patience = { attemptsMax: 3, timeoutMs: 2_000 };
  const keys = { accessKeyId: 'own', secretAccessKey: 'own-secret' };
  const { token, uri = unity.uri, remoteName, ownKeys = false } = choices;
  const wait = async (ms: number) => waits.push(ms);
  return unityCatalog({
    client: { catalog: 'prod', uri, token, ...patience, wait, random: () => 1 },
    remoteName,
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
    storage: { s3: { endpoint: store.endpoint, region: 'us-east-1', ...(ownKeys ? keys : {}) }, patience },
    spool: { bytesMax: 1e6, fetchesMax: 2 },
    engine,
    openTable: (fullName) => opened(fullName),
  });
}

/** What views of the server read. */
let opened: (fullName: string) => Promise<LakeTable> = () => Promise.reject(new Error('there is no other catalog'));

function register(parts: Record<string, unknown> = {}, fullName = 'prod.gold.t'): void {
  unity.tables.set(fullName, {
    name: 't',
    table_id: '7e4a',
    table_type: 'EXTERNAL',
    data_source_format: 'DELTA',
    storage_location: `file://${lake.root}/gold/t`,
    columns: [{ name: 'id', type_text: 'bigint', type_name: 'LONG', nullable: true, position: 0 }],
    properties: { 'delta.enableChangeDataFeed': 'true' },
    ...parts,
  });
}

async function rowCount(table: Awaited<ReturnType<ReturnType<typeof catalog>['open']>>) {
  await using relation = await table.openRelation(await table.snapshot(), 1);
  return relation.rowCount;
}

it('opens a table at its place, with what the server declares of it', async () => {
  const key = { name: 'pk', child_columns: ['id', 'ts'], timeseries_columns: ['ts'] };
  register({ table_constraints: [{ named_table_constraint: { name: 'n' } }, { primary_key_constraint: key }] });
  const table = await catalog({ token: 'tkn' }).open(name);
  expect(table.name).toBe('prod.gold.t');
  expect(table.declared).toEqual({
    primaryKey: ['id'],
    timeseriesKey: 'ts',
    properties: { 'delta.enableChangeDataFeed': 'true' },
    columns: [{ name: 'id', type: 'bigint', comment: null }],
  });
  expect(await rowCount(table)).toBe(10n);
  expect(unity.requests).toEqual([
    { path: '/api/2.1/unity-catalog/tables/prod.gold.t', body: '', authorization: 'Bearer tkn' },
  ]);
});

it('asks under the name that the catalog has on the server, whatever the form of the address', async () => {
  register({}, 'main.gold.t');
  const table = await catalog({ remoteName: 'main', uri: `${unity.uri}/api/2.1/unity-catalog/` }).open(name);
  expect(table.name).toBe('prod.gold.t');
  expect(table.declared?.primaryKey).toBeNull();
});

it.each([
  ['databricks', '2.0'],
  ['open', '2.1'],
] as const)('reads with the temporary credentials of the %s server', async (kind, version) => {
  await unity[Symbol.asyncDispose]();
  unity = await UnityServer.start(kind);
  register({ storage_location: `s3://${BUCKET}/gold/t` });
  unity.credentials = () => ({
    body: {
      expiration_time: Date.now() + 3_600_000,
      aws_temp_credentials: { access_key_id: 'given', secret_access_key: 'given-secret', session_token: 'given-token' },
    },
  });
  const prod = catalog();
  expect(await rowCount(await prod.open(name))).toBe(10n);
  expect(await rowCount(await prod.open(name))).toBe(10n);
  const asked = unity.requests.filter(({ path }) => path.includes('temporary'));
  expect(asked.map(({ path }) => path).at(-1)).toBe(`/api/${version}/unity-catalog/temporary-table-credentials`);
  expect(JSON.parse(asked.at(-1)?.body ?? '')).toEqual({ table_id: '7e4a', operation: 'READ' });
  expect(asked).toHaveLength(kind === 'open' ? 2 : 1);
  expect(store.accessKeys).toEqual(new Set(['given']));
});

it('prefers credentials of the settings, and then asks for none', async () => {
  register({ storage_location: `s3://${BUCKET}/gold/t` });
  expect(await rowCount(await catalog({ ownKeys: true }).open(name))).toBe(10n);
  expect(unity.requests.some(({ path }) => path.includes('temporary'))).toBe(false);
  expect(store.accessKeys).toEqual(new Set(['own']));
});

it('says who refuses credentials, and what right is missing', async () => {
  register({ storage_location: `s3://${BUCKET}/gold/t` });
  unity.credentials = () => ({ status: 403, body: { error_code: 'PERMISSION_DENIED', message: 'no EXTERNAL USE' } });
  const refused = catalog().open(name);
  await expect(refused).rejects.toMatchObject({ code: 'CATALOG_ACCESS_DENIED' });
  await expect(refused).rejects.toThrow(/refused credentials for the files of source table prod\.gold\.t: HTTP 403/);
});

it.each([
  ['VIEW', { table_type: 'VIEW', data_source_format: null }],
  ['FOREIGN over SNOWFLAKE', { table_type: 'FOREIGN', data_source_format: 'SNOWFLAKE' }],
  ['MATERIALIZED_VIEW over DELTA', { table_type: 'MATERIALIZED_VIEW' }],
  ['METRIC_VIEW', { table_type: 'METRIC_VIEW', data_source_format: null }],
  ['ICEBERG', { data_source_format: 'ICEBERG' }],
  ['CSV', { data_source_format: 'CSV' }],
])('refuses a table of format %s by that name', async (format, parts) => {
  register(parts);
  const refused = catalog().open(name);
  await expect(refused).rejects.toMatchObject({ code: 'SOURCE_FORMAT_UNSUPPORTED' });
  await expect(refused).rejects.toThrow(`prod.gold.t is of format ${format}, which`);
});

it.each([
  ['databricks', '/api/2.1/unity-catalog/iceberg-rest'],
  ['open', '/api/2.1/unity-catalog/iceberg'],
] as const)('reads Iceberg tables by the API that a server of kind %s has for them', async (kind, api) => {
  await using server = await UnityServer.start(kind);
  const folder = path.join(lake.root, 'ice');
  const connection = await engine.connect();
  const writer = new IcebergWriter(connection, folder, { fields: [{ id: 1, name: 'id', type: 'long' }] });
  await writer.commit([await writer.write('select range as id from range(3)')]);
  connection.closeSync();
  const metadata = readFileSync(path.join(folder, 'metadata', 'v1.metadata.json'), 'utf8');
  const key = { primary_key_constraint: { name: 'pk', child_columns: ['id'] } };
  server.tables.set('main.gold.t', {
    name: 't',
    table_type: 'MANAGED',
    data_source_format: 'ICEBERG',
    table_constraints: [key],
  });
  server.override = (asked) => {
    if (asked === `${api}/v1/config?warehouse=main`) return { body: { overrides: { prefix: 'catalogs/main' } } };
    if (asked.startsWith(`${api}/v1/catalogs/main/namespaces/gold/tables/t`))
      return { body: `{"metadata":${metadata}}` };
    // The one does so in words, the other in JSON.
    if (asked.includes('/iceberg')) {
      return kind === 'open'
        ? { status: 404, body: 'Status: 404' }
        : { status: 404, body: { error_code: 'ENDPOINT_NOT_FOUND' } };
    }
    return null;
  };
  const prod = catalog({ uri: server.uri, remoteName: 'main', token: 't' });
  for (let times = 0; times < 2; times++) {
    const table = await prod.open(name);
    const { rows } = await readIcebergRows(table);
    expect(rows).toEqual(['0', '1', '2']);
    expect(table.declared?.primaryKey).toEqual(['id']);
  }
  expect(new Set(server.requests.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer t']));
});

it('runs a view of the server over the tables below, whatever the catalog is called here', async () => {
  register({
    table_type: 'VIEW',
    data_source_format: null,
    view_definition: 'select max(id) as top from MAIN.gold.base',
  });
  register({}, 'prod.gold.base');
  const prod = catalog();
  const asked: string[] = [];
  opened = (fullName) => {
    asked.push(fullName);
    return prod.open({ ...name, table: 'base' });
  };
  unity.tables.set('main.gold.t', unity.tables.get('prod.gold.t') ?? {});
  unity.tables.set('main.gold.base', unity.tables.get('prod.gold.base') ?? {});
  const view = await catalog({ remoteName: 'main' }).open(name);
  expect(asked).toEqual(['prod.gold.base']);
  await using relation = await view.openRelation(await view.snapshot(), 1);
  const connection = await engine.connect();
  const result = await connection.runAndReadAll(relation.parts[0] ?? '');
  connection.closeSync();
  expect(result.getRowsJson()).toEqual([['9']]);
});

it('repeats what a busy or broken server did not answer, and gives up in plain words', async () => {
  register();
  unity.override = (_, count) => (count === 1 ? 'reset' : count === 2 ? { status: 429, body: {} } : null);
  expect(await rowCount(await catalog().open(name))).toBe(10n);
  expect(waits).toEqual([200, 400]);
  unity.override = () => ({ status: 503, body: 'upstream' });
  await expect(catalog({ token: 'tkn-secret' }).open(name)).rejects.toMatchObject({
    code: 'CATALOG_UNREACHABLE',
    retry: 'timed',
    message: expect.not.stringContaining('tkn-secret'),
  });
});

it('repeats what a server says, but for the token', async () => {
  register();
  const body = { error_code: 'PERMISSION_DENIED', message: 'token tkn-secret may not do that' };
  unity.override = () => ({ status: 403, body });
  await expect(catalog({ token: 'tkn-secret' }).open(name)).rejects.toMatchObject({
    code: 'CATALOG_ACCESS_DENIED',
    message: expect.stringContaining('token [hidden] may not do that'),
  });
});

it.each([
  ['SOURCE_TABLE_NOT_FOUND', 404, { error_code: 'TABLE_DOES_NOT_EXIST', message: "Table 'x' does not exist." }],
  ['SOURCE_TABLE_NOT_FOUND', 400, { error_code: 'SCHEMA_DOES_NOT_EXIST', message: 'no schema' }],
  ['CATALOG_TOKEN_REFUSED', 401, { error_code: 'UNAUTHENTICATED', message: 'who?' }],
  ['CATALOG_ACCESS_DENIED', 403, { error_code: 'PERMISSION_DENIED', message: 'no' }],
  ['CATALOG_ANSWER_INVALID', 200, '<html>a login page</html>'],
  ['CATALOG_ANSWER_INVALID', 200, { columns: 7 }],
])('says %s for the answer %i', async (code, status, body) => {
  unity.override = () => ({ status, body });
  await expect(catalog().open(name)).rejects.toMatchObject({ code });
  expect(waits).toEqual([]);
});

it('fetches temporary credentials again before they expire, once for all who wait', async () => {
  let now = 0;
  let count = 0;
  const request = async () => ({ expiresAtMs: now + 3_600_000, gcpToken: `token ${++count}` });
  const credentials = new TemporaryCredentials({ request, now: () => now });
  const [first, second] = await Promise.all([credentials.get(), credentials.get()]);
  expect([first.gcpToken, second.gcpToken]).toEqual(['token 1', 'token 1']);
  now = 3_600_000 - 5 * 60_000 - 1;
  expect((await credentials.get()).gcpToken).toBe('token 1');
  now += 1;
  expect((await credentials.get()).gcpToken).toBe('token 2');
});
