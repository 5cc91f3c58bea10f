import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDeltaTable } from '../../src/lake/delta/delta-table.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { FilteredRows } from '../support/filtered-rows.js';
import { readIcebergRows as readRows } from '../support/iceberg-rows.js';
import { sharedData } from '../support/shared-data.js';
import { readExpectations } from '../support/shared-expectations.js';
import { openShared } from '../support/shared-table.js';
import { SharingServer } from '../support/sharing-server.js';

// Goal: a table that a sharing server gives file by file has the rows and the changes that it has in its place, whatever
// features it uses: deletion vectors, column mapping, widened types, odd names, odd partitions.

const SHARED = `${sharedData()}/delta`;

/** A million rows show nothing that a thousand do not; and names of vectors that only a listing finds, which servers make. */
const LEFT_OUT = new Set(['golden-parquet-decimal-dictionaries', 'rs-COVID-19_NYT', 'spark-table-with-dv-large']);
/** Their commits alone do not count. */
const MANAGED = /catalog_managed/;
/** The hard ones; the long form takes all. */
const HARD =
  process.env.TEST_LONG === '1'
    ? /./
    : /cdf|dv|deletion_vectors|mapping|widening|variant|void|special|escaped|partition|ntz|nested/;

/** Tables whose whole log is there: the server of these tests reads no checkpoints. */
const tables = readExpectations()
  .filter(([name, { kind }]) => kind === 'rows' && HARD.test(name) && !LEFT_OUT.has(name) && !MANAGED.test(name))
  .map(([name]) => name)
  .filter((name) => isWhole(readdirSync(`${SHARED}/${name}/table/_delta_log`)));

function isWhole(names: readonly string[]): boolean {
  const commits = names.filter((name) => /^\d{20}\.json$/.test(name)).sort();
  return commits.length > 0 && commits.every((name, version) => Number(name.slice(0, 20)) === version);
}

/** Columns of each table that filters are about, and files of a table: each filter asks the server for them. */
const [COLUMNS_MAX, FILES_MAX] = process.env.TEST_LONG === '1' ? [8, Number.POSITIVE_INFINITY] : [1, 9];

let engine: Engine;
let server: SharingServer;
beforeAll(async () => {
  engine = await openEngine();
  server = await SharingServer.start();
  server.pageSize = 3;
  for (const name of tables) {
    const folder = `${SHARED}/${name}/table`;
    server.tables.set(`gold.${name.toLowerCase()}`, { folder, hasHistory: true });
  }
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await engine?.[Symbol.asyncDispose]();
});

function inPlace(name: string): LakeTable {
  const root = `${SHARED}/${name}/table`;
  const options = { allowOutsidePaths: true, partitionTimeZone: 'UTC' };
  return openDeltaTable({ engine, store: localFileStore, root, tableName: 'shop.gold.t', ...options });
}

function asShared(name: string): Promise<LakeTable> {
  return openShared(server, { engine, schema: 'gold', table: name });
}

/** All changes after version 0 as texts, or the code of what is in the way. */
async function changesOf({ changeFeed }: LakeTable): Promise<string[] | string> {
  try {
    const relation = await changeFeed?.changes({ from: 0n, allowFileDiff: false, schemaPolicy: 'follow' });
    if (!relation) return 'none';
    await using _ = relation;
    await relation.fetch();
    const connection = await engine.connect();
    const columns = [...relation.end.columns.map((_, n) => `c${n}`), '_change_type', '_commit_version'];
    const names = [...relation.end.columns.map((_, n) => `c${n}`), '_change_type', '_commit_version', '_at'];
    const found = await connection.runAndReadAll(
      `select concat_ws('|', ${columns.map((column) => `coalesce(${column}::varchar, '∅')`).join(', ')})
         from (${relation.select}) r(${names.join(', ')})`,
    );
    connection.closeSync();
    return found
      .getRowsJson()
      .map(([row]) => String(row))
      .sort();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

describe.skipIf(!existsSync(SHARED))('tables of other engines', () => {
  it('are there, with the features that make them hard', () => {
    expect(tables.length).toBeGreaterThan(20);
    expect(tables).toEqual(
      expect.arrayContaining(['dat-deletion_vectors', 'dat-column_mapping', 'krs-cdf-table-with-dv']),
    );
  });

  it.each(tables)('%s has the same rows', async (name) => {
    const expected = await readRows(inPlace(name));
    const found = await readRows(await asShared(name));
    expect(found.rows).toEqual(expected.rows);
    expect(found.snapshot).toMatchObject({
      version: expected.snapshot.version,
      tableId: expected.snapshot.tableId,
      columns: expected.snapshot.columns,
    });
  });

  it('have the rows of a filter that they have over all rows', async () => {
    const connection = await engine.connect();
    let skipped = 0;
    for (const name of tables) {
      const table = await asShared(name);
      const { fileCount, snapshot } = await table.details();
      if (snapshot.columns.length === 0 || fileCount > FILES_MAX) continue;
      const filtered = await FilteredRows.read(table, connection);
      for (const condition of await filtered.conditions(COLUMNS_MAX)) {
        const { filesRead } = await filtered.expectEqual(condition, name);
        skipped += (filesRead?.allFiles ?? 0) - (filesRead?.files ?? 0);
      }
    }
    connection.closeSync();
    expect(skipped).toBeGreaterThan(0);
  }, 600_000);

  const withFeed = tables.filter((name) => /cdf/.test(name));
  it.each(withFeed)('%s has the same changes', async (name) => {
    const expected = await changesOf(inPlace(name));
    const found = await changesOf(await asShared(name));
    // What was not recorded at some version, the server refuses as a whole.
    if (expected === 'CHANGE_DATA_FEED_INCOMPLETE') expect(found).toMatch(/^SHARE/);
    else expect(found).toEqual(expected);
  });
});
