import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { asSyncedTablesError } from '../../../../src/core/errors.js';
import type { Catalog } from '../../../../src/lake/catalog/catalog.js';
import { sharingCatalog } from '../../../../src/lake/catalog/sharing-catalog.js';
import type { SharingClientOptions } from '../../../../src/lake/catalog/sharing-client.js';
import { chooseRows } from '../../../../src/lake/choice/choose-rows.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../../src/lake/lake-table.js';
import { type DeltaWriter, TestLake } from '../../../support/delta-writer.js';
import { readIcebergRows as readRows } from '../../../support/iceberg-rows.js';
import { BUCKET, S3FolderServer } from '../../../support/s3-folder-server.js';
import { type SharedTestTable, SharingServer } from '../../../support/sharing-server.js';

// Goal: tables of a Delta Sharing server are read as they are, in their place or file by file, also when addresses end
// while they are read; what the server refuses is told by its reason, and no token and no address is told at all.

let engine: Engine;
let lake: TestLake;
let server: SharingServer;
let store: S3FolderServer;
let source: DeltaWriter;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(async () => {
  lake = await TestLake.create();
  server = await SharingServer.start();
  store = await S3FolderServer.start(lake.root);
  source = await lake.createTable('gold.t', { id: 'long', name: 'string' }, rows(0, 5), FEED);
  await source.append(rows(5, 5));
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await lake[Symbol.asyncDispose]();
});

const FEED = { 'delta.enableChangeDataFeed': 'true' };
const rows = (from: number, count: number) =>
  `select range as id, 'n' || range as name from range(${from}, ${from + count})`;
