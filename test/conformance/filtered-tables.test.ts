import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asSyncedTablesError } from '../../src/core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
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
/** Types that conditions can be written about without more ado, by what a condition calls them. */
const TYPES: Readonly<Record<string, string>> = {
  long: 'bigint',
  integer: 'int',
  short: 'smallint',
  byte: 'tinyint',
  string: 'string',
  date: 'date',
  timestamp: 'timestamp',
  timestamp_ntz: 'timestamp_ntz',
};

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

/** Conditions about values that a column has: the least, one from the middle, the greatest. */
async function conditionsOn(column: string, kind: string, type: string): Promise<string[]> {
  const name = quoteIdentifier(column);
  const { rows } = await connection
    .runAndReadAll(
      `with v as (select distinct ${name} as value from all_rows where ${name} is not null),
            n as (select value, row_number() over (order by value) as place, count(*) over () as total from v)
       select value::varchar from n where place in (1, total // 2 + 1, total) order by place`,
    )
    .then((found) => ({ rows: found.getRowsJson() }));
  // The lakehouse quotes names with backticks.
  const named = `\`${column.replaceAll('`', '``')}\``;
  // No text of SQL holds a NUL.
  const texts = rows.map(([text]) => String(text)).filter((text) => !text.includes('\0'));
  const literals = texts.map((text) => {
    const quoted = quoteLiteral(text);
    return kind === 'string' ? quoted : `cast(${quoted} as ${type})`;
  });
  const [least, middle] = literals;
  const greatest = literals.at(-1);
  return [
    `${named} is null`,
    ...(least ? [`${named} <= ${least}`, `${named} in (${greatest}, ${middle ?? least})`] : []),
    ...(middle ? [`${named} > ${middle}`] : []),
  ];
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
      const columns = filtered.snapshot.columns.flatMap((field) => {
        const type = TYPES[field.type.kind];
        return type === undefined || /[\\'"]/.test(field.name)
          ? []
          : [{ name: field.name, kind: field.type.kind, type }];
      });
      for (const column of columns.slice(0, COLUMNS_MAX)) {
        for (const condition of await conditionsOn(column.name, column.kind, column.type)) {
          const { filesRead } = await filtered.expectEqual(condition, root);
          conditions += 1;
          skipped += (filesRead?.allFiles ?? 0) - (filesRead?.files ?? 0);
        }
      }
    }
    console.info(`${format}: ${conditions} conditions on ${tables} tables left out ${skipped} files`);
    expect(tables).toBeGreaterThan(format === 'delta' ? 30 : 5);
    expect(skipped).toBeGreaterThan(0);
  });
});
