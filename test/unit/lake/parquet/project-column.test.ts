import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, it } from 'vitest';
import type { DataType, Field } from '../../../../src/core/data-type.js';
import { groupByParquetSchema } from '../../../../src/lake/parquet/parquet-schema.js';
import { type ColumnMatch, projectValue } from '../../../../src/lake/parquet/project-column.js';

// Goal: members of a struct are those that the table's schema means, whatever their names were in the file.

const text: DataType = { kind: 'string' };
/** Two members that exchanged their names, in the order of the file. */
const exchanged = (first: number): DataType => ({
  kind: 'struct',
  fields: [
    { name: 'a', type: text, nullable: true, physicalName: 'b', fieldId: first + 1 },
    { name: 'b', type: text, nullable: true, physicalName: 'a', fieldId: first },
  ],
});

it.each<ColumnMatch>(['name', 'id'])('finds members that exchanged their names by %s', async (match) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'project-'));
  const file = path.join(folder, 'f.parquet');
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  try {
    await connection.run(
      `copy (select {a: 'was a', b: 'was b'} as s, [{a: 'was a', b: 'was b'}] as l) to '${file}'
         (field_ids {s: {__duckdb_field_id: 9, a: 1, b: 2}, l: {__duckdb_field_id: 8, element: {a: 3, b: 4}}})`,
    );
    const [group] = await groupByParquetSchema(connection, [file]);
    const [s, l] = group?.columns ?? [];
    if (!s || !l) throw new Error('the file has two columns');
    const projection = { match, isVariantMarked: false, tableName: 't' };
    const values = [
      projectValue(exchanged(1), s, 's', projection),
      projectValue({ kind: 'array', element: exchanged(3) }, l, 'l', projection),
    ];
    const result = await connection.runAndReadAll(`select ${values.join(', ')} from read_parquet('${file}')`);
    const right = { a: 'was b', b: 'was a' };
    expect(result.getRowsJson()).toEqual([[right, [right]]]);
  } finally {
    connection.closeSync();
    rmSync(folder, { recursive: true });
  }
});

it('fills members that a file lacks as it is told', async () => {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  const member: Field = { name: 'new', type: text, nullable: true, physicalName: 'new', fieldId: 3 };
  const node = {
    name: 's',
    physicalType: null,
    duckDbType: null,
    repetition: 'OPTIONAL',
    convertedType: null,
    logicalType: null,
    fieldId: 9,
    children: [],
  };
  const type: DataType = { kind: 'struct', fields: [member] };
  const absent = () => `'given'`;
  const value = projectValue(type, node, 's', { match: 'id', isVariantMarked: false, tableName: 't', absent });
  const result = await connection.runAndReadAll(`select ${value} from (select {x: 1} as s union all select null)`);
  expect(result.getRowsJson()).toEqual([[{ new: 'given' }], [null]]);
  connection.closeSync();
});
