import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Catalog } from '../../../../src/lake/catalog/catalog.js';
import { restCatalog } from '../../../../src/lake/catalog/rest-catalog.js';
import type { RestClientOptions } from '../../../../src/lake/catalog/rest-client.js';
import { configFor, credentialsOf, s3SettingsOf } from '../../../../src/lake/catalog/rest-storage.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { ClientToken } from '../../../../src/lake/requests/client-token.js';
import { IcebergRestServer, type RestServerOptions } from '../../../support/iceberg-rest-server.js';
import { readIcebergRows } from '../../../support/iceberg-rows.js';
import { IcebergWriter } from '../../../support/iceberg-writer.js';

// Goal: tables of an Iceberg REST catalog are those that the catalog says, found where its configuration puts its calls,
// with the credentials that it gives; and what it refuses is told without a secret.

const folder = mkdtempSync(path.join(tmpdir(), 'rest-'));
let engine: Engine;
let connection: DuckDBConnection;
beforeAll(async () => {
  engine = await openEngine({ memoryLimitMb: 64 });
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  const table = new IcebergWriter(connection, path.join(folder, 'sales/orders'), {
    fields: [
      { id: 1, name: 'id', type: 'long', required: true, doc: 'the number' },
      { id: 2, name: 'name', type: 'string' },
    ],
    properties: { owner: 'me' },
  });
  await table.commit([await table.write(`select i as id, 'n' || i as name from range(3) t(i)`)]);
  table.writeMetadata({
    schemas: table.schemas.map((schema) => ({ type: 'struct', ...schema, 'identifier-field-ids': [1] })),
  });
  for (const name of ['a', 'b', 'c']) {
    new IcebergWriter(connection, path.join(folder, 'sales', name), {
      fields: [{ id: 1, name: 'x', type: 'int' }],
    }).writeMetadata();
  }
  new IcebergWriter(connection, path.join(folder, 'other/future'), { fields: [] }).writeMetadata({
    'format-version': 9,
  });
});
afterAll(async () => {
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const start = (options: Partial<RestServerOptions> = {}) => IcebergRestServer.start({ folder, ...options });

function catalogOf(server: IcebergRestServer, options: Partial<RestClientOptions> = {}): Catalog {
  const client = {
    catalog: 'ice',
    uri: server.uri,
    timeoutMs: 5_000,
    attemptsMax: 2,
    wait: async () => {},
    ...options,
  };
  const storage = { patience: { timeoutMs: 5_000, attemptsMax: 1 } };
  const spool = { bytesMax: 1_000_000, fetchesMax: 1 };
  return restCatalog({ client, allowOutsidePaths: false, storage, spool, engine });
}
const orders = { catalog: 'ice', schema: 'sales', table: 'orders' };
const missing = { catalog: 'ice', schema: 'sales', table: 'nothing' };

describe('a table', () => {
  it('is read with the metadata of the catalog, its exact ids, and its key', async () => {
    await using server = await start({ prefix: 'catalogs/prod' });
    const table = await catalogOf(server, { warehouse: 'prod' }).open(orders);
    expect(table.declared).toMatchObject({
      primaryKey: ['id'],
      properties: { owner: 'me' },
      columns: [{ name: 'id', comment: 'the number' }, { name: 'name' }],
    });
    const { rows, snapshot } = await readIcebergRows(table);
    expect(rows).toEqual(['0|n0', '1|n1', '2|n2']);
    expect(snapshot).toMatchObject({ version: 1n, bookmark: expect.stringContaining('2164816796493460948') });
    expect(server.requests.map((request) => request.path)).toEqual([
      '/catalog/v1/config?warehouse=prod',
      '/catalog/v1/catalogs/prod/namespaces/sales/tables/orders?snapshots=all',
    ]);
    expect(server.requests.at(-1)?.delegation).toBe('vended-credentials');
    // Later looks ask the catalog again.
    await table.snapshot();
    expect(server.requests).toHaveLength(3);
  });

  it('that the catalog lacks, or refuses, is told so', async () => {
    await using server = await start({ token: 'secret-token' });
    const catalog = catalogOf(server, { token: 'secret-token' });
    await expect(catalog.open(missing)).rejects.toMatchObject({
      code: 'SOURCE_TABLE_NOT_FOUND',
      message: expect.stringContaining('NoSuchTableException: Table does not exist: sales.nothing'),
    });
    server.override = (url) =>
      url.includes('tables') ? { status: 403, body: { error: { message: 'no', type: 'F' } } } : null;
    await expect(catalog.open(orders)).rejects.toMatchObject({ code: 'CATALOG_ACCESS_DENIED' });
    server.override = (url) => (url.includes('tables') ? { status: 200, body: { other: 1 } } : null);
    await expect(catalog.open(orders)).rejects.toMatchObject({
      code: 'CATALOG_ANSWER_INVALID',
      message: expect.stringContaining('unexpected: metadata'),
    });
    server.override = () => null;
    await expect(catalogOf(server).open(orders)).rejects.toMatchObject({
      code: 'CATALOG_TOKEN_REFUSED',
      message: expect.stringContaining('wants a token'),
    });
    await expect(catalogOf(server, { token: 'wrong-secret' }).open(orders)).rejects.toMatchObject({
      code: 'CATALOG_TOKEN_REFUSED',
      message: expect.stringMatching(/did not accept.*Bearer \[hidden\]/),
    });
    await expect(catalogOf(server, { token: 'secret-token', warehouse: 'unknown' }).open(orders)).rejects.toMatchObject(
      {
        code: 'CATALOG_ANSWER_INVALID',
        message: expect.stringContaining('There is no warehouse unknown'),
      },
    );
    // A server of something else has no such call.
    await expect(
      catalogOf(server, { uri: `${server.uri}/deeper`, token: 'secret-token' }).open(orders),
    ).rejects.toMatchObject({
      code: 'CATALOG_ANSWER_INVALID',
    });
    await expect(catalog.open({ ...orders, schema: 'other', table: 'future' })).rejects.toMatchObject({
      code: 'ICEBERG_UNSUPPORTED_FEATURE',
    });
  });

  it('is asked for again while the catalog is busy, and not forever', async () => {
    await using server = await start();
    server.override = (_, count) => (count === 1 ? { status: 503, body: '' } : null);
    await expect(catalogOf(server).open(orders)).resolves.toMatchObject({ name: 'ice.sales.orders' });
    server.override = () => ({ status: 503, body: '' });
    await expect(catalogOf(server).open(orders)).rejects.toMatchObject({ code: 'CATALOG_UNREACHABLE' });
    await expect(catalogOf(server).probe('ice')).rejects.toMatchObject({ code: 'CATALOG_UNREACHABLE' });
    server.override = () => null;
    await expect(catalogOf(server).probe('ice')).resolves.toBeUndefined();
  });
});

describe('a token', () => {
  const oauth = { clientId: 'me', clientSecret: 'client-secret' };

  it('is issued for client credentials, used again, and renewed when it is not accepted', async () => {
    await using server = await start({ token: 'issued', client: { id: 'me', secret: 'client-secret' } });
    const catalog = catalogOf(server, { oauth });
    await catalog.open(orders);
    await catalog.open(orders);
    const issues = () => server.requests.filter((request) => request.path.endsWith('/oauth/tokens'));
    expect(issues()).toHaveLength(1);
    expect(Object.fromEntries(new URLSearchParams(issues()[0]?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'me',
      client_secret: 'client-secret',
      scope: 'catalog',
    });
    server.override = (url, count) =>
      url.includes('/tables/orders') && count === 3 ? { status: 401, body: {} } : null;
    await catalog.open(orders);
    expect(issues()).toHaveLength(2);
  });

  it('that is not issued is told, without the secret', async () => {
    await using server = await start({ token: 'issued', client: { id: 'me', secret: 'another' } });
    const failure = await catalogOf(server, { oauth })
      .open(orders)
      .catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'CATALOG_TOKEN_REFUSED' });
    expect(String(failure)).not.toContain('client-secret');
  });

  it('is renewed before it ends', async () => {
    await using server = await start({ token: 'issued', client: { id: 'me', secret: 'client-secret' } });
    let now = 0;
    const options = { catalog: 'ice', timeoutMs: 5_000, attemptsMax: 1 };
    const token = new ClientToken(options, { oauth }, server.uri, () => now);
    expect(await Promise.all([token.get('t'), token.get('t')])).toEqual(['issued', 'issued']);
    expect(server.requests).toHaveLength(1);
    now = 0.7 * 3_600_000;
    await token.get('t');
    expect(server.requests).toHaveLength(1);
    now = 0.8 * 3_600_000;
    await token.get('t');
    expect(server.requests).toHaveLength(2);
  });
});

describe('browsing', () => {
  it.each([undefined, 2])('lists namespaces and tables, pages of %s', async (pageSize) => {
    await using server = await start(pageSize === undefined ? {} : { pageSize });
    const browser = catalogOf(server).browser('ice');
    expect((await browser.schemas({ size: 10, token: null })).items).toEqual(['other', 'sales']);
    expect(await browser.hasSchema('sales')).toBe(true);
    expect(await browser.hasSchema('none')).toBe(false);
    const found: string[] = [];
    let token: string | null = null;
    do {
      const page = await browser.tables('sales', { size: 2, token, columns: true });
      expect(page.items.length).toBeLessThanOrEqual(2);
      found.push(...page.items.map(({ table, columns }) => `${table} ${columns?.map(({ name }) => name)}`));
      token = page.next;
    } while (token !== null);
    expect(found).toEqual(['a x', 'b x', 'c x', 'orders id,name']);
    expect(await browser.tables('none', { size: 2, token: null, columns: true })).toEqual({ items: [], next: null });
    // One that cannot be read is listed all the same.
    const other = await browser.tables('other', { size: 2, token: null, columns: true });
    expect(other.items).toMatchObject([{ table: 'future', columns: null }]);
  });

  it('shows one table', async () => {
    await using server = await start();
    const browser = catalogOf(server).browser('ice');
    expect(await browser.table('sales', 'orders', { columns: true })).toMatchObject({
      format: 'ICEBERG',
      location: path.join(folder, 'sales/orders'),
      primaryKey: { columns: ['id'] },
      columns: [{ name: 'id', nullable: false, comment: 'the number' }, { name: 'name' }],
    });
    expect(await browser.table('sales', 'nothing', { columns: true })).toBeNull();
  });
});

describe('credentials for files', () => {
  const config = (entries: Record<string, string>) => new Map(Object.entries(entries));

  it('are those of the longest prefix that fits, over those of the table', () => {
    const loaded = {
      config: config({ 's3.access-key-id': 'table', 'client.region': 'eu' }),
      credentials: [
        { prefix: 's3://b/t', config: config({ 's3.access-key-id': 'longest' }) },
        { prefix: 's3a://b', config: config({ 's3.access-key-id': 'bucket' }) },
        { prefix: 's3://other', config: config({ 's3.access-key-id': 'other' }) },
      ],
    };
    expect(configFor(loaded, 's3://b/t').get('s3.access-key-id')).toBe('longest');
    expect(configFor(loaded, 's3://b/u').get('s3.access-key-id')).toBe('bucket');
    expect(configFor(loaded, 's3://c/u').get('s3.access-key-id')).toBe('table');
    expect(configFor(loaded, 's3://b/t').get('client.region')).toBe('eu');
  });

  it('are in the form of each store, with their end', () => {
    const s3 = config({
      's3.access-key-id': 'k',
      's3.secret-access-key': 's',
      's3.session-token': 't',
      's3.session-token-expires-at-ms': '1700000000000',
    });
    expect(credentialsOf(s3, 's3://b/t')).toEqual({
      expiresAtMs: 1_700_000_000_000,
      aws: { accessKeyId: 'k', secretAccessKey: 's', sessionToken: 't' },
    });
    expect(credentialsOf(s3, 'gs://b/t')).toBeNull();
    expect(credentialsOf(config({ 'gcs.oauth2.token': 'g' }), 'gs://b/t')).toEqual({
      expiresAtMs: null,
      gcpToken: 'g',
    });
    const azure = config({
      'adls.sas-token.acc.dfs.core.windows.net': 'sas',
      'adls.sas-token-expires-at-ms.acc.dfs.core.windows.net': '5',
    });
    expect(credentialsOf(azure, 'abfss://c@acc.dfs.core.windows.net/t')).toEqual({ expiresAtMs: 5, azureSas: 'sas' });
    expect(credentialsOf(config({}), 's3://b/t')).toBeNull();
  });

  it('come with the place of the store, unless the settings say another', () => {
    const found = config({ 's3.endpoint': 'http://store', 's3.path-style-access': 'true', 'client.region': 'eu' });
    expect(s3SettingsOf(found, undefined)).toEqual({ endpoint: 'http://store', region: 'eu', pathStyle: true });
    expect(s3SettingsOf(found, { endpoint: 'http://mine' })).toMatchObject({ endpoint: 'http://mine', region: 'eu' });
  });
});