const expected = (...ids: number[]) => ids.map((id) => `${id}|n${id}`).sort();
const FIRST_TEN = expected(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
const name = { catalog: 'shop', schema: 'gold', table: 't' };

let retries: { path: string; reason: string }[] = [];

function catalog(client: Partial<SharingClientOptions> = {}, keys = {}): Catalog {
  retries = [];
  const onRetry = (retry: { path: string; reason: string }) => retries.push(retry);
  const patience = { attemptsMax: 2, timeoutMs: 2_000 };
  return sharingCatalog({
    client: {
      catalog: 'shop',
      share: 'sales',
      credentials: { endpoint: server.endpoint, token: server.token },
      ...patience,
      wait: async () => {},
      onRetry,
      ...client,
    },
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
    storage: { s3: { endpoint: store.endpoint, region: 'us-east-1', ...keys }, patience, onRetry },
    spool: { bytesMax: 1e6, fetchesMax: 2 },
    engine,
  });
}

function share(parts: Partial<SharedTestTable> = {}): Promise<LakeTable> {
  server.tables.set('gold.t', { folder: source.folder, ...parts });
  return catalog().open(name);
}

/** What an attempt ends in; fails if that tells a secret. */
async function refusal(attempt: Promise<unknown>) {
  const error = await attempt.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  const known = asSyncedTablesError(error);
  if (!known) throw new Error(`no error of ours: ${String(error)}`);
  for (let each: unknown = known; each instanceof Error; each = each.cause) {
    expect(`${each.message} ${each.stack}`).not.toMatch(/X-Signature|sharing-token|s3-secret/);
  }
  return known;
}

describe('a table whose files are given one by one', () => {
  it.each(['delta', 'parquet'] as const)(
    'is read in the format %s, by GET alone, with one request for its files',
    async (format) => {
      server.formats = [format];
      const table = await share();
      const read = await readRows(table);
      expect(read).toMatchObject({ rows: FIRST_TEN, rowCount: 10n, snapshot: { version: 1n, hasChangeFeed: true } });
      expect(server.reads.every(({ status }) => status === 206)).toBe(true);
      expect(server.count('/query')).toBe(1);
      expect(await table.describe()).toMatchObject({
        tableName: 'shop.gold.t',
        columns: [
          { name: 'id', type: { kind: 'long' } },
          { name: 'name', type: { kind: 'string' } },
        ],
        hasChangeFeed: true,
      });
      expect(await table.details()).toMatchObject({
        format: 'DELTA',
        location: 'delta-sharing://sales/gold/t',
        fileCount: 2,
        statedRowCount: 10n,
        snapshot: { version: 1n, tableId: read.snapshot.tableId },
      });
      expect((await readRows(table.readBy(engine, 2))).rows).toEqual(FIRST_TEN);
    },
  );

  it('has names in which capitals do not count', async () => {
    await share();
    const table = await catalog().open({ catalog: 'shop', schema: 'GOLD', table: 'T' });
    expect((await readRows(table)).rows).toEqual(FIRST_TEN);
  });

  it('is read over several pages of its files', async () => {
    server.pageSize = 2;
    for (let n = 10; n < 14; n++) await source.append(rows(n, 1));
    const { rows: found } = await readRows(await share());
    expect(found).toEqual([...FIRST_TEN, ...expected(10, 11, 12, 13)].sort());
    expect(server.count('/query')).toBe(3);
  });

  it('is read at a version, the newest of any table, others of those with their history', async () => {
    const table = await share({ hasHistory: true });
    expect((await readRows(table, { version: 0n })).rows).toEqual(expected(0, 1, 2, 3, 4));
    expect((await table.snapshot(0n)).committedAtMs).toEqual(expect.any(Number));
    const other = await share();
    expect((await readRows(other, { version: 1n })).rows).toEqual(FIRST_TEN);
    const refused = await refusal(other.snapshot(0n));
    expect(refused).toMatchObject({
      code: 'SHARED_VERSION_REFUSED',
      message: expect.stringContaining('history sharing'),
    });
    expect(await refusal(other.snapshot(2n))).toMatchObject({ code: 'DELTA_VERSION_NOT_FOUND' });
  });

  it('is whole although its server breaks an answer off, and is refused if it never ends', async () => {
    const table = await share();
    server.override = ({ path: asked }, count) => {
      if (!asked.endsWith('/query') || count > 1) return null;
      const lines = '{"protocol":{"deltaProtocol":{"minReaderVersion":1}}}\n';
      const headers = { 'delta-table-version': '1', 'delta-sharing-capabilities': 'includeEndStreamAction=true' };
      return { body: lines, headers };
    };
    expect((await readRows(table)).rows).toEqual(FIRST_TEN);
    expect(retries).toMatchObject([{ reason: 'the answer has no end' }]);
    server.override = ({ path: asked }) =>
      asked.endsWith('/query') ? { body: '{"endStreamAction":{}}\n{"file":' } : null;
    expect(await refusal(table.snapshot())).toMatchObject({ code: 'CATALOG_ANSWER_INVALID' });
    const failed = '{"endStreamAction":{"errorMessage":"no https://store/f?X-Signature=1 for you"}}\n';
    server.override = ({ path: asked }) => (asked.endsWith('/query') ? { body: failed } : null);
    expect(await refusal(table.snapshot())).toMatchObject({
      code: 'CATALOG_ANSWER_INVALID',
      message: expect.stringContaining('no https://store/f?[hidden] for you'),
    });
  });

  it('is waited for as long as something arrives of it', async () => {
    await share();
    server.override = (request) => {
      return request.path.endsWith('/query') ? { ...server.usual(request), msPerLine: 200 } : null;
    };
    const patient = await catalog({ timeoutMs: 600 }).open(name);
    expect((await readRows(patient)).rows).toEqual(FIRST_TEN);
    const hasty = await catalog({ timeoutMs: 60 }).open(name);
    expect(await refusal(hasty.snapshot())).toMatchObject({
      code: 'CATALOG_UNREACHABLE',
      message: expect.stringContaining('no answer in time'),
    });
  });

  it.each([
    [
      'an address of a file of the disk',
      { id: '1', deltaSingleAction: { add: { path: 'file:///etc/passwd', size: 1 } } },
    ],
    ['no address', { id: '1', deltaSingleAction: { add: { path: 7, size: 1 } } }],
    ['no id', { deltaSingleAction: { add: { path: 'https://a/b', size: 1 } } }],
  ])('is refused with %s', async (_, file) => {
    const table = await share();
    server.override = ({ path: asked }) =>
      asked.endsWith('/query')
        ? { body: `${JSON.stringify({ file })}\n`, headers: { 'delta-table-version': '1' } }
        : null;
    expect(await refusal(table.snapshot())).toMatchObject({ code: 'CATALOG_ANSWER_INVALID' });
  });

  it('is damaged if its files are not those that were shared', async () => {
    const table = await share();
    const snapshot = await table.snapshot();
    source.removeNewestFile();
    const missing = await refusal(table.openRelation(snapshot, 1));
    expect(missing).toMatchObject({
      code: 'SOURCE_FILE_MISSING',
      message: expect.stringContaining('delta-sharing://'),
    });
  });
});

describe('addresses that end', () => {
  it.each([
    ['at the time that the server says', true],
    ['without a word', false],
  ])('%s are asked for again, and the rows stay right', async (_, saysExpiry) => {
    server.saysExpiry = saysExpiry;
    server.urlLifeMs = saysExpiry ? 1 : 3_600_000;
    const table = await share();
    const snapshot = await table.snapshot();
    server.urlLifeMs = 3_600_000;
    server.endUrls();
    const relation = await table.openRelation(snapshot, 1);
    expect(relation.rowCount).toBe(10n);
    server.endUrls();
    const connection = await engine.connect();
    const pass = relation.remote?.begin();
    const part = await pass?.next();
    const found = await connection.runAndReadAll(`select count(*)::int from (${part?.select})`);
    expect(found.getRowsJson()).toEqual([[10]]);
    await part?.[Symbol.asyncDispose]();
    await pass?.[Symbol.asyncDispose]();
    await relation[Symbol.asyncDispose]();
    connection.closeSync();
    expect(server.count('/query')).toBeGreaterThan(1);
    expect(server.count('/query')).toBeLessThan(6);
  });

  it.each([
    ['a refresh token', false],
    ['the version, of a table with its history', true],
  ])('of a table that changed meanwhile are had by %s', async (_, hasHistory) => {
    server.hasRefreshTokens = !hasHistory;
    const table = await share({ hasHistory });
    const snapshot = await table.snapshot();
    await source.deleteWhere('id = 3');
    server.endUrls();
    await using relation = await table.openRelation(snapshot, 1);
    expect(relation.rowCount).toBe(10n);
  });

  it('of a table that changed meanwhile are gone otherwise, and it is read later', async () => {
    const table = await share();
    const snapshot = await table.snapshot();
    await source.deleteWhere('id = 3');
    server.endUrls();
    expect(await refusal(table.openRelation(snapshot, 1))).toMatchObject({
      code: 'SHARED_TABLE_CHANGED',
      retry: 'timed',
    });
  });

  it('end in the middle of a file, which is read on from there', async () => {
    const large = `select range as id, hash(range)::varchar as name from range(20_000)`;
    await source.overwrite(large);
    const table = await share();
    server.fault = (_, count) => (count === 3 ? 'cut' : null);
    const { rows: found } = await readRows(table);
    expect(found).toHaveLength(20_000);
    expect(found).toEqual((await source.query(`concat(id, '|', name)`)).flat().sort());
    expect(retries.length).toBeGreaterThan(0);
    expect(server.reads.filter(({ status }) => status === 403)).toHaveLength(1);
    expect(server.count('/query')).toBe(2);
  });

  it('are not asked for forever where a store refuses all of them', async () => {
    const table = await share();
    const snapshot = await table.snapshot();
    server.fault = () => 403;
    expect(await refusal(table.openRelation(snapshot, 1))).toMatchObject({ code: 'OBJECT_STORE_ACCESS_DENIED' });
    expect(server.count('/query')).toBeLessThan(5);
    server.fault = (_, count) => (count % 2 === 1 ? 503 : null);
    await using relation = await table.openRelation(snapshot, 1);
    expect(relation.rowCount).toBe(10n);
    expect(retries.every(({ path: asked }) => !asked.includes('X-Signature'))).toBe(true);
    expect(retries.length).toBeGreaterThan(0);
  });
});

describe('changes', () => {
  const changed = async (table: LakeTable, from: bigint, bookmark?: string) => {
    const known = bookmark === undefined ? {} : { bookmark };
    const relation = await table.changeFeed?.changes({ from, allowFileDiff: false, ...known });
    if (!relation) throw new Error('no changes');
    await relation.fetch();
    const connection = await engine.connect();
    const sql = `select id, _change_type, _commit_version from (${relation.select}) order by all`;
    const found = (await connection.runAndReadAll(sql)).getRowsJson().map((row) => row.join(' '));
    connection.closeSync();
    const { bookmark: next, to, end } = relation;
    expect(await relation.contradictions()).toEqual([]);
    await relation[Symbol.asyncDispose]();
    return { found, bookmark: next, to, end };
  };

  it.each(['delta', 'parquet'] as const)(
    'are those of the versions after a position, in the format %s',
    async (format) => {
      server.formats = [format];
      server.pageSize = 2;
      const table = await share({ hasHistory: true });
      await table.snapshot();
      const bookmark = (await table.changeFeed?.bookmark(1n)) ?? '';
      expect(await changed(table, 1n, bookmark)).toMatchObject({ found: [], to: 1n });
      await source.append(rows(10, 1));
      source.commitNothing();
      await source.rewriteWithFeed(rows(1, 10), `select 0 as id, 'n0' as name, 'delete' as _change_type`);
      source.commitNothing();
      const first = await changed(table, 1n, bookmark);
      expect(first).toMatchObject({ found: ['0 delete 4', '10 insert 2'], to: 5n, end: { version: 5n } });
      source.changeColumns({ id: 'long', name: 'string', more: 'long' });
      await source.append('select 11 as id, null as name, 7 as more');
      const second = await changed(await catalog().open(name), 5n, first.bookmark);
      expect(second).toMatchObject({ found: ['11 insert 7'], end: { columns: [{}, {}, { name: 'more' }] } });
      // From a position of which nothing is remembered, and from the beginning.
      expect((await changed(await catalog().open(name), 5n)).found).toEqual(['11 insert 7']);
      expect((await changed(await catalog().open(name), -1n)).found).toHaveLength(13);
    },
  );

  it('whose addresses ended meanwhile are asked for again', async () => {
    const table = await share({ hasHistory: true });
    await source.append(rows(10, 3));
    const relation = await table.changeFeed?.changes({ from: 1n, allowFileDiff: false });
    server.endUrls();
    await relation?.fetch();
    expect(await relation?.countRows()).toBe(3n);
    await relation?.[Symbol.asyncDispose]();
  });

  it('are refused by the reason of the server where the history is not shared', async () => {
    const table = await share();
    expect(await table.changeFeed?.refusal?.()).toMatchObject({
      code: 'SHARE_WITHOUT_HISTORY',
      message: expect.stringContaining('cdf is not enabled on table'),
    });
    const chosen = chooseRows(table, { columns: ['id'], besides: [], rowFilter: null });
    expect(await chosen.changeFeed?.refusal?.()).toMatchObject({ code: 'SHARE_WITHOUT_HISTORY' });
    await source.append(rows(10, 1));
    const attempt = table.changeFeed?.changes({ from: 1n, allowFileDiff: true }) ?? Promise.resolve();
    expect(await refusal(attempt)).toMatchObject({ code: 'SHARE_WITHOUT_HISTORY' });
    const shared = await share({ hasHistory: true });
    expect(await shared.changeFeed?.refusal?.()).toBeNull();
  });

  it('of an absurd number of versions take no more than what is said of them', async () => {
    const table = await share({ hasHistory: true });
    const last = 9_000_000_000_000;
    server.override = (request) => {
      if (request.path.endsWith('/version')) return { body: '', headers: { 'delta-table-version': String(last) } };
      // An answer about changes without any.
      const path = request.path.replace(/\/changes\?.*/, '/metadata');
      return path === request.path ? null : server.usual({ ...request, path });
    };
    const found = await changed(table, 1n);
    expect(found).toMatchObject({ found: [], to: BigInt(last), end: { version: BigInt(last), committedAtMs: null } });
  });

  it('that the provider has cleaned up, or that another table made, lead to a copy', async () => {
    const table = await share({ hasHistory: true });
    await table.snapshot();
    const bookmark = (await table.changeFeed?.bookmark(1n)) ?? '';
    await source.append(rows(10, 1));
    await source.append(rows(11, 1));
    server.override = ({ path: asked }) =>
      /changes\?startingVersion=2/.test(asked)
        ? { status: 400, body: { errorCode: 'INVALID_PARAMETER_VALUE', message: 'version 2 is gone' } }
        : null;
    const attempt = () => table.changeFeed?.changes({ from: 1n, allowFileDiff: false, bookmark }) ?? Promise.resolve();
    expect(await refusal(attempt())).toMatchObject({ code: 'SHARED_CHANGES_GONE' });
    server.override = () => null;
    expect(await table.changeFeed?.isSameCommit(bookmark)).toBe(true);
    await source.recreate(rows(0, 1));
    expect(await refusal(attempt())).toMatchObject({ code: 'SOURCE_HISTORY_REWRITTEN' });
    for (let n = 0; n < 3; n++) await source.append(rows(n, 1));
    expect(await refusal(attempt())).toMatchObject({ code: 'SOURCE_TABLE_REPLACED' });
    // Also where its newest version happens to have the number of the position.
    await source.recreate(rows(0, 1));
    await source.append(rows(1, 1));
    const again = await catalog().open(name);
    expect(await again.changeFeed?.isSameCommit(bookmark)).toBe(false);
    const same = again.changeFeed?.changes({ from: 1n, allowFileDiff: false, bookmark }) ?? Promise.resolve();
    expect(await refusal(same)).toMatchObject({ code: 'SOURCE_TABLE_REPLACED' });
  });
});

describe('a table that is read in its place', () => {
  const dir = { accessModes: ['url', 'dir'], location: `s3://${BUCKET}/gold/t` };
  const given = (parts = {}) => ({
    credentials: {
      location: dir.location,
      awsTempCredentials: { accessKeyId: 'given', secretAccessKey: 's3-secret', sessionToken: 'session' },
      expirationTime: Date.now() + 3_600_000,
      ...parts,
    },
  });

  it('is an ordinary Delta table, with the credentials of the server', async () => {
    server.credentials = () => ({ body: given() });
    const table = await share(dir);
    expect((await readRows(table)).rows).toEqual(FIRST_TEN);
    expect([...store.accessKeys]).toEqual(['given']);
    expect(server.count('/query')).toBe(0);
    expect(server.count('/temporary-table-credentials')).toBe(1);
    expect((await readRows(table, { version: 0n })).rows).toEqual(expected(0, 1, 2, 3, 4));
    expect(await table.changeFeed?.newestVersion()).toBe(1n);
    expect(server.reads).toEqual([]);
  });

  it('is so with credentials in the spelling of Unity Catalog, and with those of the settings', async () => {
    const keys = { access_key_id: 'other', secret_access_key: 's3-secret', session_token: 's' };
    server.credentials = () => ({ body: { aws_temp_credentials: keys, expiration_time: null } });
    expect((await readRows(await share(dir))).rows).toEqual(FIRST_TEN);
    const own = catalog({}, { accessKeyId: 'own', secretAccessKey: 's3-secret' });
    expect((await readRows(await own.open(name))).rows).toEqual(FIRST_TEN);
    expect([...store.accessKeys]).toEqual(['other', 'own']);
  });

  it('has its files given one by one where the server gives no credentials, or other places, or what a catalog ratified', async () => {
    const listed = async (parts: Partial<SharedTestTable>) => {
      const { rows: found } = await readRows(await share({ ...dir, ...parts }));
      expect(found).toEqual(FIRST_TEN);
      return server.count('/query');
    };
    expect(await listed({})).toBe(1);
    server.credentials = () => ({ body: given() });
    expect(await listed({ auxiliaryLocations: ['s3://elsewhere/t'] })).toBe(2);
    expect(await listed({ location: `file://${source.folder}` })).toBe(3);
    expect(store.accessKeys.size).toBe(0);
  });

  it('is never one of the disk, and never read with what only we have', async () => {
    const only = { accessModes: ['dir'] };
    server.credentials = () => ({ body: given() });
    expect(await refusal(share({ ...only, location: `file://${source.folder}` }))).toMatchObject({
      code: 'SHARED_PLACE_REFUSED',
      message: expect.stringContaining('not in an object store'),
    });
    server.credentials = () => ({ body: given({ awsTempCredentials: null }) });
    expect(await refusal(share({ ...dir, ...only }))).toMatchObject({ code: 'SHARED_PLACE_REFUSED' });
    server.credentials = () => ({ body: [] });
    expect(await refusal(share({ ...dir, ...only }))).toMatchObject({ code: 'CATALOG_ANSWER_INVALID' });
    server.credentials = () => ({ body: { expiration_time: null } });
    expect(await refusal(share({ ...dir, ...only }))).toMatchObject({ code: 'SHARED_PLACE_REFUSED' });
    server.credentials = () => ({ status: 400, body: { errorCode: 'X', message: 'no' } });
    expect(await refusal(share({ ...dir, ...only }))).toMatchObject({ code: 'SHARING_REQUEST_REFUSED' });
  });
});

describe('a share', () => {
  beforeEach(() => {
    for (const table of ['gold.t', 'gold.b', 'gold.c', 'silver.a']) server.tables.set(table, { folder: source.folder });
  });

  it('is browsed page by page', async () => {
    server.pageSize = 2;
    const browser = catalog().browser('shop');
    expect(await browser.schemas({ size: 100, token: null })).toEqual({ items: ['gold', 'silver'], next: null });
    const first = await browser.tables('gold', { size: 100, token: null, columns: true });
    expect(first.items).toMatchObject([
      {
        schema: 'gold',
        table: 't',
        format: 'DELTA',
        columns: [{ name: 'id', type: { name: 'LONG' } }, { name: 'name' }],
      },
      { table: 'b' },
    ]);
    const second = await browser.tables('gold', { size: 100, token: first.next, columns: false });
    expect(second).toMatchObject({ items: [{ table: 'c', columns: null }], next: null });
    expect(await browser.tables('none', { size: 100, token: null, columns: true })).toEqual({ items: [], next: null });
    expect(await browser.hasSchema('gold')).toBe(true);
    expect(await browser.hasSchema('none')).toBe(false);
    expect(await browser.table('gold', 't', { columns: true })).toMatchObject({
      id: expect.any(String),
      properties: FEED,
    });
    expect(await browser.table('gold', 'none', { columns: true })).toBeNull();
  });

  it('that does not exist is told with those that do', async () => {
    await expect(catalog().probe('shop')).resolves.toBeUndefined();
    expect(await refusal(catalog({ share: 'nothing' }).probe('shop'))).toMatchObject({
      code: 'SHARE_NOT_FOUND',
      message: expect.stringContaining('sales, other'),
    });
    expect(await refusal(catalog().open({ ...name, table: 'none' }))).toMatchObject({
      code: 'SOURCE_TABLE_NOT_FOUND',
      message: expect.stringContaining('RESOURCE_DOES_NOT_EXIST'),
    });
  });

  it('whose server does not accept the token, or does not answer, is told so', async () => {
    const wrong = catalog({ credentials: { endpoint: server.endpoint, token: 'wrong-sharing-token' } });
    expect(await refusal(wrong.open(name))).toMatchObject({
      code: 'CATALOG_TOKEN_REFUSED',
      message: expect.stringContaining('Bearer [hidden]'),
    });
    server.override = () => ({ status: 403, body: { errorCode: 'PERMISSION_DENIED', message: 'not for you' } });
    expect(await refusal(catalog().open(name))).toMatchObject({ code: 'CATALOG_ACCESS_DENIED' });
    server.override = () => ({ status: 503, body: 'busy' });
    expect(await refusal(catalog().open(name))).toMatchObject({ code: 'CATALOG_UNREACHABLE' });
    server.override = () => ({ body: 'hello' });
    expect(await refusal(catalog().open(name))).toMatchObject({ code: 'CATALOG_ANSWER_INVALID' });
    expect(await refusal(catalog().probe('shop'))).toMatchObject({ code: 'CATALOG_ANSWER_INVALID' });
  });
});

describe('a profile', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'profile-'));
  const profile = path.join(folder, 'shop.share');
  const open = (text: string) => {
    writeFileSync(profile, text);
    return catalog({ credentials: { profile } }).probe('shop');
  };
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is read anew for each request', async () => {
    const opened = catalog({ credentials: { profile } });
    writeFileSync(profile, server.profile({ bearerToken: 'old-sharing-token' }));
    expect(await refusal(opened.probe('shop'))).toMatchObject({ code: 'CATALOG_TOKEN_REFUSED' });
    writeFileSync(profile, server.profile({ expirationTime: new Date(Date.now() + 60_000).toISOString() }));
    await expect(opened.probe('shop')).resolves.toBeUndefined();
  });

  it('whose time is over is told of without asking', async () => {
    expect(await refusal(open(server.profile({ expirationTime: '2021-11-12T00:12:29.0Z' })))).toMatchObject({
      code: 'CATALOG_TOKEN_EXPIRED',
      message: expect.stringContaining('2021-11-12T00:12:29.000Z'),
    });
    expect(server.requests).toEqual([]);
  });

  it.each([
    [
      'it is of version 2 of type oauth_client_credentials',
      { shareCredentialsVersion: 2, type: 'oauth_client_credentials' },
    ],
    ['missing or malformed: endpoint', { endpoint: 'here' }],
    ['missing or malformed: bearerToken', { bearerToken: '' }],
    ['its expirationTime is not a time', { expirationTime: 'tomorrow' }],
  ])('is refused: %s', async (reason, parts) => {
    expect(await refusal(open(server.profile(parts)))).toMatchObject({
      code: 'SHARING_PROFILE_INVALID',
      message: expect.stringContaining(reason),
    });
  });

  it('is refused if it is none, or not there', async () => {
    expect(await refusal(open('{"bearerToken":"sharing-token"'))).toMatchObject({ code: 'SHARING_PROFILE_INVALID' });
    if (existsSync(profile)) rmSync(profile);
    expect(await refusal(catalog({ credentials: { profile } }).probe('shop'))).toMatchObject({
      code: 'SHARING_PROFILE_INVALID',
      message: expect.stringContaining('does not exist'),
    });
  });
});
