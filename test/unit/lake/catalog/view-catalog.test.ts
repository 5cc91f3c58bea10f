import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { CatalogSet } from '../../../../src/lake/catalog/catalog.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../../src/lake/lake-table.js';
import type { SourceSnapshot } from '../../../../src/lake/source-snapshot.js';
import { settingsSchema } from '../../../../src/settings/settings-schema.js';
import { openCatalogs } from '../../../../src/sidecar/open-catalogs.js';
import { type DeltaWriter, TestLake } from '../../../support/delta-writer.js';
import { BUCKET, S3FolderServer } from '../../../support/s3-folder-server.js';

// Goal: views are read as tables are: each refresh at one version of every table below, with only the columns that the
// query needs; a view that cannot be read says why, and reaches nothing but tables of configured catalogs.

let engine: Engine;
let lake: TestLake;
let orders: DeltaWriter;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(async () => {
  lake = await TestLake.create();
  orders = await lake.createTable(
    'gold.orders',
    { id: 'long', region: 'string', amount: 'decimal(10,2)', note: 'string' },
    `select i as id, case when i % 2 = 0 then 'north' else 'south' end as region, i as amount, repeat('x', 1000) as note
       from range(1, 7) t(i)`,
  );
});
afterEach(() => lake[Symbol.asyncDispose]());

function catalogs(views: Record<string, unknown>, more: Record<string, unknown> = {}): CatalogSet {
  const base = { lake: { kind: 'path', root: lake.root }, marts: { kind: 'views', views }, ...more };
  return openCatalogs(settingsSchema.parse({ catalogs: base, storage: { attempts: 1 } }), engine);
}

async function rows(table: LakeTable, snapshot?: SourceSnapshot): Promise<unknown[][]> {
  await using relation = await table.openRelation(snapshot ?? (await table.snapshot()), 4);
  expect(relation.parts).toHaveLength(1);
  const connection = await engine.connect();
  try {
    return (await connection.runAndReadAll(`${relation.parts[0]} order by all`)).getRowsJson();
  } finally {
    connection.closeSync();
  }
}

const BY_REGION = 'SELECT region, sum(amount) AS amount, count(*) AS orders FROM lake.gold.orders GROUP BY region';

it('has the rows and types of its query, and a version that grows with the tables below', async () => {
  await lake.createTable('gold.regions', { region: 'string', head: 'string' }, `select 'north' region, 'Ana' head`);
  const set = catalogs({
    'sales.by_region': { sql: BY_REGION, primary_key: ['region'], comment: 'Sums' },
    'sales.heads': 'SELECT b.*, r.head FROM by_region b LEFT JOIN lake.gold.regions r USING (region)',
  });
  const view = await set.open('marts.sales.by_region');
  const before = await view.snapshot();
  expect(before.version).toBe(0n);
  expect(before.columns.map(({ name, type }) => [name, type])).toEqual([
    ['region', { kind: 'string' }],
    ['amount', { kind: 'decimal', precision: 38, scale: 2 }],
    ['orders', { kind: 'long' }],
  ]);
  expect(view.declared?.primaryKey).toEqual(['region']);
  expect(await rows(view)).toEqual([
    ['north', '12.00', '3'],
    ['south', '9.00', '3'],
  ]);
  const heads = await set.open('marts.sales.heads');
  expect(await rows(heads)).toEqual([
    ['north', '12.00', '3', 'Ana'],
    ['south', '9.00', '3', null],
  ]);
  await orders.append(`select 8 as id, 'north' as region, 8 as amount, null as note`);
  const after = await view.snapshot();
  expect(after).toMatchObject({ version: 1n, tableId: before.tableId });
  expect((await heads.snapshot()).version).toBe(1n);
  // What was pinned before the commit is still read as it was.
  expect(await rows(view, before)).toEqual([
    ['north', '12.00', '3'],
    ['south', '9.00', '3'],
  ]);
  expect(after.bookmark).not.toBe(before.bookmark);
  await orders.rewriteNewestAppend(`select 9 as id, 'north' as region, 9 as amount, null as note`);
  const rewritten = await view.snapshot();
  expect(rewritten.version).toBe(1n);
  expect(rewritten.bookmark).not.toBe(after.bookmark);
  expect((await view.snapshot()).bookmark).toBe(rewritten.bookmark);
  await expect(view.snapshot(0n)).rejects.toMatchObject({ code: 'VIEW_VERSION_GONE' });
  const other = catalogs({ 'sales.by_region': `${BY_REGION} ORDER BY 1` });
  expect((await (await other.open('marts.sales.by_region')).snapshot()).tableId).not.toBe(before.tableId);
});

