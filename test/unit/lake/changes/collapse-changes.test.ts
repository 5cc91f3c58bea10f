import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CHANGE_TYPES } from '../../../../src/lake/changes/change-relation.js';
import { collapseChanges } from '../../../../src/lake/changes/collapse-changes.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { propertySeed } from '../../../support/property-seed.js';
import { Random } from '../../../support/random.js';

// Goal: changes of a single version, which are collapsed in a shorter way, come to what those of any number of versions come to.

const SETS = 150;
const COLUMNS = [
  { name: 'number', type: { kind: 'double' } },
  { name: 'text', type: { kind: 'string' } },
  { name: 'value', type: { kind: 'long' } },
] as const;
const FIELDS = COLUMNS.map((column) => ({ ...column, nullable: true, physicalName: column.name }));

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

/** Changes of version 7, of few keys, so that some meet, and with nulls in some keys. */
function someChanges(random: Random): string {
  const change = () => {
    const number = random.pick(['1', '2', 'null', `'nan'`]);
    const text = random.pick([`'a'`, `'b'`, `''`, 'null']);
    return `(${number}::double, ${text}::varchar, ${random.below(3)}::bigint, '${random.pick(CHANGE_TYPES)}', 7::bigint,
      timestamptz '2026-01-02 03:04:05+00')`;
  };
  const rows = Array.from({ length: random.below(random.pick([4, 12])) + 1 }, change);
  const names = [...COLUMNS.map(({ name }) => name), '_change_type', '_commit_version', '_commit_timestamp'];
  return `select * from (values ${rows.join(', ')}) t(${names.join(', ')})`;
}

async function collapsed(select: string, options: { isOneVersion: boolean; keysTable: string }) {
  const source = { select, columns: FIELDS, ...options };
  const {
    select: states,
    changes,
    keysTable,
    ...counts
  } = await collapseChanges(connection, source, {
    keyColumns: ['number', 'text'],
  });
  const read = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson().map((row) => row.join('|'));
  const found = {
    ...counts,
    states: await read(`select * from (${states}) order by all`),
    keys: await read(`select number, text, _touched_version, _touched_new, _touched_at, _touched_new_in_all, _touched_balance
                       from ${keysTable} order by number, text`),
  };
  await connection.run(`drop table ${keysTable}`);
  expect(changes).toBe(select);
  return found;
}

it('comes to the same as for any number of versions', async () => {
  const random = new Random(propertySeed('collapse-changes'));
  let duplicates = 0n;
  let withoutKey = 0n;
  for (let n = 0; n < SETS; n++) {
    const select = someChanges(random);
    const short = await collapsed(select, { isOneVersion: true, keysTable: 'short' });
    const whole = await collapsed(select, { isOneVersion: false, keysTable: 'whole' });
    expect({ select, ...short }).toEqual({ select, ...whole });
    duplicates += short.duplicateKeyCount;
    withoutKey += short.rowsWithoutKey;
  }
  // Otherwise the sets are too simple.
  expect(duplicates).toBeGreaterThan(0n);
  expect(withoutKey).toBeGreaterThan(0n);
});
