import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quoteIdentifier } from '../../src/core/names.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import { compareRanges } from '../support/iceberg-changes.js';
import { icebergTable, readIcebergRows } from '../support/iceberg-rows.js';

// Goal: tables that PyIceberg wrote have, at every snapshot, the rows that PyIceberg reads from them: all types, changed
// columns, changed partitions, files of others, manifests of every compression; and that their changes lead from each
// snapshot to each later one.

const run = promisify(execFile);
const INSTALL_MS_MAX = 600_000;
const WRITE_MS_MAX = 300_000;

const python = await run(
  path.join(import.meta.dirname, 'install-pyiceberg.sh'),
  [path.join(tmpdir(), 'synced-tables-pyiceberg')],
  { timeout: INSTALL_MS_MAX },
).then(
  ({ stdout }) => stdout.trim(),
  (error: Error) => {
    process.stderr.write(`iceberg-tables.test.ts is skipped: PyIceberg cannot be installed (${error.message})\n`);
    return null;
  },
);

const folder = mkdtempSync(path.join(tmpdir(), 'pyiceberg-'));

describe.skipIf(python === null)('tables of PyIceberg', () => {
  let engine: Engine;
  let connection: DuckDBConnection;
  beforeAll(async () => {
    const script = path.join(import.meta.dirname, 'iceberg_tables.py');
    await run(python ?? '', [script, folder], { timeout: WRITE_MS_MAX });
    engine = await openEngine({ memoryLimitMb: 128 });
    connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    await connection.run(`set TimeZone = 'UTC'`);
  }, WRITE_MS_MAX);
  afterAll(async () => {
    connection?.closeSync();
    await engine?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What PyIceberg read, as texts. */
  async function expected(file: string): Promise<string[]> {
    const from = `read_parquet('${file}')`;
    const described = await connection.runAndReadAll(`select column_name from (describe select * from ${from})`);
    const texts = described.getRowsJson().map(([name]) => `coalesce(${quoteIdentifier(String(name))}::varchar, '∅')`);
    const sql = `select concat(${texts.join(`, '|', `)}) from ${from}`;
    return (await connection.runAndReadAll(sql))
      .getRowsJson()
      .map(([row]) => String(row))
      .sort();
  }

  const names = ['all_types', 'columns_that_change', 'files_of_others', 'partitions_that_change'];
  it.each(names)('%s', async (name) => {
    const table = icebergTable({ engine, root: path.join(folder, 'lake/ice', name) });
    const read = path.join(folder, 'read', name);
    const states = readdirSync(read).map((file) => file.replace('.parquet', ''));
    expect(states.length).toBeGreaterThan(3);
    for (const state of states) {
      const { rows, rowCount } = await readIcebergRows(table, state === 'current' ? {} : { version: BigInt(state) });
      expect(rows, state).toEqual(await expected(path.join(read, `${state}.parquet`)));
      expect(rowCount).toBe(BigInt(rows.length));
    }
    expect((await compareRanges(table)).ranges).toBeGreaterThan(1);
  });
});
