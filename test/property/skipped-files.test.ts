import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDeltaTable } from '../../src/lake/delta/delta-table.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { FilteredRows } from '../support/filtered-rows.js';
import { fetchedStore, icebergTable } from '../support/iceberg-rows.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import { StatisticsIceberg } from '../support/statistics-iceberg.js';
import { StatisticsTable } from '../support/statistics-table.js';

// Goal: files that are left out by what the log states of their values never held a wanted row, however writers round, cut
// or leave out what they state; and the rows of a filter are those that it has over all rows.

const seed = propertySeed('files that statistics rule out');
const TABLES = Number(process.env.PROPERTY_RUNS ?? (process.env.TEST_LONG === '1' ? 300 : 4));
const FILTERS = 10;

let engine: Engine;
let connection: DuckDBConnection;
const folder = mkdtempSync(path.join(tmpdir(), 'skipped-files-'));
beforeAll(async () => {
  engine = await openEngine();
  connection = await engine.connect();
});
afterAll(async () => {
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function checkTable(
  format: 'delta' | 'iceberg',
  run: number,
): Promise<{ skipped: number; read: number; chosen: number }> {
  const random = new Random(seed + run);
  const root = path.join(folder, `${format}${run}`);
  const written =
    format === 'delta'
      ? new StatisticsTable({ random, connection, root })
      : new StatisticsIceberg({ random, connection, root });
  await written.write();
  const isFetched = random.chance(0.3);
  const store = isFetched ? fetchedStore() : localFileStore;
  const named = { root, tableName: 'lake.test.files', allowOutsidePaths: false, partitionTimeZone: 'UTC' };
  const table: LakeTable =
    format === 'delta' ? openDeltaTable({ ...named, engine, store }) : icebergTable({ engine, root, store });
  const filtered = await FilteredRows.read(table, connection);
  const found = { skipped: 0, read: 0, chosen: 0 };
  for (let n = 0; n < FILTERS; n++) {
    const where = `${format}, seed ${seed}, run ${run}, isFetched ${isFetched}`;
    const { filesRead, rows } = await filtered.expectEqual(written.condition(), where);
    const { files = -1, allFiles = -1 } = filesRead ?? {};
    expect(allFiles, where).toBe(written.fileCount);
    expect(files, where).toBeGreaterThanOrEqual(0);
    found.read += files;
    found.skipped += allFiles - files;
    found.chosen += rows;
  }
  return found;
}

const FORMATS = ['delta', 'iceberg'] as const;

it.each(FORMATS)(
  'reads every row that a filter wants of a table of %s, and fewer files',
  { timeout: 20_000 + TABLES * 12_000 },
  async (format) => {
    const total = { skipped: 0, read: 0, chosen: 0 };
    for (let run = 0; run < TABLES; run++) {
      const found = await checkTable(format, run);
      total.skipped += found.skipped;
      total.read += found.read;
      total.chosen += found.chosen;
      rmSync(path.join(folder, `${format}${run}`), { recursive: true, force: true });
    }
    console.info(`${format}: ${total.read} files read, ${total.skipped} left out, ${total.chosen} rows`);
    // Enough of each that the test says something.
    expect(total.skipped).toBeGreaterThan(TABLES * 6);
    expect(total.chosen).toBeGreaterThan(TABLES * 20);
  },
);
