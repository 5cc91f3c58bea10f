import { expect, it } from 'vitest';
import { parseTableName } from '../../../src/api/names/table-name.js';
import { parseSourceName } from '../../../src/core/source-name.js';

// Goal: of a name that is refused, the message says which part is wrong, and what is wrong with it.

it.each([
  ['', 'it is empty'],
  ['a.b', 'it has 2 parts instead of 3'],
  ['a', 'it has one part instead of 3'],
  ['a..c', 'its schema is empty'],
  ['a.b.e-18', 'its table "e-18" has the character "-", where only letters, digits and _ are possible'],
  ['a.b c.d', 'its schema "b c" has a space, where only letters, digits and _ are possible'],
  [`a.b.${'t'.repeat(64)}`, 'its table has 64 characters, at most 63 are possible'],
])('says of the table name %j: %s', (name, problem) => {
  expect(() => parseTableName(name)).toThrow(problem);
});

it.each([
  ['gold.users', 'it has 2 parts instead of 3'],
  ['a.b c.d', 'its schema "b c" has a space'],
  ['a.b.c/d', 'its table "c/d" has the character "/"'],
])('says of the source name %j: %s', (name, problem) => {
  expect(() => parseSourceName(name)).toThrow(problem);
});
