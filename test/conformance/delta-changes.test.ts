import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';
import { openDeltaTable } from '../../src/lake/delta/delta-table.js';
import { type Engine, openEngine } from '../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../src/lake/lake-table.js';
import { localFileStore } from '../../src/lake/storage/local-file-store.js';
import { sharedData } from '../support/shared-data.js';

// Goal: the change feed of tables written by real engines is the one that their own suites expect, row by row, and
// applying it from any version to any other gives what a snapshot gives.

const DATA = sharedData();
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
  return openDeltaTable({
    engine,
    store: localFileStore,
    root: `${DATA}/delta/${name}/table`,
    tableName: `lake.shared.${name}`,
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
