import { expect, it } from 'vitest';
import { dataTypeText } from '../../../src/core/data-type.js';
import { parseLakehouseType } from '../../../src/core/lakehouse-type.js';

// Goal: types of the settings are read as the lakehouse writes them, and nothing else is taken for one.

it.each([
  ['bigint', 'long'],
  ['INT', 'integer'],
  ['decimal(10, 2)', 'decimal(10,2)'],
  ['numeric(5)', 'decimal(5,0)'],
  ['array<string>', 'array<string>'],
  ['map<string,array<int>>', 'map<string,array<integer>>'],
  [
    'struct<a: int, b: decimal(4,1), c: map<string, struct<d: date>>>',
    'struct<a:integer,b:decimal(4,1),c:map<string,struct<d:date>>>',
  ],
  ['timestamp_ntz', 'timestamp_ntz'],
])('reads %s', (text, expected) => {
  const type = parseLakehouseType(text);
  expect(type && dataTypeText(type)).toBe(expected);
});

it.each([
  '',
  'varchar',
  'decimal(39,0)',
  'decimal(2,3)',
  'array<>',
  'map<string>',
  'struct<a>',
  'array<int',
  'int); drop table x',
  'constructor',
])('takes %s for no type', (text) => expect(parseLakehouseType(text)).toBeNull());
