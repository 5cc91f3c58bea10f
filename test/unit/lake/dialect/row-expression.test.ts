import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DataType, Field } from '../../../../src/core/data-type.js';
import { RowExpressionError, rowExpression } from '../../../../src/lake/dialect/row-expression.js';
import { openEngine } from '../../../../src/lake/engine/duckdb-engine.js';

// Goal: an expression means what it means in the lakehouse, and reaches nothing but the row that it is about.

const field = (name: string, kind: 'string' | 'long' | 'timestamp' | 'boolean'): Field => ({
  name,
  type: { kind } as DataType,
  nullable: true,
  physicalName: name,
});
const columns = [field('op', 'string'), field('seq', 'long'), field('order id', 'string'), field('flag', 'boolean')];
const row = `select 'DELETE' as op, 9007199254740993::bigint as seq, 'it''s' as "order id", null::boolean as flag`;

let engine: Awaited<ReturnType<typeof openEngine>>;
let connection: DuckDBConnection;
beforeAll(async () => {
  engine = await openEngine();
  connection = await engine.connect();
});
afterAll(async () => {
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
});

async function evaluate(text: string): Promise<unknown> {
  const sql = await rowExpression(connection, text, columns);
  const result = await connection.runAndReadAll(`select (${sql})::varchar from (${row}) r`);
  return result.getRowsJson()[0]?.[0];
}

it.each([
  ['operation in double quotes', 'op = "DELETE"', 'true'],
  ['single quotes', "op = 'DELETE'", 'true'],
  ['a column between backticks', '`order id` = "it\'s"', 'true'],
  ['escapes in strings', String.raw`concat('a', "\t", 'b') = 'a	b'`, 'true'],
  ['columns in any case', 'OP = "DELETE" and Seq > 0', 'true'],
  ['long numbers to the last digit', 'seq = 9007199254740993', 'true'],
  ['long numbers that differ in the last digit', 'seq = 9007199254740992', 'false'],
  ['null-safe equality', 'flag <=> null', 'true'],
  ['null where concat has a null', 'concat(op, cast(flag as string)) is null', 'true'],
  ['lakehouse names of types', 'cast(seq as string)', '9007199254740993'],
  ['instants', "cast('2024-01-01T00:00:00Z' as timestamp)", '2024-01-01 00:00:00+00'],
  ['times without a zone', "cast('2024-01-01 00:00:00' as timestamp_ntz)", '2024-01-01 00:00:00'],
  ['structs of columns', 'struct(seq, op)', "{'seq': 9007199254740993, 'op': DELETE}"],
  ['named structs', "named_struct('a', seq)", "{'a': 9007199254740993}"],
  ['nvl', 'nvl(flag, true)', 'true'],
  ['comments', 'op /* which */ = "DELETE" -- that is all', 'true'],
  ['case', "case when op = 'x' then 1 else 2 end", '2'],
])('understands %s', async (_, text, expected) => {
  expect(await evaluate(text)).toBe(expected);
});

it.each([
  ['a subquery', "(select max(seq) from read_csv('/etc/passwd')) > 1"],
  ['a subquery in IN', "op in (select x from 'secret.parquet')"],
  ['EXISTS', 'exists (select 1)'],
  ['a query behind it', "op from read_text('/etc/passwd')"],
  ['another statement', "true; copy (select 1) to '/tmp/x'"],
  ['a table function', "read_text('/etc/passwd')"],
  ['settings', "current_setting('home_directory') = 'x'"],
  ['variables', "getvariable('x') = 1"],
  ['the clock', 'current_timestamp > cast(op as timestamp)'],
  ['the clock as a function', 'now() is null'],
  ['chance', 'random() < 0.5'],
  ['a sequence', "nextval('s') = 1"],
  ['an aggregate', 'max(seq) = seq'],
  ['a window', 'row_number() over () = 1'],
  ['a star', '*'],
  ['columns()', "columns('.*') = 1"],
  ['several expressions', 'op, seq'],
  ['a column that is not there', 'nope = 1'],
  ['a qualified column', 'src.op = 1'],
  ['a parameter', '$1 = 1'],
  ['nothing', ''],
  ['brackets that do not match', 'op) from (select 1'],
  ['a string that does not end', "op = 'x"],
])('refuses %s', async (_, text) => {
  await expect(evaluate(text)).rejects.toBeInstanceOf(RowExpressionError);
});
