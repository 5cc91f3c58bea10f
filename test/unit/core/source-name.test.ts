import { expect, it } from 'vitest';
import { parseSourceName } from '../../../src/core/source-name.js';

// Goal: sources may have the names that Unity Catalog allows, and no name leads to another place.

it.each([
  ['a.b.c', 'a', 'b', 'c'],
  ['main-prod.sales-eu.user-profiles', 'main-prod', 'sales-eu', 'user-profiles'],
  ['`main-prod`.gold.`2026`', 'main-prod', 'gold', '2026'],
  ['größe.名.ü', 'größe', '名', 'ü'],
])('reads %s', (name, catalog, schema, table) => {
  expect(parseSourceName(name)).toEqual({ catalog, schema, table });
});

it.each([
  'a.b',
  'a.b.c.d',
  'a..c',
  'a.b.c d',
  'a.b.',
  'a.b.c/d',
  'a.b.\u0000',
  'a.b.`c',
  '`a.b`.c.d',
  'a.b."c"',
  `a.b.${'c'.repeat(256)}`,
])('refuses %j', (name) => expect(() => parseSourceName(name)).toThrow(/is not of the form catalog\.schema\.table/));
