import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pathCatalog } from '../../../../src/lake/catalog/path-catalog.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { IcebergWriter } from '../../../support/iceberg-writer.js';

// Goal: a catalog of folders opens and lists tables of Delta and of Iceberg; a table of another format is named as what
// it is, not as missing.

const root = mkdtempSync(path.join(tmpdir(), 'catalog-'));
let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ memoryLimitMb: 64 });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

/** A table folder with an empty file. */
function tableWith(table: string, file: string): void {
  const full = path.join(root, 's', table, file);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, '');
}

const catalog = () =>
  pathCatalog({
    root,
    engine,
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
    storage: { patience: { timeoutMs: 5_000, attemptsMax: 1 } },
    spool: { bytesMax: 1_000_000, fetchesMax: 1 },
  });
const open = (table: string) => catalog().open({ catalog: 'lake', schema: 's', table });

it.each([
  ['hudi', '.hoodie/hoodie.properties', 'Hudi'],
  ['plain', 'part-0.snappy.parquet', 'parquet (files without a log)'],
  ['parted', 'day=2024-01-01/part-0.parquet', 'partitioned files without a log'],
])('%s', async (table, file, format) => {
  tableWith(table, file);
  await expect(open(table)).rejects.toMatchObject({
    code: 'SOURCE_FORMAT_UNSUPPORTED',
    message: `Source table lake.s.${table} is of format ${format}, which cannot be read.`,
  });
});

it('an empty folder is no table', async () => {
  mkdirSync(path.join(root, 's', 'empty'));
  await expect(open('empty')).rejects.toMatchObject({ code: 'SOURCE_TABLE_NOT_FOUND' });
});

it('opens and lists Iceberg tables beside those of Delta', async () => {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  const folder = path.join(root, 'ice', 'events');
  const byDay = { name: 'day', transform: 'identity', 'source-id': 2, 'field-id': 1000, avro: 'int' };
  const table = new IcebergWriter(connection, folder, {
    fields: [
      { id: 1, name: 'id', type: 'uuid', required: true, doc: 'who' },
      { id: 2, name: 'day', type: 'date' },
    ],
    partitionFields: [byDay],
    properties: { owner: 'me' },
  });
  table.writeMetadata();
  const protocol = { protocol: { minReaderVersion: 1, minWriterVersion: 2 } };
  const schemaString = JSON.stringify({ type: 'struct', fields: [{ name: 'a', type: 'long', nullable: true }] });
  const metaData = { id: 'd', format: { provider: 'parquet' }, schemaString, partitionColumns: [], configuration: {} };
  mkdirSync(path.join(root, 'ice/delta/_delta_log'), { recursive: true });
  writeFileSync(
    path.join(root, 'ice/delta/_delta_log/00000000000000000000.json'),
    `${JSON.stringify(protocol)}\n${JSON.stringify({ metaData })}\n`,
  );
  mkdirSync(path.join(root, 'ice/broken/metadata'), { recursive: true });
  writeFileSync(path.join(root, 'ice/broken/metadata/v1.metadata.json'), '{');
  mkdirSync(path.join(root, 'ice/none/metadata'), { recursive: true });
  const outside = mkdtempSync(path.join(tmpdir(), 'catalog-outside-'));
  mkdirSync(path.join(outside, 'metadata'));
  writeFileSync(path.join(outside, 'metadata/v1.metadata.json'), '{');
  symlinkSync(outside, path.join(root, 'ice/elsewhere'));

  const opened = await catalog().open({ catalog: 'lake', schema: 'ice', table: 'events' });
  expect(await opened.snapshot()).toMatchObject({ version: 0n, tableId: table.uuid });
  const browser = catalog().browser('lake');
  const { items } = await browser.tables('ice', { size: 10, token: null, columns: true });
  expect(items.map(({ table, format, columns }) => [table, format, columns?.length ?? null])).toEqual([
    ['broken', 'ICEBERG', null],
    ['delta', 'DELTA', 1],
    ['events', 'ICEBERG', 2],
  ]);
  expect(await browser.table('ice', 'events', { columns: true })).toMatchObject({
    id: table.uuid,
    properties: { owner: 'me' },
    columns: [
      { name: 'id', nullable: false, comment: 'who', partitionIndex: null, type: { name: 'STRING' } },
      { name: 'day', nullable: true, partitionIndex: 0, type: { name: 'DATE' } },
    ],
  });
  expect(await browser.table('ice', 'none', { columns: true })).toBeNull();
  expect(await browser.table('ice', 'elsewhere', { columns: true })).toBeNull();
  const broken = await catalog().open({ catalog: 'lake', schema: 'ice', table: 'broken' });
  await expect(broken.describe()).rejects.toMatchObject({ code: 'ICEBERG_METADATA_CORRUPT' });
  rmSync(outside, { recursive: true });
  connection.closeSync();
});
