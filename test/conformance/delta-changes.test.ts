import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { asSyncedTablesError } from '../../src/core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
import { openDeltaTable } from '../../src/lake/delta/delta-table.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { sharedData } from '../support/shared-data.js';

// Goal: the change feed of tables written by real engines is the one that their own suites expect, row by row, and
// applying it from any version to any other gives what a snapshot gives.

const DATA = sharedData();
const FIXTURES = path.resolve(import.meta.dirname, '../fixtures/delta');
const tables =
  DATA === null
    ? []
    : readdirSync(`${DATA}/delta`).filter((name) => existsSync(`${DATA}/delta/${name}/expected/cdf.csv`));

/** The version from which on the README of the data lists changes: before it, the feed was off. */
function firstVersion(name: string): bigint {
  const readme = readFileSync(`${DATA}/README.md`, 'utf8');
  const text = new RegExp(`^\\| \`${name}\`.*CDF: .* from version (\\d+)`, 'm').exec(readme)?.[1];
  if (text === undefined) throw new Error(`the README says nothing of the changes of ${name}`);
  return BigInt(text);
}

/** Its last commit is made by hand: change files without the files that they speak of. */
const UNTRUE = 'krs-cdf-table-simple';

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

function openTable(name: string): LakeTable {
  return openAt(`${DATA}/delta/${name}/table`);
}

function openAt(root: string): LakeTable {
  return openDeltaTable({
    engine,
    store: localFileStore,
    root,
    tableName: `lake.shared.${path.basename(path.dirname(root))}`,
    allowOutsidePaths: false,
    partitionTimeZone: 'UTC',
  });
}

function feedOf(table: LakeTable) {
  if (!table.changeFeed) throw new Error('no change feed');
  return table.changeFeed;
}

async function rows(sql: string): Promise<string[]> {
  return (await connection.runAndReadAll(sql)).getRowsJson().map((row) => JSON.stringify(row));
}

/** A cell of the CSV is empty for null and for the empty string alike. */
function asText(column: string): string {
  return `coalesce(cast(${column} as varchar), '')`;
}

it.skipIf(DATA === null)('finds the tables with an expected change feed', () => {
  expect(tables.length).toBeGreaterThan(5);
});

it.each(tables)('%s: delivers every expected change and no other', async (name) => {
  const table = openTable(name);
  await using changes = await feedOf(table).changes({
    from: firstVersion(name) - 1n,
    allowFileDiff: false,
    schemaPolicy: 'follow',
  });
  const columns = changes.end.columns.map((column) => quoteIdentifier(column.name));
  const types = new Map(
    (await connection.runAndReadAll(`describe ${changes.select}`))
      .getRowsJson()
      .map(([n, t]) => [String(n), String(t)]),
  );
  const csv = `read_csv(${quoteLiteral(`${DATA}/delta/${name}/expected/cdf.csv`)}, header = true, all_varchar = true)`;
  const all = [...changes.end.columns.map((column) => column.name), '_change_type', '_commit_version'];
  const expected = all.map((column) => {
    return asText(`cast(nullif(${quoteIdentifier(column)}, '') as ${types.get(column)})`);
  });
  const found = [...columns, '_change_type', '_commit_version'].map(asText);
  const order = all.map((_, index) => index + 1).join(', ');
  const wanted = await rows(`select ${expected.join(', ')} from ${csv} order by ${order}`);
  expect(await rows(`select ${found.join(', ')} from (${changes.select}) order by ${order}`)).toEqual(wanted);
  expect(await changes.countRows()).toBe(BigInt(wanted.length));
});

