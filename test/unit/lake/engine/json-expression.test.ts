import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataType, Field } from '../../../../src/core/data-type.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { duckDbType } from '../../../../src/lake/engine/duckdb-type.js';
import { hasEscapedNul, jsonExpression } from '../../../../src/lake/engine/json-expression.js';

// Goal: nested values become the JSON text that the documentation promises, to the letter, and a NUL character is
// found and stripped however many backslashes stand before it.

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

async function evaluate(sql: string): Promise<unknown> {
  return (await connection.runAndReadAll(sql)).getRowsJson()[0]?.[0];
}

function json(type: DataType, value: string, stripNul = false): Promise<unknown> {
  return evaluate(`select ${jsonExpression(type, 'x', { stripNul })} from (select ${value} as x)`);
}

const field = (name: string, type: DataType): Field => ({ name, type, nullable: true, physicalName: name });
const array = (element: DataType): DataType => ({ kind: 'array', element });
const struct = (...fields: Field[]): DataType => ({ kind: 'struct', fields });
const map = (key: DataType, value: DataType): DataType => ({ kind: 'map', key, value });
const string: DataType = { kind: 'string' };
const long: DataType = { kind: 'long' };
const double: DataType = { kind: 'double' };
const float: DataType = { kind: 'float' };
const timestamp: DataType = { kind: 'timestamp' };
const decimal = (precision: number, scale: number): DataType => ({ kind: 'decimal', precision, scale });

describe('jsonExpression', () => {
  it.each<[DataType, string, string | null]>([
    [array(long), '[9223372036854775807, null, -1]', '[9223372036854775807,null,-1]'],
    [array(long), '[]::bigint[]', '[]'],
    [array(long), 'null::bigint[]', null],
    [
      array(double),
      `['NaN', 'inf', '-inf', 0.1, 1e300, null]::double[]`,
      '["NaN","Infinity","-Infinity",0.1,1e+300,null]',
    ],
    [array(float), '[0.1, 16777216]::float[]', '[0.1,16777216.0]'],
    [
      array(decimal(38, 2)),
      '[1.10, -0.05, 123456789012345678901234567890.99]::decimal(38,2)[]',
      '[1.10,-0.05,123456789012345678901234567890.99]',
    ],
    [array(decimal(3, 3)), '[0.5, -0.5, 0]::decimal(3,3)[]', '[0.500,-0.500,0.000]'],
    [array(decimal(38, 38)), `['-0.1']::decimal(38,38)[]`, `[-0.1${'0'.repeat(37)}]`],
    [map(decimal(1, 1), long), 'map {-0.5::decimal(1,1): 1::bigint}', '{"-0.5":1}'],
    [array({ kind: 'binary' }), `['\\x00\\xFF'::blob, ''::blob, null]`, '["AP8=","",null]'],
    [array({ kind: 'date' }), `['2024-02-29', '0001-01-01']::date[]`, '["2024-02-29","0001-01-01"]'],
    [
      array(timestamp),
      `['2024-02-29 12:00:00.1+00', '0001-01-01 00:00:00+00', null]::timestamptz[]`,
      '["2024-02-29T12:00:00.1Z","0001-01-01T00:00:00Z",null]',
    ],
    [array(timestamp), '[make_timestamptz(9223372036854775805)]', '["294247-01-10 04:00:54.775805Z"]'],
    [array(timestamp), '[make_timestamptz(-62135596800000001)]', '["0001-12-31 (BC) 23:59:59.999999Z"]'],
    [array(timestamp), `['infinity', null]::timestamptz[]`, '["294247-01-10 04:00:54.775807Z",null]'],
    [
      array({ kind: 'timestamp_ntz' }),
      `['2024-02-29 12:00:00', 'infinity']::timestamp[]`,
      '["2024-02-29T12:00:00","294247-01-10 04:00:54.775807"]',
    ],
    [
      array(struct(field('d', { kind: 'date' }), field('s', string))),
      `[{'d': 'infinity'::date, 's': 'infinity'}, {'d': '-infinity'::date, 's': '"-infinity"'}, {'d': null, 's': 'infinity'}]`,
      '[{"d":"5881580-07-11","s":"infinity"},{"d":"5877642-06-24 (BC)","s":"\\"-infinity\\""},{"d":null,"s":"infinity"}]',
    ],
    [array(array({ kind: 'date' })), `[['infinity', '2024-02-29']]::date[][]`, '[["5881580-07-11","2024-02-29"]]'],
    [
      struct(field('d', { kind: 'date' }), field('x', double)),
      `{'d': 'infinity'::date, 'x': 'infinity'::double}`,
      '{"d":"5881580-07-11","x":"Infinity"}',
    ],
    [map({ kind: 'date' }, long), `map {'infinity'::date: 1::bigint}`, '{"5881580-07-11":1}'],
    [map(string, { kind: 'date' }), `map {'infinity': '-infinity'::date}`, '{"infinity":"5877642-06-24 (BC)"}'],
    [array({ kind: 'boolean' }), '[true, false, null]', '[true,false,null]'],
    [
      array(string),
      `['', 'quote " slash \\ ' || chr(10) || chr(9) || chr(1) || chr(127), 'é🦆']`,
      `["","quote \\" slash \\\\ \\n\\t\\u0001\u007f","é🦆"]`,
    ],
    [
      array(array(struct(field('a', double)))),
      `[[{'a': 'nan'::double}, null], [], null]`,
      '[[{"a":"NaN"},null],[],null]',
    ],
    [
      struct(field('a"b', long), field('c\\d', double)),
      `{'a"b': 1::bigint, 'c\\d': null::double}`,
      '{"a\\"b":1,"c\\\\d":null}',
    ],
    [struct(field('a', struct(field('b', timestamp)))), `{'a': null::struct(b timestamptz)}`, '{"a":null}'],
    [struct(field('a', long)), 'null::struct(a bigint)', null],
    [struct(field('v', { kind: 'void' })), "{'v': null::varchar}", '{"v":null}'],
    [map(string, long), `map {'b': 1::bigint, 'a"': null, '': 2}`, '{"b":1,"a\\"":null,"":2}'],
    [map(string, double), 'map {}::map(varchar, double)', '{}'],
    [map(string, double), 'null::map(varchar, double)', null],
    [map(long, string), `map {-1::bigint: 'x'}`, '{"-1":"x"}'],
    [map({ kind: 'date' }, long), `map {'2024-02-29'::date: 1::bigint}`, '{"2024-02-29":1}'],
    [map(timestamp, long), `map {'2024-02-29 12:00:00+00'::timestamptz: 1::bigint}`, '{"2024-02-29T12:00:00Z":1}'],
    [map(double, long), `map {'nan'::double: 1::bigint, 0.5: 2}`, '{"NaN":1,"0.5":2}'],
    [map({ kind: 'binary' }, long), `map {'\\x00'::blob: 1::bigint}`, '{"AA==":1}'],
    [
      map(struct(field('k', long)), double),
      `map {{'k': 1::bigint}: 'inf'::double}`,
      '[{"key":{"k":1},"value":"Infinity"}]',
    ],
    [map(array(long), string), `map {[1::bigint]: 'x'}`, '[{"key":[1],"value":"x"}]'],
    [array({ kind: 'variant' }), `['{"a":1.50}', 'null', null]`, '[{"a":1.50},null,null]'],
  ])('%j of %s', async (type, value, expected) => {
    expect(await json(type, value)).toBe(expected);
  });

  it.each<[DataType, string]>([
    [array(timestamp), `['-infinity']::timestamptz[]`],
    [struct(field('t', { kind: 'timestamp_ntz' })), `{'t': '-infinity'::timestamp}`],
    [map(timestamp, long), `map {'-infinity'::timestamptz: 1::bigint}`],
  ])('refuses the least microsecond, which is too early for a text, in %j of %s', async (type, value) => {
    await expect(json(type, value)).rejects.toThrow('Timestamp out of range');
  });

  it.each<[DataType, string, string]>([
    [array(string), `['a' || chr(0) || 'b', chr(0), '\\' || chr(0), '\\u0000']`, '["ab","","\\\\","\\\\u0000"]'],
    [map(string, string), `map {'k' || chr(0): chr(0) || 'v'}`, '{"k":"v"}'],
    [struct(field('a', array(struct(field('b', string))))), `{'a': [{'b': chr(0) || '"'}]}`, '{"a":[{"b":"\\""}]}'],
    [
      array({ kind: 'variant' }),
      `['{"a\\u0000":"\\\\u0000\\u0000\\\\\\u0000\\u00e9"}']`,
      '[{"a":"\\\\u0000\\\\\\u00e9"}]',
    ],
  ])('strips NUL characters from %j of %s', async (type, value, expected) => {
    expect(await json(type, value, true)).toBe(expected);
  });
});

