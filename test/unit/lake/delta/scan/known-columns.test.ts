import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, openEngine } from '../../../../../src/lake/engine/duckdb-engine.js';
import { wholeRelation } from '../../../../../src/lake/relation/relation.js';
import { ChangeTable, feedMetaData } from '../../../../support/change-table.js';
import {
  featureProtocol,
  metaData,
  protocol,
  remove,
  type SchemaField,
  schemaString,
} from '../../../../support/delta-log-folder.js';

// Goal: a file whose columns are looked for under wrong names is refused, never read as rows of nulls; one that rightly
// has none of the table's columns is read. The mapping that the configuration states holds, whatever the protocol lists.

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

async function rows(table: ChangeTable, version?: bigint): Promise<string[]> {
  const source = table.table();
  await using relation = await source.openRelation(await source.snapshot(version), 1);
  const found = await table.rows(`select * from (${wholeRelation(relation)}) order by all`);
  return found.map((row) => row.map((value) => (value === null ? 'null' : JSON.stringify(value))).join(' '));
}

function mapped(name: string, id: number, physicalName = `col-${id}`, type: unknown = 'long'): SchemaField {
  return {
    name,
    type,
    metadata: { 'delta.columnMapping.id': id, 'delta.columnMapping.physicalName': physicalName },
  };
}

/** Metadata of mapping mode name; `greatest` is the greatest id ever given to a column. */
function mapping(greatest: number, fields: readonly SchemaField[], partitionColumns: readonly string[] = []) {
  const configuration = { 'delta.columnMapping.mode': 'name', 'delta.columnMapping.maxColumnId': String(greatest) };
  return feedMetaData({ schemaString: schemaString(...fields), partitionColumns }, configuration);
}

const reader2 = { protocol: { minReaderVersion: 2, minWriterVersion: 7, writerFeatures: ['columnMapping'] } };
const reader1 = { protocol: { minReaderVersion: 1, minWriterVersion: 5 } };

describe('a mapping that the protocol no longer lists for readers', () => {
  it.each([
    ['3/7 without features', featureProtocol()],
    ['3/7 with another feature', featureProtocol('deletionVectors')],
    ['1/5', reader1],
  ])('is honoured after an upgrade to %s', async (_, upgraded) => {
    using table = new ChangeTable(engine, connection);
    const fields = [mapped('id', 1), mapped('n', 2)];
    table.commit(0, reader2, mapping(2, fields));
    table.commit(1, await table.added('a', 'select 7::bigint as "col-1", 8::bigint as "col-2"'));
    table.commit(2, upgraded, mapping(2, fields));
    table.commit(3, await table.added('b', 'select 9::bigint as "col-1", 10::bigint as "col-2"'));
    expect(await rows(table, 1n)).toEqual(['"7" "8"']);
    expect(await rows(table, 2n)).toEqual(['"7" "8"']);
    expect(await table.changes({ from: 1n, keyColumns: ['id'] }, 'id, n')).toEqual(['9 10 insert 3']);
    expect(await table.collapsed({ from: 1n }, 'id, n')).toEqual(['9 10 upsert 3']);
  });

  it('has no effect where no column has a physical name', async () => {
    using table = new ChangeTable(engine, connection);
    const configuration = { 'delta.columnMapping.mode': 'name' };
    table.commit(0, reader1, metaData({ configuration }), await table.added('a', 'select 7::bigint as id'));
    expect(await rows(table)).toEqual(['"7"']);
  });
});

