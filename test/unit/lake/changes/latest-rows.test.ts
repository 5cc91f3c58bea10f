import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { latestRows } from '../../../../src/lake/changes/latest-rows.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { ChangeTable, feedMetaData } from '../../../support/change-table.js';
import { protocol, remove, schemaString } from '../../../support/delta-log-folder.js';

// Goal: with a timeseries key, the rows of touched keys are those that a snapshot keeps, looked up in the source.

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

const rows = (...values: [number, number | null][]) =>
  values.map(([id, at]) => `select ${id}::bigint as id, ${at}::bigint as seen`).join(' union all ');

/** The latest rows by `id` after the changes of all versions above 0, as `id at type`; what is tied too. */
async function latest(table: ChangeTable) {
  const lakeTable = table.table();
  const changes = await table.feed().changes({ from: 0n, allowFileDiff: false });
  await using _ = changes;
  await using relation = await lakeTable.openRelation(await lakeTable.snapshot(changes.to), 2);
  const { keysTable } = await changes.collapse({ keyColumns: ['id'] });
  const { columns } = changes.end;
  const found = await latestRows(connection, {
    relation,
    columns,
    keyColumns: ['id'],
    timeseriesKey: 'seen',
    keysTable,
  });
  const states = await table.rows(`select id, seen, _change_type from (${found.select}) order by all`);
  expect(BigInt(states.length)).toBe(found.upserts + found.deletes + (found.tieCount > 0n ? 1n : 0n));
  return { states: states.map((row) => row.join(' ')), ties: found.ties };
}

async function tableWith(...values: [number, number | null][]): Promise<ChangeTable> {
  const table = new ChangeTable(engine, connection);
  const schema = schemaString({ name: 'id', type: 'long' }, { name: 'seen', type: 'long' });
  const added = await Promise.all(values.map((row, index) => table.added(`r${index}`, rows(row))));
  table.commit(0, protocol, feedMetaData({ schemaString: schema }), ...added);
  return table;
}

it('finds the row that follows when the latest is deleted', async () => {
  using table = await tableWith([1, 10], [1, 20], [1, null], [2, 5]);
  table.commit(1, remove('r1'));
  expect(await latest(table)).toEqual({ states: ['1 10 upsert'], ties: [] });
});

it('keeps the latest when an older row comes', async () => {
  using table = await tableWith([1, 10], [2, 5]);
  table.commit(1, await table.added('new', rows([1, 3], [2, 6])));
  expect(await latest(table)).toEqual({ states: ['1 10 upsert', '2 6 upsert'], ties: [] });
});

it('deletes a key whose last row is gone', async () => {
  using table = await tableWith([1, 10], [1, 20], [2, 5]);
  table.commit(1, remove('r0'), remove('r1'));
  expect(await latest(table)).toEqual({ states: ['1  delete'], ties: [] });
});

it('reports several rows with the same greatest value', async () => {
  using table = await tableWith([1, 10], [2, 5]);
  table.commit(1, await table.added('new', rows([1, 10])));
  expect(await latest(table)).toEqual({ states: ['1 10 upsert', '1 10 upsert'], ties: ['1'] });
});
