import { expect, it } from 'vitest';
import { parseSyncedTableName } from '../../src/core/synced-table-name.js';

// Goal: names of synced tables are read as Postgres reads identifiers.

it.each([
  ['gold.users', 'gold.users'],
  ['Gold.Users', 'gold.users'],
  ['"Gold"."Users"', '"Gold"."Users"'],
  ['gold."Users"', 'gold."Users"'],
  ['"gold"."users"', 'gold.users'],
  ['gold.1st', 'gold."1st"'],
])('reads %s as %s', (name, expected) => {
  expect(parseSyncedTableName(name)).toBe(expected);
});

it.each([
  'users',
  'a.b.c',
  '',
  '.',
  'a.',
  '.b',
  'a..b',
  'gold.us ers',
  '"gold.users"',
  '"a"x.b',
  'a."b',
  `a.${'b'.repeat(64)}`,
])('refuses %j', (name) => {
  expect(() => parseSyncedTableName(name)).toThrow(expect.objectContaining({ code: 'SYNCED_TABLE_NAME_INVALID' }));
});
