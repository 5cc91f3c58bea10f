import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DataType, Field } from '../../../../src/core/data-type.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { findUnreadableColumn, keysOfRefused, keysOfUnreadable } from '../../../../src/lake/relation/failing-keys.js';
import type { Relation } from '../../../../src/lake/relation/relation.js';

// Goal: where a value cannot be converted or stored, the rows concerned are found by their keys.

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

const field = (name: string, type: DataType): Field => ({ name, type, nullable: true, physicalName: name });
const relation = (...parts: string[]): Relation => ({ parts, rowCount: null, [Symbol.asyncDispose]: async () => {} });

async function find(rows: Relation, fields: readonly Field[], keyColumns: readonly string[], limit = 5) {
  const connection = await engine.connect();
  try {
    const found = await findUnreadableColumn(connection, rows, fields);
    if (found === null) return null;
    const keys = await keysOfUnreadable({ connection, relation: rows, keyColumns, limit }, found.field);
    return { column: found.field.name, keys: keys.sort() };
  } finally {
    connection.closeSync();
  }
}

const numbers = (condition: string) =>
  `select i as id, 'g' || i % 7 as part, cast(case when ${condition} then 3000000000 else i end as int) as score from range(20000) t(i)`;
const score = field('score', { kind: 'integer' });
const id = field('id', { kind: 'long' });

it('finds the rows that a conversion fails on among many, in every part', async () => {
  const rows = relation(numbers('i = 4711'), numbers('false'), numbers('i in (3, 19999)'));
  expect(await find(rows, [id, score], ['id'])).toEqual({ column: 'score', keys: ['19999', '3', '4711'] });
  expect(await find(rows, [id, score], ['part', 'id'], 1)).toEqual({ column: 'score', keys: ['(g0, 4711)'] });
  expect(await find(relation(numbers('false')), [id, score], ['id'])).toBeNull();
});

it('gives up on keys where the key itself cannot be converted, or where there is none', async () => {
  const rows = relation(numbers('i = 5'));
  expect(await find(rows, [score], ['score'])).toEqual({ column: 'score', keys: [] });
  expect(await find(rows, [score], [])).toEqual({ column: 'score', keys: [] });
});

it.each<[string, DataType, string, string[]]>([
  ['character varying(3)', { kind: 'string' }, `['abc', 'abc   ', 'abcd', 'äöü', 'äöüß', null]`, ['3', '5']],
  ['public.vector(2)', { kind: 'array', element: { kind: 'float' } }, '[[1.0], [1.0, 2.0], [1.0, null]]', ['1', '3']],
  ['halfvec(2)', { kind: 'string' }, `['[1,2]', '[1,2,3]']`, ['2']],
  [
    'date',
    { kind: 'date' },
    `[date '2020-01-01', '5000-01-01 (BC)', '5874898-01-01', 'infinity', '-infinity']::date[]`,
    ['2', '3', '4', '5'],
  ],
  [
    'timestamp with time zone',
    { kind: 'timestamp' },
    `[timestamptz '2020-01-01', '5000-01-01 (BC) 00:00:00+00'::timestamptz]`,
    ['2'],
  ],
  ['text', { kind: 'string' }, `['a']`, []],
])('finds the rows that Postgres refuses as %s', async (postgresType, type, values, keys) => {
  const rows = relation(`select unnest(range(1, len(${values}) + 1)) as id, unnest(${values}) as v`);
  const connection = await engine.connect();
  const search = { connection, relation: rows, keyColumns: ['id'], limit: 5 };
  const found = await keysOfRefused(search, field('v', type), postgresType);
  connection.closeSync();
  expect(found.sort()).toEqual(keys);
});
