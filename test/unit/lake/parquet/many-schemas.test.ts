import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { groupByParquetSchema } from '../../../../src/lake/parquet/parquet-schema.js';

// Goal: the files of a stream's many commits are told apart by their schemas in little memory, however many they are.

const FILES = 2_000;
const MEMORY_MB = 16;
/** Files that are written at a time, each open meanwhile. */
const OPEN_MAX = 250;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'many-schemas-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('groups two thousand files in an engine that could not hold the nodes of all', async () => {
  await using writer = await openEngine();
  const connection = await writer.connect();
  const wide = Array.from({ length: 12 }, (_, n) => `n as c${n}`).join(', ');
  for (let first = 0; first < FILES; first += OPEN_MAX) {
    const columns = first < FILES / 2 ? wide : `${wide}, [n] as list`;
    await connection.run(
      `copy (select ${columns}, n from range(${first}, ${first + OPEN_MAX}) r(n))
         to '${folder}' (format parquet, partition_by (n), overwrite_or_ignore)`,
    );
  }
  connection.closeSync();
  const pathOf = (n: string) => join(folder, n, readdirSync(join(folder, n))[0] ?? '');
  const paths = readdirSync(folder).map(pathOf);
  await using engine = await openEngine({ memoryLimitMb: MEMORY_MB });
  const reader = await engine.connect();
  const groups = await groupByParquetSchema(reader, paths);
  reader.closeSync();
  const found = groups.map(({ columns, paths: files }) => [columns.length, files.length] as const);
  expect(found.toSorted(([a], [b]) => a - b)).toEqual([
    [12, FILES / 2],
    [13, FILES / 2],
  ]);
  for (const { paths: files } of groups) expect(files).toEqual([...files].sort());
  expect(groups.flatMap(({ paths: files }) => files).sort()).toEqual([...paths].sort());
});
