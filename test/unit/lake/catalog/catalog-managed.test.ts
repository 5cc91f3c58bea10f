import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pathCatalog } from '../../../../src/lake/catalog/path-catalog.js';
import { unityCatalog } from '../../../../src/lake/catalog/unity-catalog.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../../src/lake/lake-table.js';
import { type DeltaWriter, TestLake } from '../../../support/delta-writer.js';
import { FIRST_COMMIT_MS, MANAGED_PROPERTIES, ManagedTable } from '../../../support/managed-table.js';
import { BUCKET, S3FolderServer } from '../../../support/s3-folder-server.js';
import { sharedData } from '../../../support/shared-data.js';
import { UnityServer } from '../../../support/unity-server.js';

// Goal: of a table whose commits a catalog manages, exactly those count that the catalog has ratified, whatever else lies
// in its log, and however writers publish, report and clean up meanwhile.

const NAME = { catalog: 'prod', schema: 'gold', table: 't' };
const DELTA_API = '/api/2.1/unity-catalog/delta/v1/catalogs/prod/schemas/gold/tables/t';
const patience = { attemptsMax: 2, timeoutMs: 2_000 };

let engine: Engine;
let lake: TestLake;
let s3: S3FolderServer;
let unity: UnityServer;
let writer: DeltaWriter;
let managed: ManagedTable;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(async () => {
  lake = await TestLake.create();
  s3 = await S3FolderServer.start(lake.root);
  unity = await UnityServer.start('open');
  writer = await lake.createTable('gold.t', { id: 'long' }, rows(0), MANAGED_PROPERTIES);
});
afterEach(async () => {
  await unity[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
  await lake[Symbol.asyncDispose]();
});

/** Ten rows for each version: how many there are says which commits were read. */
const rows = (version: number) => `select range + ${version * 10} as id from range(10)`;

const common = () => ({
  allowOutsidePaths: false,
  partitionTimeZone: 'UTC',
  storage: {
    s3: { endpoint: s3.endpoint, region: 'us-east-1', accessKeyId: 'own', secretAccessKey: 'own' },
    patience,
  },
  spool: { bytesMax: 1e6, fetchesMax: 2 },
  engine,
  openTable: () => Promise.reject(new Error('there is no other catalog')),
});

function open(token?: string): Promise<LakeTable> {
  const client = { catalog: 'prod', uri: unity.uri, token, ...patience, wait: async () => {} };
  return unityCatalog({ ...common(), client }).open(NAME);
}

async function rowCount(table: LakeTable, version?: bigint): Promise<bigint | null> {
  await using relation = await table.openRelation(await table.snapshot(version), 1);
  return relation.rowCount;
}

/** A commit of ten rows, staged and ratified, but not published. */
async function commit(): Promise<void> {
  await writer.append(rows(writer.version + 1));
  managed.commit(writer.version);
}

describe.each([
  ['the local disk', () => `file://${lake.root}/gold/t`],
  ['an object store', () => `s3://${BUCKET}/gold/t`],
])('a table on %s', (_, location) => {
  beforeEach(() => {
    managed = new ManagedTable(unity, 'prod.gold.t', { folder: writer.folder, location: location() });
  });

  it('has the commits that are ratified, published or not, and none beyond', async () => {
    await commit();
    await commit();
    managed.publish(1);
    const table = await open();
    expect(await rowCount(table)).toBe(30n);
    expect(await rowCount(table, 1n)).toBe(20n);
    await writer.append(rows(3));
    // It lies in the log, but nobody has ratified it.
    expect(await rowCount(table)).toBe(30n);
    managed.commit(3);
    expect(await rowCount(table)).toBe(40n);
  });

  it('is told by what was ratified, not by a file in the log that claims to be the same version', async () => {
    await commit();
    const forged = readFileSync(managed.stagedFile(1), 'utf8').replace(/"add"/, '"cdc"');
    writeFileSync(managed.logFile(1), forged);
    expect(await rowCount(await open())).toBe(20n);
  });

  it('is not told by staged commits that lost, or are no commits at all', async () => {
    await writer.append(rows(1));
    managed.stage(1);
    const folder = path.dirname(managed.stagedFile(1));
    writeFileSync(path.join(folder, '00000000000000000002.4cb9708e-b478-44de-b203-53f9ba9b2876.json'), '{"add":');
    expect(readdirSync(folder)).toHaveLength(2);
    expect(await rowCount(await open())).toBe(10n);
  });

  it('is read whole while a commit is published, reported and forgotten', async () => {
    await commit();
    await commit();
    const table = await open();
    // The catalog forgets before it answers: a log that was listed before that would lack the commit.
    unity.logs.set('prod.gold.t', () => {
      managed.publish(1);
      managed.report(1);
      return { body: managed.answer() };
    });
    expect(await rowCount(table)).toBe(30n);
    // It forgets after it has answered, and the staged file is removed.
    unity.logs.set('prod.gold.t', () => {
      const body = managed.answer();
      if (managed.staged.has(2)) {
        managed.publish(2);
        managed.removeStaged(2);
        managed.report(2);
      }
      return { body };
    });
    expect(await rowCount(table)).toBe(30n);
  });

  it('says that its log has a gap where a staged commit is gone that the catalog still names', async () => {
    await commit();
    managed.publish(1);
    managed.removeStaged(1);
    await expect((await open()).snapshot()).rejects.toMatchObject({ code: 'SOURCE_FILE_MISSING' });
  });

  it('tells of its newest version by one question, and of times by what commits state', async () => {
    await commit();
    const table = await open();
    const snapshot = await table.snapshot();
    expect(snapshot.committedAtMs).toBe(FIRST_COMMIT_MS + 1_000);
    const before = { unity: unity.requests.length, s3: s3.requests.length };
    await commit();
    expect(await table.changeFeed?.newestVersion(1n)).toBe(2n);
    expect(unity.requests.slice(before.unity).map(({ path }) => path)).toEqual([DELTA_API]);
    expect(s3.requests).toHaveLength(before.s3);
    expect(await table.changeFeed?.committedAtMs(2n)).toBe(FIRST_COMMIT_MS + 2_000);
    expect(await table.changeFeed?.watch(() => {})).toBeNull();
  });

  it('tells the same changes before and after its commits are published', async () => {
    await commit();
    const table = await open();
    const feed = table.changeFeed;
    if (!feed) throw new Error('no feed');
    const bookmark = await feed.bookmark(1n);
    await commit();
    const changesFrom1 = async () => {
      await using changes = await feed.changes({ from: 1n, bookmark, allowFileDiff: true });
      return { version: changes.to, bookmark: changes.bookmark };
    };
    const staged = await changesFrom1();
    managed.publish(1);
    managed.publish(2);
    managed.report(2);
    expect(await changesFrom1()).toEqual(staged);
    expect(staged.version).toBe(2n);
    expect(await feed.isSameCommit(staged.bookmark)).toBe(true);
  });
});

describe('a table', () => {
  beforeEach(() => {
    managed = new ManagedTable(unity, 'prod.gold.t', { folder: writer.folder, location: `file://${writer.folder}` });
  });

  it('is refused by path, with the advice to name its catalog', async () => {
    const byPath = await pathCatalog({ ...common(), root: lake.root }).open({ ...NAME, catalog: 'lake' });
    await expect(byPath.snapshot()).rejects.toMatchObject({
      code: 'DELTA_CATALOG_MANAGED',
      message: expect.stringContaining('lake.gold.t'),
      remedy: expect.stringContaining('Unity Catalog'),
    });
    await expect(byPath.describe()).rejects.toMatchObject({ code: 'DELTA_CATALOG_MANAGED' });
  });

  it('is another one once the catalog has another id for its name', async () => {
    const table = await open();
    const { tableId } = managed;
    unity.logs.set('prod.gold.t', () => ({ body: JSON.parse(JSON.stringify(managed.answer()).replace(tableId, 'x')) }));
    await expect(table.snapshot()).rejects.toMatchObject({ code: 'SOURCE_TABLE_REPLACED' });
  });

  it.each([
    '../00000000000000000000.json',
    '00000000000000000002.4cb9708e-b478-44de-b203-53f9ba9b2876.json',
    '00000000000000000001.json',
  ])('is refused where the catalog names %s as its commit 1', async (name) => {
    const table = await open();
    managed.staged.set(1, name);
    managed.latestVersion = 1;
    await expect(table.snapshot()).rejects.toMatchObject({ code: 'CATALOG_ANSWER_INVALID' });
  });

  const refusal = (status: number, type: string) => ({ status, body: { error: { message: 'm', type, code: status } } });
  it.each([
    ['SOURCE_TABLE_NOT_FOUND', refusal(404, 'NoSuchTableException'), 'HTTP 404 NoSuchTableException: m'],
    ['CATALOG_TOKEN_REFUSED', refusal(401, 'NotAuthorizedException'), 'did not accept the token of the settings'],
    ['CATALOG_ACCESS_DENIED', refusal(403, 'PermissionDeniedException'), 'refused the commits of source table'],
    ['CATALOG_WITHOUT_COMMITS', { status: 404, body: 'Status: 404 Description: Not Found' }, 'no call that tells them'],
    ['CATALOG_ANSWER_INVALID', { status: 200, body: { metadata: {} } }, 'latest-table-version'],
    ['CATALOG_UNREACHABLE', { status: 503, body: 'busy' }, '(attempts: 2)'],
  ])('says %s', async (code, answer, words) => {
    const table = await open('tkn');
    unity.override = (asked) => (asked === DELTA_API ? answer : null);
    await expect(table.snapshot()).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    await expect(table.changeFeed?.newestVersion(0n)).rejects.toMatchObject({ code });
  });
});

const data = sharedData();
it.skipIf(data === null)('reads the table of a public suite that is only staged after its first commit', async () => {
  const folder = path.join(lake.root, 'gold', 'public');
  mkdirSync(folder);
  cpSync(path.join(data ?? '', 'catalog-managed'), folder, { recursive: true });
  managed = new ManagedTable(unity, 'prod.gold.t', { folder, location: `file://${folder}`, isManaged: true });
  for (const name of readdirSync(path.join(folder, '_delta_log', '_staged_commits'))) {
    managed.staged.set(Number(name.slice(0, 20)), name);
  }
  managed.latestVersion = 2;
  expect(existsSync(managed.logFile(1))).toBe(false);
  const table = await open();
  expect(await rowCount(table)).toBe(200n);
  expect(await rowCount(table, 1n)).toBe(100n);
});