it('prints arrays nested as deep as a table may nest them', async () => {
  let type: DataType = decimal(3, 2);
  let value = '1.10::decimal(3,2)';
  let expected = '1.10';
  for (let level = 0; level < 12; level++) {
    type = array(struct(field('d', double), field('t', timestamp), field('c', type)));
    value = `[{'d': 'nan'::double, 't': '2024-02-29 12:00:00+00'::timestamptz, 'c': ${value}}, null]`;
    expected = `[{"d":"NaN","t":"2024-02-29T12:00:00Z","c":${expected}},null]`;
  }
  expect(await json(type, value)).toBe(expected);
  expect(await json(type, `null::${duckDbType(type)}`)).toBeNull();
});

it('takes nothing from a column that is called like a part of the expression', async () => {
  const type = map(long, map(long, double));
  const columns = ['v0', 'v1', 'key', 'value'].map((name) => `{'key': -1::bigint, 'value': -1.0::double} as ${name}`);
  const sql = `select ${jsonExpression(type, 'x', { stripNul: false })}
    from (select map {1::bigint: map {2::bigint: 3::double}} as x, ${columns.join(', ')})`;
  expect(await evaluate(sql)).toBe('{"1":{"2":3.0}}');
});

describe('hasEscapedNul', () => {
  it.each([
    ['"\\u0000"', true],
    ['"a\\u0000b"', true],
    ['"\\\\u0000"', false],
    ['"\\\\\\u0000"', true],
    ['"\\\\\\\\u0000"', false],
    ['"\\\\\\\\\\u0000"', true],
    ['"\\\\u0000\\u0000"', true],
    ['"\\u0000\\\\u0000"', true],
    ['"\\n\\u0000"', true],
    ['"\\"\\u0000"', true],
    ['"\\u00001"', true],
    ['"\\u0001"', false],
    ['"u0000"', false],
    ['\\u0000', true],
    ['', false],
  ])('%s: %s', async (text, expected) => {
    const hex = Buffer.from(text).toString('hex');
    expect(await evaluate(`select ${hasEscapedNul('x')} from (select decode(unhex('${hex}')) as x)`)).toBe(expected);
  });
});
