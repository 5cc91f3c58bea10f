import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pathCatalog } from '../../../../src/lake/catalog/path-catalog.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';

// Goal: a table of another format is named as what it is, not as missing.

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

const open = (table: string) =>
  pathCatalog({
    root,
    engine,
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
    storage: { patience: { timeoutMs: 5_000, attemptsMax: 1 } },
    spool: { bytesMax: 1_000_000, fetchesMax: 1 },
  }).open({ catalog: 'lake', schema: 's', table });

it.each([
  ['ice', 'metadata/00001-abc.metadata.json', 'Iceberg'],
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
