import { expect, it } from 'vitest';
import type { TargetColumn } from '../../src/core/synced-table.js';
import type { Cell } from '../support/cell.js';
import { expectSameRows, storeCells } from '../support/compare-tables.js';
import { createTestDatabase, postgresServers } from '../support/postgres.js';

// Goal: the comparison that all conformance tests rest on sees every difference.

const column = (name: string, kind: 'long' | 'double' | 'string' | 'variant', postgresType: string): TargetColumn => ({
  field: { name, type: { kind }, nullable: true, physicalName: name },
  postgresType,
});
const columns = [
  column('id', 'long', 'bigint'),
  column('d', 'double', 'double precision'),
  column('txt', 'string', 'text'),
  column('v', 'variant', 'jsonb'),
];
const rows: Cell[][] = [
  [1n, Number.NaN, 'a\tb\\\n', '{"a":1.50}'],
  [1n, Number.NaN, 'a\tb\\\n', '{"a":1.50}'],
  [2n, -0, '', null],
  [null, null, null, 'null'],
];
const first: Cell[] = [1n, Number.NaN, 'a\tb\\\n', '{"a":1.50}'];

const differences: [string, Cell[][]][] = [
  ['a missing row', rows.slice(1)],
  ['a row once too often', [...rows, first]],
  ['a changed number', [[3n, Number.NaN, 'a\tb\\\n', '{"a":1.50}'], ...rows.slice(1)]],
  ['0 for -0', [...rows.slice(0, 2), [2n, 0, '', null], ...rows.slice(3)]],
  ['null for an empty string', [...rows.slice(0, 2), [2n, -0, null, null], ...rows.slice(3)]],
  ['null for a JSON null', [...rows.slice(0, 3), [null, null, null, null]]],
  ['another JSON value', [[1n, Number.NaN, 'a\tb\\\n', '{"a":1.51}'], ...rows.slice(1)]],
];

it.each(postgresServers())('sees differences on $name', async (server) => {
  await using database = await createTestDatabase(server);
  const client = await database.connect();
  await storeCells(client, 'expected', columns, rows);
  await storeCells(client, 'same', columns, [...rows].reverse());
  await expectSameRows(client, 'same', 'expected', columns);
  for (const [name, cells] of differences) {
    await client.query('drop table if exists other');
    await storeCells(client, 'other', columns, cells);
    await expect(expectSameRows(client, 'other', 'expected', columns), name).rejects.toThrow('to deeply equal');
  }
});
