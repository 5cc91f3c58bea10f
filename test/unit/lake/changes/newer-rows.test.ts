import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newerRows } from '../../../../src/lake/changes/newer-rows.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { ChangeTable, feedMetaData } from '../../../support/change-table.js';
import { protocol, remove, schemaString } from '../../../support/delta-log-folder.js';
import { propertySeed } from '../../../support/property-seed.js';
import { Random } from '../../../support/random.js';

// Goal: with a timeseries key, changes tell which row of a key counts, or that only the source can tell.

type Row = readonly [id: number | null, seen: number | null];

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

const rows = (values: readonly Row[]) =>
  values.map(([id, seen]) => `select ${id}::bigint as id, ${seen}::bigint as seen`).join(' union all ');

/** A file for each row, so that each can be removed. */
async function tableWith(values: readonly Row[]): Promise<ChangeTable> {
  const table = new ChangeTable(engine, connection);
  const schema = schemaString({ name: 'id', type: 'long' }, { name: 'seen', type: 'long' });
  const added = await Promise.all(values.map((row, index) => table.added(`r${index}`, rows([row]))));
  table.commit(0, protocol, feedMetaData({ schemaString: schema }), ...added);
  return table;
}

/** What the changes after version 0 tell: newer rows as `id seen`, and keys to be looked up. */
async function told(table: ChangeTable): Promise<{ newer: string[]; rest: string[] }> {
  await using changes = await table.feed().changes({ from: 0n, allowFileDiff: false });
  const collapsed = await changes.collapse({ keyColumns: ['id'] });
  const { columns } = changes.end;
  const found = await newerRows(connection, { collapsed, columns, keyColumns: ['id'], timeseriesKey: 'seen' });
  const newer = await table.rows(`select id, seen from (${found.select}) where _change_type = 'newer' order by all`);
  const rest = await table.rows(`select id from ${found.restTable} order by all`);
  expect(BigInt(rest.length)).toBe(found.restCount);
  return { newer: newer.map((row) => row.join(' ')), rest: rest.map(String) };
}

it('takes the greatest of the rows that came where none went', async () => {
  using table = await tableWith([[1, 10]]);
  table.commit(
    1,
    await table.added(
      'a',
      rows([
        [1, 11],
        [2, 5],
        [3, null],
        [null, 9],
      ]),
    ),
  );
  table.commit(
    2,
    await table.added(
      'b',
      rows([
        [1, 12],
        [2, null],
      ]),
    ),
  );
  expect(await told(table)).toEqual({ newer: ['1 12', '2 5', '3 '], rest: [] });
});

it('takes a row that is newer than all that went', async () => {
  using table = await tableWith([
    [1, 10],
    [1, 20],
    [2, null],
  ]);
  table.commit(1, remove('r0'), await table.added('a', rows([[1, 11]])));
  table.commit(2, remove('r2'), await table.added('b', rows([[2, 0]])));
  expect(await told(table)).toEqual({ newer: ['1 11', '2 0'], rest: [] });
});

it('leaves to the source what lost rows that were as new, or has no greatest row that came', async () => {
  using table = await tableWith([
    [1, 10],
    [2, 10],
    [3, 10],
    [4, 10],
  ]);
  table.commit(1, remove('r0'), await table.added('a', rows([[1, 10]])));
  table.commit(
    2,
    remove('r1'),
    await table.added(
      'b',
      rows([
        [3, 11],
        [3, 11],
        [4, null],
        [4, null],
      ]),
    ),
  );
  table.commit(
    3,
    await table.added(
      'c',
      rows([
        [2, 8],
        [1, 9],
      ]),
    ),
  );
  expect(await told(table)).toEqual({ newer: [], rest: ['1', '2', '3', '4'] });
});

const RUNS = 30;
const seed = propertySeed('newer rows');

it('never tells what the source does not have', { timeout: 120_000 }, async () => {
  let decided = 0;
  for (let run = 0; run < RUNS; run++) {
    const random = new Random(seed + run);
    const row = (): Row => [random.below(4), random.chance(0.15) ? null : random.below(6)];
    const start = Array.from({ length: random.below(8) + 1 }, row);
    using table = await tableWith(start);
    const files = new Map(start.map((one, index) => [`r${index}`, one]));
    for (let version = 1; version <= 3; version++) {
      const gone = [...files.keys()].filter(() => random.chance(0.25));
      const came = Array.from({ length: random.below(4) + 1 }, row);
      const added = [];
      for (const name of gone) files.delete(name);
      for (const [index, one] of came.entries()) {
        const name = `v${version}-${index}`;
        files.set(name, one);
        added.push(await table.added(name, rows([one])));
      }
      table.commit(version, ...gone.map((name) => remove(name)), ...added);
    }
    const before = newestOf(start);
    const after = newestOf([...files.values()]);
    const { newer, rest } = await told(table);
    for (const [id, seen] of newer.map((line) => line.split(' '))) {
      const came = seen === '' ? Number.NEGATIVE_INFINITY : Number(seen);
      const kept = before.get(Number(id));
      // A target never held a tie.
      if (kept?.isTied) continue;
      const isTied = kept?.time === came;
      const time = Math.max(came, kept?.time ?? Number.NEGATIVE_INFINITY);
      expect(after.get(Number(id)), `run ${run} of seed ${seed}, key ${id}`).toEqual({ time, isTied });
      decided++;
    }
    const touched = new Set([...newer.map((line) => line.split(' ')[0]), ...rest]);
    expect(touched.size).toBe(newer.length + rest.length);
  }
  expect(decided).toBeGreaterThan(RUNS);
});

function newestOf(values: readonly Row[]): Map<number, { time: number; isTied: boolean }> {
  const newest = new Map<number, { time: number; isTied: boolean }>();
  for (const [id, seen] of values) {
    const time = seen ?? Number.NEGATIVE_INFINITY;
    const known = newest.get(id ?? -1);
    if (known && known.time > time) continue;
    newest.set(id ?? -1, { time, isTied: known?.time === time });
  }
  return newest;
}
