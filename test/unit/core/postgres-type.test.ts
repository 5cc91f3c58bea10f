import { expect, it } from 'vitest';
import { asSyncedTablesError } from '../../../src/core/errors.js';
import { parseDeltaSchema } from '../../../src/lake/delta/schema/delta-schema.js';
import { planColumns } from '../../../src/sync/source/plan-target.js';

// Goal: a column that nests deeper than the engine can read is refused by name from its schema alone.

/** Schema text around that of the type within. */
type Nest = readonly [before: string, after: string];

const array: Nest = ['{"type":"array","elementType":', ',"containsNull":true}'];
const map: Nest = ['{"type":"map","keyType":"string","valueType":', ',"valueContainsNull":true}'];
const struct: Nest = ['{"type":"struct","fields":[{"name":"a","type":', ',"nullable":true,"metadata":{}}]}'];
const structs: Nest = [array[0] + struct[0], struct[1] + array[1]];

function plan(levels: number, [before, after]: Nest): string {
  const type = `${before.repeat(levels)}"double"${after.repeat(levels)}`;
  const schema = struct[0].replace('"a"', '"deep"') + type + struct[1];
  const columns = parseDeltaSchema(schema, { mode: 'none', tableName: 'lake.app.t' });
  return planColumns({ tableName: 'lake.app.t', columns })[0]?.postgresType ?? '';
}

function refusal(levels: number, nest: Nest): string {
  try {
    return plan(levels, nest);
  } catch (error) {
    const known = asSyncedTablesError(error);
    return known === null ? String(error) : `${known.code}: ${known.message}`;
  }
}

it.each([
  ['arrays', 12, array],
  ['maps', 12, map],
  ['structs', 40, struct],
  ['arrays of structs', 12, structs],
])('allows %s nested %i deep', (_, levels, nest) => {
  expect(plan(levels, nest)).toBe('jsonb');
});

it.each([
  ['arrays', 13, array, 'arrays or maps nested 13 deep'],
  ['maps', 13, map, 'arrays or maps nested 13 deep'],
  ['structs', 41, struct, 'values nested 41 deep'],
  ['arrays', 3_000, array, 'nested over 200 deep'],
  ['structs', 3_000, struct, 'nested over 200 deep'],
])('refuses %s nested %i deep', (_, levels, nest, reason) => {
  expect(refusal(levels, nest)).toMatch(new RegExp(`^COLUMN_TYPE_UNSUPPORTED: Column "deep" .*${reason}`));
});