it.each(tables.filter((name) => name !== UNTRUE))(
  '%s: the first state and the changes give the last state, between any two versions',
  async (name) => {
    const table = openTable(name);
    const newest = await feedOf(table).newestVersion();
    for (let from = firstVersion(name); from <= newest; from++) {
      for (let to = from; to <= newest; to++) {
        await using changes = await feedOf(table).changes({ from, to, allowFileDiff: false, schemaPolicy: 'follow' });
        const columns = changes.end.columns.map((column) => quoteIdentifier(column.name)).join(', ');
        await using before = await table.openRelation(await table.snapshot(from), 1);
        await using after = await table.openRelation(await table.snapshot(to), 1);
        // As a multiset: these tables have no keys.
        const isNew = `_change_type in ('insert', 'update_postimage')`;
        const applied = `select ${columns} from (${before.parts[0]})
        union all select ${columns} from (${changes.select}) where ${isNew}`;
        const gone = `select ${columns} from (${changes.select}) where not ${isNew}`;
        const wanted = await rows(`select ${columns} from (${after.parts[0]}) order by all`);
        expect(await rows(`(${applied}) except all (${gone}) order by all`)).toEqual(wanted);
      }
    }
  },
);

/** Every table with a history, the repository's own fixtures too. */
const histories = [
  ...(DATA === null ? [] : readdirSync(`${DATA}/delta`).map((name) => `${DATA}/delta/${name}/table`)),
  ...readdirSync(FIXTURES).map((name) => `${FIXTURES}/${name}/table`),
].filter((root) => readdirSync(`${root}/_delta_log`).filter((name) => /^\d{20}\.json$/.test(name)).length > 1);

/** What stops changes by intention: histories that cannot be followed, and tables that are broken on purpose. */
const STOPS = [
  'DELTA_TRUNCATED_TRANSACTION_LOG',
  'DELTA_CHANGE_FILE_MISSING',
  'SOURCE_TABLE_REPLACED',
  'SOURCE_LAYOUT_CHANGED',
  'COLUMN_TYPE_CHANGE_NOT_SUPPORTED',
  'COLUMN_DROP_NOT_SUPPORTED',
  'DELTA_UNSUPPORTED_FEATURE',
  'DELTA_CATALOG_MANAGED',
  'SOURCE_FILE_MISSING',
  'SOURCE_PATH_OUTSIDE',
];

it('file differences of every table between two versions give the later one, or say why not', async () => {
  const compared: string[] = [];
  const stopped: string[] = [];
  for (const root of histories) {
    const table = openAt(root);
    const newest = await feedOf(table).newestVersion();
    const starts = new Set([0n, newest / 3n, (newest * 2n) / 3n, newest - 1n]);
    for (const from of starts) {
      const problem = await compareAsMultiset(table, from, newest);
      if (problem === null) compared.push(root);
      else {
        expect(STOPS, `${root} from ${from}: ${problem}`).toContain(problem);
        stopped.push(`${path.basename(path.dirname(root))} from ${from}: ${problem}`);
      }
    }
  }
  console.info(`${compared.length} ranges compared, ${stopped.length} stopped`);
  if (process.env.SHOW_STOPPED) console.info(stopped.join('\n'));
  expect(compared.length).toBeGreaterThan(stopped.length);
});

/** Null if the earlier rows and the changes are the later rows, else the code of the error that stood in the way. */
async function compareAsMultiset(table: LakeTable, from: bigint, to: bigint): Promise<string | null> {
  if (table.name.includes(UNTRUE)) return null;
  try {
    await using changes = await feedOf(table).changes({ from, to, allowFileDiff: true, schemaPolicy: 'follow' });
    const early = await table.snapshot(from);
    await using before = await table.openRelation(early, 1);
    await using after = await table.openRelation(await table.snapshot(to), 1);
    // Columns that came or changed in between have no values in the earlier rows that could be compared.
    const shared = changes.end.columns.filter((column) =>
      early.columns.some((old) => JSON.stringify(old) === JSON.stringify(column)),
    );
    if (shared.length === 0) return null;
    const columns = shared.map((column) => `cast(${quoteIdentifier(column.name)} as varchar)`).join(', ');
    const isNew = `_change_type in ('insert', 'update_postimage')`;
    const applied = `(select ${columns} from (${before.parts[0]})
      union all select ${columns} from (${changes.select}) where ${isNew})
      except all select ${columns} from (${changes.select}) where not ${isNew}`;
    const wanted = await rows(`select ${columns} from (${after.parts[0]}) order by all`);
    expect(await rows(`select * from (${applied}) order by all`), `${table.name} from ${from}`).toEqual(wanted);
    return null;
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (known) return known.code;
    throw error;
  }
}
