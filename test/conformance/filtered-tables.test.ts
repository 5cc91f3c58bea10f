import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asSyncedTablesError } from '../../src/core/errors.js';
import { openDeltaTable } from '../../src/lake/delta/delta-table.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { FilteredRows } from '../support/filtered-rows.js';
import { icebergTable } from '../support/iceberg-rows.js';
import { sharedData } from '../support/shared-data.js';

// Goal: whatever other writers state of the values in their files, a filter has the rows that it has over all rows.

const shared = sharedData();
/** Tables of a million rows, which take a while and have one file. */
const LARGE = new Set(['golden-parquet-decimal-dictionaries', 'rs-COVID-19_NYT', 'icebird-java-bunnies']);
/** Of each table; the long form takes more. */
const COLUMNS_MAX = process.env.TEST_LONG === '1' ? 8 : 2;

let engine: Engine;
let connection: DuckDBConnection;
beforeAll(async () => {
  engine = await openEngine();
  connection = await engine.connect();
});
afterAll(async () => {
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
});

function tableOf(format: 'delta' | 'iceberg', root: string): LakeTable {
  if (format === 'iceberg') return icebergTable({ engine, root, allowOutsidePaths: true });
  return openDeltaTable({
    engine,
    store: localFileStore,
    root,
    tableName: 'lake.shared.table',
    allowOutsidePaths: true,
    partitionTimeZone: 'UTC',
  });
}

const FIXTURES = path.resolve(import.meta.dirname, '../fixtures/delta');

function rootsOf(format: 'delta' | 'iceberg'): string[] {
  const within = (folder: string) => {
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => !LARGE.has(name)) : [];
    return names.map((name) => path.join(folder, name));
  };
  if (format === 'iceberg') return within(`${shared}/iceberg`);
  return [...within(`${shared}/delta`), ...within(FIXTURES)].map((folder) => path.join(folder, 'table'));
}

describe.skipIf(shared === null).each(['delta', 'iceberg'] as const)('%s tables of other writers', (format) => {
  it('have the rows of a filter that they have over all rows', { timeout: 600_000 }, async () => {
    let tables = 0;
    let conditions = 0;
    let skipped = 0;
    for (const root of rootsOf(format)) {
      const table = tableOf(format, root);
      let filtered: FilteredRows;
      try {
        // Of one without columns there is nothing to filter.
        if ((await table.describe()).columns.length === 0) continue;
        filtered = await FilteredRows.read(table, connection);
      } catch (error) {
        // Tables that are refused, with a filter and without.
        if (asSyncedTablesError(error) === null) throw error;
        continue;
      }
      tables += 1;
      for (const condition of await filtered.conditions(COLUMNS_MAX)) {
        const { filesRead } = await filtered.expectEqual(condition, root);
        conditions += 1;
        skipped += (filesRead?.allFiles ?? 0) - (filesRead?.files ?? 0);
      }
    }
    console.info(`${format}: ${conditions} conditions on ${tables} tables left out ${skipped} files`);
    expect(tables).toBeGreaterThan(format === 'delta' ? 30 : 5);
    expect(skipped).toBeGreaterThan(0);
  });
});