describe('a file with none of the columns of its table', () => {
  const refusal = (file: string, ...more: string[]) => ({
    code: 'SOURCE_FILE_COLUMNS_UNKNOWN',
    message: expect.stringMatching(new RegExp([file, 'lake.test.t', ...more].join('.*'))),
  });

  it('is refused in a snapshot and in changes, with file and table', async () => {
    using table = new ChangeTable(engine, connection);
    table.commit(0, protocol, feedMetaData(), await table.added('right', 'select 1::bigint as id'));
    table.commit(1, await table.added('wrong', 'select 2::bigint as "col-1", 3 as "col-2"'));
    await expect(rows(table)).rejects.toMatchObject(refusal('wrong', '"col-1", "col-2"'));
    await expect(table.changes()).rejects.toMatchObject(refusal('wrong', '"col-1"'));
    await expect(rows(table, 0n)).resolves.toEqual(['"1"']);
  });

  it('is refused as a change file', async () => {
    using table = new ChangeTable(engine, connection);
    table.commit(0, protocol, feedMetaData());
    table.commit(1, await table.changed('c', `select 2 as other, 'insert' as _change_type`));
    await expect(table.changes()).rejects.toMatchObject(refusal('c', '"other"'));
  });

  it('is refused by display names under a mapping without dropped columns', async () => {
    using table = new ChangeTable(engine, connection);
    const added = await table.added('wrong', 'select 1::bigint as id, 2::bigint as n');
    table.commit(0, reader2, mapping(2, [mapped('id', 1), mapped('n', 2)]), added);
    await expect(rows(table)).rejects.toMatchObject(refusal('wrong'));
  });

  it('is refused for a struct of which no member is found, in lists and maps too', async () => {
    const struct = { type: 'struct', fields: [{ name: 'a', type: 'long', nullable: true, metadata: {} }] };
    for (const [type, value] of [
      [struct, `{'b': 1}`],
      [{ type: 'array', elementType: struct, containsNull: true }, `[{'b': 1}]`],
      [{ type: 'map', keyType: 'string', valueType: struct, valueContainsNull: true }, `map {'k': {'b': 1}}`],
    ]) {
      using table = new ChangeTable(engine, connection);
      const schema = schemaString({ name: 'id', type: 'long' }, { name: 's', type });
      table.commit(0, protocol, metaData({ schemaString: schema }));
      table.commit(1, await table.added('wrong', `select 1::bigint as id, ${value} as s`));
      await expect(rows(table)).rejects.toMatchObject(refusal('wrong', 'inside "s"', '"b"'));
    }
  });

  it('is read if it has no rows, or none that live', async () => {
    using table = new ChangeTable(engine, connection);
    table.commit(0, protocol, metaData(), await table.added('empty', 'select 1 as other where false'));
    expect(await rows(table)).toEqual([]);
  });

  it('is read if the table has only partition columns, or columns that writers leave out', async () => {
    using table = new ChangeTable(engine, connection);
    const schema = schemaString({ name: 'p', type: 'string' }, { name: 'v', type: 'void' });
    const added = await table.added('a', 'select 1 as other', { partitionValues: { p: 'x' } });
    table.commit(0, protocol, metaData({ schemaString: schema, partitionColumns: ['p'] }), added);
    expect(await rows(table)).toEqual(['"x" null']);
  });

  it('is read if it holds nothing but partition columns', async () => {
    using table = new ChangeTable(engine, connection);
    const schema = schemaString({ name: 'p', type: 'string' }, { name: 'added_later', type: 'long' });
    const added = await table.added('a', `select 'x' as p`, { partitionValues: { p: 'x' } });
    table.commit(0, protocol, metaData({ schemaString: schema, partitionColumns: ['p'] }), added);
    expect(await rows(table)).toEqual(['"x" null']);
  });

  it('is read as nulls after all columns were dropped and added anew', async () => {
    using table = new ChangeTable(engine, connection);
    table.commit(0, protocol, feedMetaData(), await table.added('before', 'select 1::bigint as id'));
    table.commit(1, reader2, mapping(1, [mapped('id', 1, 'id')]));
    table.commit(2, mapping(2, [mapped('id', 1, 'id'), mapped('n', 2)]));
    table.commit(3, mapping(2, [mapped('n', 2)]));
    table.commit(4, mapping(3, [mapped('n', 2), mapped('id', 3)]));
    expect(await rows(table)).toEqual(['null null']);
    table.commit(5, remove('before'));
    expect(await table.changes({ from: 3n, schemaPolicy: 'follow' }, 'id, n')).toEqual(['  delete 5']);
  });

  it('is refused if it has more columns than the table ever dropped', async () => {
    using table = new ChangeTable(engine, connection);
    const added = await table.added('wrong', 'select 1 as a, 2 as b');
    table.commit(0, reader2, mapping(3, [mapped('n', 2), mapped('id', 3)]), added);
    await expect(rows(table)).rejects.toMatchObject(refusal('wrong'));
  });

  it('does not take ids of nested parts for dropped columns', async () => {
    using table = new ChangeTable(engine, connection);
    const list = mapped('l', 1, 'col-1', { type: 'array', elementType: 'long', containsNull: true });
    const nested = {
      ...list,
      metadata: { ...list.metadata, 'delta.columnMapping.nested.ids': { 'col-1.element': 2 } },
    };
    table.commit(0, reader2, mapping(2, [nested]), await table.added('wrong', 'select [1] as l'));
    await expect(rows(table)).rejects.toMatchObject(refusal('wrong'));
  });
});