it('reads only the columns that its query needs', async () => {
  const view = await catalogs({ 'sales.by_region': BY_REGION }).open('marts.sales.by_region');
  await using relation = await view.openRelation(await view.snapshot(), 1);
  const connection = await engine.connect();
  const plan = String((await connection.runAndReadAll(`explain ${relation.parts[0]}`)).getRowsJson());
  connection.closeSync();
  expect(plan).toContain('amount');
  expect(plan).not.toContain('note');
});

it('reads tables of an object store', async () => {
  await using store = await S3FolderServer.start(lake.root);
  const remote = { kind: 'path', root: `s3://${BUCKET}/`, storage: store.settings };
  const set = catalogs({ 'sales.top': 'select max(id) as top from remote.gold.orders' }, { remote });
  expect(await rows(await set.open('marts.sales.top'))).toEqual([['6']]);
});

it.each([
  ['a syntax error', 'selec 1', /syntax error/],
  ['two statements', 'select 1; select 2', /one query/],
  ['a statement that is none', 'drop table x', /SELECT/i],
  ['an unknown column', 'select colour from lake.gold.orders', /"colour" not found/],
  ['a function that reads files', "select * from read_csv('/etc/passwd')", /read_csv may not be used/],
  ['a function that is not the same each time', 'select random() as r from lake.gold.orders', /no function random/],
  ['a change feed', 'select * from stream(lake.gold.orders)', /stream or a change feed/],
  ['a name of four parts', 'select * from a.b.c.d', /./],
  ['two columns of one name', 'select id, id as ID from lake.gold.orders', /several columns named/],
  ['itself', 'select * from sales.v', /reads itself, by way of marts\.sales\.v/],
  ['itself by way of another', 'select * from w', /by way of marts\.sales\.w, marts\.sales\.v/],
])('refuses %s', async (_, sql, words) => {
  const set = catalogs({ 'sales.v': sql, 'sales.w': 'select * from v' });
  const opened = set.open('marts.sales.v').then((table) => table.snapshot());
  await expect(opened).rejects.toMatchObject({
    code: 'VIEW_INVALID',
    message: expect.stringMatching(words),
  });
});

it('says which table below cannot be read, and which view there is not', async () => {
  const set = catalogs({ 'sales.v': 'select * from lake.gold.nope' });
  await expect(set.open('marts.sales.v')).rejects.toMatchObject({
    code: 'SOURCE_TABLE_NOT_FOUND',
    message: expect.stringContaining('lake.gold.nope'),
  });
  await expect(set.open('marts.sales.w')).rejects.toMatchObject({ code: 'SOURCE_TABLE_NOT_FOUND' });
});

it('is listed, page by page, and one that cannot be read without its columns', async () => {
  const set = catalogs({
    'a.one': 'select 1 as n',
    'a.two': 'select nope',
    'b.three': { sql: 'select 3 as n', comment: 'c' },
  });
  const browser = set.browser('marts');
  expect(await browser?.schemas({ size: 1, token: null })).toEqual({ items: ['a'], next: 'a' });
  expect(await browser?.schemas({ size: 1, token: 'a' })).toEqual({ items: ['b'], next: null });
  const listed = await browser?.tables('a', { size: 10, token: null, columns: true });
  expect(listed?.items.map(({ table, type, columns }) => [table, type, columns?.map(({ name }) => name)])).toEqual([
    ['one', 'VIEW', ['n']],
    ['two', 'VIEW', undefined],
  ]);
  expect(await browser?.table('b', 'three', { columns: false })).toMatchObject({ comment: 'c', columns: null });
  expect(await browser?.table('b', 'four', { columns: false })).toBeNull();
});

it('is found out by a probe, without opening the tables below', async () => {
  const failures = await catalogs({ 'a.one': 'select * from lake.gold.nope', 'a.two': 'selec' }).probe();
  expect([...failures.keys()]).toEqual(['marts']);
  expect(failures.get('marts')).toMatchObject({
    code: 'VIEW_INVALID',
    message: expect.stringContaining('marts.a.two'),
  });
});
