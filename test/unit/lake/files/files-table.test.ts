import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dataTypeText } from '../../../../src/core/data-type.js';
import { engineReason } from '../../../../src/core/reasons/engine-reason.js';
import type { CatalogSet } from '../../../../src/lake/catalog/catalog.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../../src/lake/lake-table.js';
import { beginPass, partsOf } from '../../../../src/lake/relation/relation-pass.js';
import { settingsSchema } from '../../../../src/settings/settings-schema.js';
import { openCatalogs } from '../../../../src/sidecar/open-catalogs.js';
import { BUCKET, S3FolderServer } from '../../../support/s3-folder-server.js';

// Goal: Parquet, CSV and JSON files are tables, from disk and stores alike: every row once, in types that all values fit or
// in those of the settings, partitions of folders included; what cannot be one table is refused by name.

let engine: Engine;
let root: string;
let store: S3FolderServer;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'test-files-'));
  store = await S3FolderServer.start(root);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

function write(name: string, content: string | Buffer): string {
  const file = path.join(root, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

async function writeParquet(name: string, select: string): Promise<void> {
  const file = write(name, '');
  const connection = await engine.connect();
  await connection.run(`copy (${select}) to '${file}' (format parquet)`);
  connection.closeSync();
}

type Place = 'disk' | 'store';

function catalogs(place: Place, tables: Record<string, unknown>, spool_mb = 16): CatalogSet {
  const files =
    place === 'disk'
      ? { kind: 'files', root, tables }
      : { kind: 'files', root: `s3://${BUCKET}`, storage: store.settings, tables };
  return openCatalogs(settingsSchema.parse({ catalogs: { f: files }, storage: { attempts: 1, spool_mb } }), engine);
}

const open = (place: Place, files: unknown) => catalogs(place, { 's.t': files }).open('f.s.t');

async function rows(table: LakeTable): Promise<unknown[][]> {
  await using relation = await table.openRelation(await table.snapshot(), 2);
  const pass = beginPass(relation);
  const connection = await engine.connect();
  const found: unknown[][] = [];
  try {
    for await (const part of partsOf(pass)) found.push(...(await connection.runAndReadAll(part)).getRowsJson());
    await relation.requireUnchanged?.();
  } finally {
    connection.closeSync();
    await pass[Symbol.asyncDispose]();
  }
  return found.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

async function types(table: LakeTable): Promise<string[]> {
  return (await table.snapshot()).columns.map(({ name, type }) => `${name} ${dataTypeText(type)}`);
}

describe.each(['disk', 'store'] as const)('files of the %s', (place) => {
  it('are Parquet files with different columns, in folders of partitions', async () => {
    await writeParquet('sales/day=2026-01-01/region=a%2Fb/1.parquet', `select 1::bigint as id, 'x' as name`);
    await writeParquet('sales/day=2026-01-02/region=c/1.parquet', `select 2::bigint as id, 2.5::decimal(4,1) as price`);
    await writeParquet('sales/day=2026-01-02/region=__HIVE_DEFAULT_PARTITION__/1.parquet', `select 3::bigint as id`);
    write('sales/_SUCCESS', '');
    write('sales/day=2026-01-02/region=c/.1.parquet.crc', 'crc');
    const table = await open(place, { path: 'sales', format: 'parquet' });
    expect(await types(table)).toEqual(['id long', 'name string', 'price decimal(4,1)', 'day string', 'region string']);
    expect(await rows(table)).toEqual([
      ['1', 'x', null, '2026-01-01', 'a/b'],
      ['2', null, '2.5', '2026-01-02', 'c'],
      ['3', null, null, '2026-01-02', null],
    ]);
    const typed = await open(place, { path: 'sales/**/*.parquet', columns: { Day: 'date', id: 'bigint' } });
    expect(await types(typed)).toEqual(['Day date', 'id long']);
    expect(await rows(typed)).toEqual([
      ['2026-01-01', '1'],
      ['2026-01-02', '2'],
      ['2026-01-02', '3'],
    ]);
  });

  it('are read as far as what is wanted of them may be in them', async () => {
    await writeParquet('sales/day=2026-01-01/1.parquet', 'select 1 as id, 2 as amount');
    await writeParquet('sales/day=2026-01-02/1.parquet', 'select 3 as id, 4 as amount');
    const table = await open(place, { path: 'sales', format: 'parquet' });
    const sql = `"day" = '2026-01-02'`;
    const condition = { sql, conjuncts: [{ sql, columns: ['day'], bounds: null }] };
    await using relation = await table.openRelation(await table.snapshot(), 2, { columns: ['id', 'day'], condition });
    expect(relation.files?.flat().map((file) => file.path.split('/').at(-2))).toEqual(['day=2026-01-02']);
    expect(relation.parts.join()).not.toContain('amount');
  });

  it('are CSV files, whose types all rows decide', async () => {
    const numbers = Array.from({ length: 30_000 }, (_, n) => `${n},${n % 2 === 0},`).join('\n');
    write('in/a.csv', `id,flag,late\n${numbers}\n`);
    write('in/b.csv', 'late,id\n"a ""quoted"", text",30000\n');
    write('in/c.txt', 'none of it');
    const table = await open(place, 'in/*.csv');
    expect(await types(table)).toEqual(['id long', 'flag boolean', 'late string']);
    const found = await rows(table);
    expect(found).toHaveLength(30_001);
    expect(found).toContainEqual(['30000', null, 'a "quoted", text']);
  });

  it('are CSV files as the settings describe them', async () => {
    write('in/2026/a.csv', '1;00042;NULL\n2;7;x\n');
    write('in/2026/b.csv.gz', gzipSync('3;8;ü\n'));
    const table = await open(place, {
      path: 'in/2026/*',
      format: 'csv',
      columns: { id: 'int', code: 'string', note: 'string' },
      csv: { header: false, delimiter: ';', null: 'NULL' },
      primary_key: ['id'],
    });
    expect(table.declared?.primaryKey).toEqual(['id']);
    expect(await types(table)).toEqual(['id integer', 'code string', 'note string']);
    expect(await rows(table)).toEqual([
      [1, '00042', null],
      [2, '7', 'x'],
      [3, '8', 'ü'],
    ]);
  });

  it('are JSON lines, with nested values, in folders of partitions', async () => {
    write('log/kind=a/1.jsonl', '{"id":1,"tags":["x","y"],"at":{"n":1}}\n{"id":2}\n');
    write('log/kind=b/1.jsonl', '{"id":3,"more":true}\n');
    const table = await open(place, 'log/*/*.jsonl');
    expect(await types(table)).toEqual([
      'id long',
      'tags array<string>',
      'at struct<n:long>',
      'more boolean',
      'kind string',
    ]);
    expect(await rows(table)).toEqual([
      ['1', ['x', 'y'], { n: '1' }, null, 'a'],
      ['2', null, null, null, 'a'],
      ['3', null, null, true, 'b'],
    ]);
    const typed = await open(place, { path: 'log', format: 'json', columns: { id: 'decimal(5,1)', kind: 'string' } });
    expect(await rows(typed)).toEqual([
      ['1.0', 'a'],
      ['2.0', 'a'],
      ['3.0', 'b'],
    ]);
  });

  it('are told from others by their bookmark', async () => {
    const file = write('in/a.csv', 'id\n1\n');
    utimesSync(file, 1_700_000_000, 1_700_000_000);
    const table = await open(place, 'in/a.csv');
    const before = await table.snapshot();
    expect(await table.snapshot()).toMatchObject({ bookmark: before.bookmark, version: before.version });
    if (place === 'disk') expect(before.version).toBe(1_700_000_000_000n);
    write('in/a.csv', 'id\n2\n');
    utimesSync(file, 1_700_000_001, 1_700_000_001);
    const after = await table.snapshot();
    expect(after).toMatchObject({ tableId: before.tableId });
    expect(after.bookmark).not.toBe(before.bookmark);
  });

  it('are refused where they are no table', async () => {
    await expect((await open(place, 'none/*.csv')).snapshot()).rejects.toMatchObject({
      code: 'SOURCE_TABLE_NOT_FOUND',
      message: expect.stringContaining('no file matches'),
    });
    write('mixed/1.csv', 'id\n1\n');
    write('mixed/day=1/1.csv', 'id\n1\n');
    await expect((await open(place, { path: 'mixed', format: 'csv' })).snapshot()).rejects.toMatchObject({
      code: 'FILES_INVALID',
      message: expect.stringContaining('partitioned in different ways'),
    });
    write('bad/1.parquet', 'no parquet at all');
    await expect((await open(place, 'bad/*.parquet')).snapshot()).rejects.toMatchObject({
      code: 'SOURCE_FILE_CORRUPT',
    });
    write('bad/1.json', '{"secret": 4711');
    await expect((await open(place, 'bad/1.json')).snapshot()).rejects.toMatchObject({
      code: 'FILES_INVALID',
      message: expect.stringMatching(/line \d of 1\.json is not valid JSON\.$/),
    });
    write('bad/1.csv', 'id,note\n1,x\nsecret,y\n');
    const csv = await open(place, { path: 'bad/1.csv', columns: { id: 'int' } });
    const failure: unknown = await rows(csv).catch((error: unknown) => error);
    expect(engineReason(failure)).toBe('line 3 of 1.csv does not fit the columns');
    const colour = await open(place, { path: 'bad/1.csv', columns: { colour: 'int' } });
    await expect(colour.snapshot()).rejects.toMatchObject({ message: expect.stringContaining('"colour"') });
    await writeParquet('some/1.parquet', 'select 1 as id');
    const unknown = await open(place, { path: 'some/1.parquet', columns: { id: 'int', colour: 'string' } });
    await expect(unknown.snapshot()).rejects.toMatchObject({
      code: 'FILES_INVALID',
      message: expect.stringMatching(/"colour" of the settings; they have id/),
    });
  });
});

it('says when the spool is too small for text files of a store', async () => {
  write('in/a.csv', `id\n${'1234567\n'.repeat(200_000)}`);
  const table = await catalogs('store', { 's.t': 'in/a.csv' }, 1).open('f.s.t');
  await expect(table.snapshot()).rejects.toMatchObject({ code: 'SPOOL_TOO_SMALL' });
});

it('does not follow links out of its root', async () => {
  const outside = mkdtempSync(path.join(tmpdir(), 'test-outside-'));
  writeFileSync(path.join(outside, 'secret.csv'), 'id\n1\n');
  write('in/a.csv', 'id\n1\n');
  symlinkSync(path.join(outside, 'secret.csv'), path.join(root, 'in/b.csv'));
  const found = open('disk', 'in/b.csv').then(rows);
  await expect(found).rejects.toMatchObject({
    code: expect.stringMatching(/SOURCE_PATH_OUTSIDE|SOURCE_TABLE_NOT_FOUND/),
  });
  rmSync(outside, { recursive: true });
});

it.each([
  ['../x.csv', 'a path below the root'],
  ['x', 'since the path does not show it'],
  [{ path: 'x.csv', columns: { a: 'varchar' } }, 'a type such as'],
])('refuses settings such as %j', (files, words) => {
  const parsed = settingsSchema.safeParse({ catalogs: { f: { kind: 'files', root: '/x', tables: { 's.t': files } } } });
  expect(JSON.stringify(parsed.error?.issues)).toContain(words);
});
