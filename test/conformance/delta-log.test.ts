import { existsSync, readdirSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDeletionVector } from '../../src/lake/delta/deletion-vectors/deletion-vector-reader.js';
import { duckDbCheckpointReader, escapeGlob } from '../../src/lake/delta/log/duckdb-checkpoint-reader.js';
import { describeDeltaTable } from '../../src/lake/delta/snapshot/delta-description.js';
import { type DeltaSnapshot, openDeltaSnapshot } from '../../src/lake/delta/snapshot/delta-snapshot.js';
import { openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { sharedData } from '../support/shared-data.js';
import { readExpectations } from '../support/shared-expectations.js';

// Goal: the replayed log of tables written by real engines gives exactly the rows that the data set's README states,
// and tables that are broken or too new are refused with a clear error.

const shared = sharedData();
const hasData = shared !== null;
const DATA = shared ?? '';

const expectations = readExpectations();

let instance: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  connection = await instance.connect();
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

function open(name: string, version?: bigint): Promise<DeltaSnapshot> {
  return openDeltaSnapshot({
    store: localFileStore,
    root: `${DATA}/delta/${name}/table`,
    tableName: `test.delta.${name}`,
    readCheckpoint: duckDbCheckpointReader(connection, { store: localFileStore, scratchFolder: '' }),
    ...(version === undefined ? {} : { version }),
  });
}

async function countParquetRows(paths: readonly string[]): Promise<bigint> {
  if (paths.length === 0) return 0n;
  const list = paths.map((path) => `'${escapeGlob(path).replaceAll("'", "''")}'`).join(', ');
  const result = await connection.runAndReadAll(`select sum(num_rows)::bigint from parquet_file_metadata([${list}])`);
  return result.getRows()[0]?.[0] as bigint;
}

/** Rows of the live files less the positions that their deletion vectors really hold. */
async function countLiveRows(snapshot: DeltaSnapshot): Promise<bigint> {
  let rows = await countParquetRows(snapshot.files.map((file) => file.path));
  for (const { path, deletionVector } of snapshot.files) {
    if (deletionVector === null) continue;
    const { root, tableName, version } = snapshot;
    const vector = await readDeletionVector({
      store: localFileStore,
      root,
      tableName,
      dataFile: path,
      descriptor: deletionVector,
      version,
    });
    let delivered = 0n;
    for (const chunk of vector.positions()) delivered += BigInt(chunk.length);
    expect(delivered).toBe(deletionVector.cardinality);
    const last = [...vector.positions()].at(-1)?.at(-1);
    if (last !== undefined) expect(last).toBeLessThan(await countParquetRows([path]));
    rows -= delivered;
  }
  return rows;
}

function parquetFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /(^|\/)[^./_][^/]*\.parquet$/.test(name)).map((name) => `${folder}/${name}`);
}

describe.skipIf(!hasData)('logs of real Delta tables (skipped where ../shared/data is absent)', () => {
  it('knows a table for every line of the README', () => {
    expect(expectations.map(([name]) => name).sort()).toEqual(readdirSync(`${DATA}/delta`).sort());
  });

  for (const [name, expected] of expectations) {
    switch (expected.kind) {
      case 'rows':
        it(`${name} has ${expected.rows} rows`, async () => {
          const snapshot = await open(name);
          expect(await countLiveRows(snapshot)).toBe(expected.rows);
          const shipped = parquetFiles(`${DATA}/delta/${name}/expected/latest`);
          if (shipped.length > 0) expect(await countParquetRows(shipped)).toBe(expected.rows);
          for (const [version, rows] of expected.rowsByVersion) {
            expect(await countLiveRows(await open(name, version))).toBe(rows);
          }
        });
        break;
      case 'liveFiles':
        it(`${name} has ${expected.count} live files`, async () => {
          expect((await open(name)).files).toHaveLength(expected.count);
        });
        break;
      case 'refused':
        it(`${name} is refused, naming the feature or version`, async () => {
          const unsupported = {
            code: 'DELTA_UNSUPPORTED_FEATURE',
            message: expect.stringMatching(/reader version \d+|reader features? \w+/),
          };
          const managed = { code: 'DELTA_CATALOG_MANAGED' };
          await expect(open(name)).rejects.toMatchObject(/catalog_managed/.test(name) ? managed : unsupported);
        });
        break;
      case 'broken':
        it(`${name} fails with a clear error`, async () => {
          await expect(open(name)).rejects.toMatchObject({ code: expect.stringMatching(/^DELTA_LOG_(GAP|CORRUPT)$/) });
        });
        break;
    }
  }

  it('describes every table from its metadata alone as its snapshot does', async () => {
    await using engine = await openEngine();
    for (const [name, { kind }] of expectations) {
      if (kind !== 'rows' && kind !== 'liveFiles') continue;
      const { tableId, columns, configuration, partitionColumns, hasChangeFeed } = await open(name);
      const root = `${DATA}/delta/${name}/table`;
      const found = await describeDeltaTable({ store: localFileStore, root, tableName: name, engine });
      expect(found).toMatchObject({ tableId, columns, configuration, partitionColumns, hasChangeFeed });
    }
  });

  it('names the missing version of golden-versions-not-contiguous', async () => {
    await expect(open('golden-versions-not-contiguous')).rejects.toMatchObject({
      code: 'DELTA_LOG_GAP',
      message: expect.stringContaining('version 1 is missing'),
    });
  });

  it('takes physical names and ids from column mapping', async () => {
    const snapshot = await open('golden-table-with-columnmapping-mode-id');
    expect(snapshot.mappingMode).toBe('id');
    for (const column of snapshot.columns) {
      expect(column.physicalName).toMatch(/^col-/);
      expect(column.fieldId).toBeTypeOf('number');
    }
  });

  it('gives partition values under physical names', async () => {
    const snapshot = await open('kernel-data-reader-partition-values-column-mapping-name');
    const physicalNames = snapshot.columns
      .filter((column) => snapshot.partitionColumns.includes(column.name))
      .map((column) => column.physicalName);
    expect(physicalNames.length).toBeGreaterThan(10);
    for (const file of snapshot.files) expect([...file.partitionValues.keys()].sort()).toEqual(physicalNames.sort());
  });
});
