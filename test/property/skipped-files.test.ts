import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDeltaTable } from '../../src/lake/delta/delta-table.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import type { FileStore } from '../../src/lake/storage/file-store.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { FilteredRows } from '../support/filtered-rows.js';
import { fetchedStore, icebergTable } from '../support/iceberg-rows.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import { openShared } from '../support/shared-table.js';
import { SharingServer } from '../support/sharing-server.js';
import { StatisticsIceberg } from '../support/statistics-iceberg.js';
import { StatisticsTable } from '../support/statistics-table.js';

// Goal: files that are left out by what metadata states of their values never held a wanted row, however writers round, cut
// or leave out what they state; and the rows of a filter are those that it has over all rows.

const seed = propertySeed('files that statistics rule out');
const TABLES = Number(process.env.PROPERTY_RUNS ?? (process.env.TEST_LONG === '1' ? 300 : 4));
const FILTERS = 10;

let engine: Engine;
let connection: DuckDBConnection;
let sharing: SharingServer;
const folder = mkdtempSync(path.join(tmpdir(), 'skipped-files-'));
beforeAll(async () => {
  engine = await openEngine();
  connection = await engine.connect();
  sharing = await SharingServer.start();
});
afterAll(async () => {
  connection.closeSync();
  await sharing[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const FORMATS = ['delta', 'iceberg', 'delta-sharing'] as const;
type Format = (typeof FORMATS)[number];

async function writeTable(format: Format, options: { random: Random; connection: DuckDBConnection; root: string }) {
  const written =
    format === 'iceberg'
      ? new StatisticsIceberg(options)
      : // The sharing server of the tests reads no checkpoints.
        new StatisticsTable({ ...options, mayHaveCheckpoint: format === 'delta' });
  await written.write();
  return written;
}

interface WrittenTable {
  readonly written: StatisticsTable | StatisticsIceberg;
  readonly store: FileStore;
  readonly random: Random;
}

async function openTable(format: Format, { written, store, random }: WrittenTable): Promise<LakeTable> {
  const { root } = written;
  if (format === 'iceberg') return icebergTable({ engine, root, store });
  const named = { root, tableName: 'lake.test.files', allowOutsidePaths: false, partitionTimeZone: 'UTC' };
  if (format === 'delta') return openDeltaTable({ ...named, engine, store });
  sharing.tables.set('test.files', { folder: root });
  // Delta Sharing's own format has no tables whose columns have other names in the files.
  const isMapped = 'isMapped' in written && written.isMapped;
  sharing.formats = [isMapped || random.chance(0.5) ? 'delta' : 'parquet'];
  sharing.pageSize = random.pick([3, 1_000]);
  return openShared(sharing, { engine, schema: 'test', table: 'files' });
}

async function checkTable(format: Format, run: number): Promise<{ skipped: number; read: number; chosen: number }> {
  const random = new Random(seed + run);
  const root = path.join(folder, `${format}${run}`);
  const isFetched = format === 'delta-sharing' || random.chance(0.3);
  const written = await writeTable(format, { random, connection, root });
  const table = await openTable(format, { written, store: isFetched ? fetchedStore() : localFileStore, random });
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

/** Each file of a shared table takes requests. */
const tablesOf = (format: Format) => (format === 'delta-sharing' ? Math.ceil(TABLES / 2) : TABLES);

it.each(FORMATS)(
  'reads every row that a filter wants of a table of %s, and fewer files',
  { timeout: 20_000 + TABLES * 12_000 },
  async (format) => {
    const total = { skipped: 0, read: 0, chosen: 0 };
    const tables = tablesOf(format);
    for (let run = 0; run < tables; run++) {
      const found = await checkTable(format, run);
      total.skipped += found.skipped;
      total.read += found.read;
      total.chosen += found.chosen;
      rmSync(path.join(folder, `${format}${run}`), { recursive: true, force: true });
    }
    console.info(`${format}: ${total.read} files read, ${total.skipped} left out, ${total.chosen} rows`);
    // Enough of each that the test says something.
    expect(total.skipped).toBeGreaterThan(tables * 6);
    expect(total.chosen).toBeGreaterThan(tables * 20);
  },
);
