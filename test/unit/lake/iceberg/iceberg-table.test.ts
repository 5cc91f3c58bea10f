import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseRows } from '../../../../src/lake/choice/choose-rows.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { openLocalFileStore } from '../../../../src/lake/storage/local-file-store.js';
import { fetchedStore, icebergTable, readIcebergRows } from '../../../support/iceberg-rows.js';
import {
  type IcebergField,
  IcebergWriter,
  type IcebergWriterOptions,
  icebergJson,
} from '../../../support/iceberg-writer.js';

// Goal: the rows of an Iceberg table are those that the specification says, whatever its history made of files, deletes,
// partitions and columns; or the table is refused by name.

const folder = mkdtempSync(path.join(tmpdir(), 'iceberg-'));
let engine: Engine;
let connection: DuckDBConnection;
let tables = 0;

beforeAll(async () => {
  engine = await openEngine({ memoryLimitMb: 128 });
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  connection = await instance.connect();
  await connection.run(`set TimeZone = 'UTC'`);
});
afterAll(async () => {
  connection.closeSync();
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const idAndName: readonly IcebergField[] = [
  { id: 1, name: 'id', type: 'long', required: true },
  { id: 2, name: 'name', type: 'string', doc: 'what it is called' },
];

function create(options: Partial<IcebergWriterOptions> = {}): IcebergWriter {
  return new IcebergWriter(connection, path.join(folder, `t${tables++}`), { fields: idAndName, ...options });
}

const open = (table: IcebergWriter) => icebergTable({ engine, root: table.folder });

/** The rows in place, and the same files through the spool of object stores. */
async function rowsOf(table: IcebergWriter, version?: bigint): Promise<string[]> {
  const inPlace = await readIcebergRows(open(table), version === undefined ? {} : { version });
  const fetched = await readIcebergRows(icebergTable({ engine, root: table.folder, store: fetchedStore() }), {
    parts: 1,
    ...(version === undefined ? {} : { version }),
  });
  expect(fetched.rows).toEqual(inPlace.rows);
  for (const { rowCount, rows } of [inPlace, fetched])
    if (rowCount !== null) expect(rowCount).toBe(BigInt(rows.length));
  return inPlace.rows;
}

const some = (from: number, to: number) => `select i as id, 'n' || i as name from range(${from}, ${to}) t(i)`;

describe('positions', () => {
  it('are sequence numbers, and go back when a table is rolled back', async () => {
    const table = create();
    expect(await rowsOfEmpty(table)).toMatchObject({ version: 0n, bookmark: expect.stringContaining('empty') });
    await table.commit([await table.write(some(0, 3))]);
    await table.commit([await table.write(some(3, 4))]);
    const newest = await open(table).snapshot();
    expect(newest).toMatchObject({ version: 2n, tableId: table.uuid, committedAtMs: 1_700_000_000_001 });
    expect(newest.bookmark).toContain('2164816796493460949');
    expect(await rowsOf(table, 1n)).toEqual(['0|n0', '1|n1', '2|n2']);
    table.currentSnapshot = table.snapshots[0]?.['snapshot-id'] ?? null;
    table.writeMetadata();
    expect(await open(table).snapshot()).toMatchObject({ version: 1n });
    expect(await rowsOf(table)).toHaveLength(3);
    await expect(open(table).snapshot(7n)).rejects.toMatchObject({ code: 'ICEBERG_SNAPSHOT_NOT_FOUND' });
  });

  it('of two snapshots or two sets of columns under one number differ by their bookmark', async () => {
    const table = create();
    await table.commit([await table.write(some(0, 3))]);
    const before = await open(table).snapshot();
    table.changeColumns([
      { id: 1, name: 'id', type: 'long' },
      { id: 2, name: 'title', type: 'string' },
    ]);
    table.writeMetadata();
    const renamed = await open(table).snapshot();
    expect(renamed.version).toBe(before.version);
    expect(renamed.bookmark).not.toBe(before.bookmark);
    const other = table.snapshots.map((snapshot) => ({ ...snapshot, 'snapshot-id': 5n }));
    table.writeMetadata({ snapshots: other, 'current-snapshot-id': 5n });
    const replaced = await open(table).snapshot();
    expect(replaced.version).toBe(before.version);
    expect(replaced.bookmark).not.toBe(renamed.bookmark);
  });

  it('in version 1 of the format are times', async () => {
    const table = create({ formatVersion: 1 });
    await table.commit([await table.write(some(0, 3))]);
    expect(await open(table).snapshot()).toMatchObject({ version: 1_700_000_000_000n });
    await table.commit([await table.write(some(3, 5))]);
    expect(await rowsOf(table)).toHaveLength(5);
    expect(await rowsOf(table, 1_700_000_000_000n)).toHaveLength(3);
  });
});

async function rowsOfEmpty(table: IcebergWriter) {
  table.writeMetadata();
  const { snapshot, rows } = await readIcebergRows(open(table));
  expect(rows).toEqual([]);
  return snapshot;
}

describe('metadata', () => {
  it.each(['null', 'deflate', 'snappy', 'zstandard'] as const)('with manifests of codec %s', async (codec) => {
    const table = create({ codec });
    await table.commit([await table.write(some(0, 3)), await table.write(some(3, 5))]);
    expect(await rowsOf(table)).toEqual(['0|n0', '1|n1', '2|n2', '3|n3', '4|n4']);
  });

  it('with manifests of another codec is refused by its name', async () => {
    const table = create({ codec: 'bzip2' });
    await table.commit([await table.write(some(0, 3))]);
    await expect(open(table).snapshot()).rejects.toMatchObject({
      code: 'ICEBERG_UNSUPPORTED_FEATURE',
      message: expect.stringContaining('Avro files of compression bzip2'),
    });
  });

  it('that lists manifests without a list, with the schema and the spec of version 1', async () => {
    const fields = [{ name: 'name', transform: 'identity', 'source-id': 2, 'field-id': 1000, avro: 'string' }];
    const table = create({ formatVersion: 1, partitionFields: fields });
    await table.commit([{ ...(await table.write('select 1 as id', '{id: 1}')), partition: { name: 'one' } }]);
    const snapshots = table.snapshots.map(({ 'manifest-list': _, ...snapshot }) => {
      return { ...snapshot, manifests: table.manifestPaths };
    });
    table.writeMetadata({
      snapshots,
      schemas: undefined,
      'current-schema-id': undefined,
      'partition-specs': undefined,
      'default-spec-id': undefined,
      schema: { type: 'struct', fields: idAndName },
      'partition-spec': fields.map(({ avro, ...field }) => field),
    });
    expect(await rowsOf(table)).toEqual(['1|one']);
  });

  it('is the newest by its name where no hint says which', async () => {
    const table = create();
    await table.commit([await table.write(some(0, 3))]);
    await table.commit([await table.write(some(3, 4))]);
    rmSync(path.join(table.folder, 'metadata/version-hint.text'));
    expect(await rowsOf(table)).toHaveLength(4);
    // A hint that was not raised.
    writeFileSync(path.join(table.folder, 'metadata/version-hint.text'), '1');
    expect(await rowsOf(table)).toHaveLength(4);
    // Nothing that leads out of the folder is a hint.
    writeFileSync(path.join(table.folder, 'metadata/version-hint.text'), '../../t0/metadata/v1');
    expect(await rowsOf(table)).toHaveLength(4);
  });

  it('that ends too early, or names what is not there, is named', async () => {
    const table = create();
    await table.commit([await table.write(some(0, 3))]);
    const file = path.join(table.folder, 'metadata/v1.metadata.json');
    const corrupt = { code: 'ICEBERG_METADATA_CORRUPT', message: expect.stringContaining(file) };
    writeFileSync(file, '{"format-version": 2, "loca');
    await expect(open(table).snapshot()).rejects.toMatchObject(corrupt);
    writeFileSync(file, icebergJson({ 'format-version': 2, location: '/t', snapshots: 3 }));
    await expect(open(table).snapshot()).rejects.toMatchObject(corrupt);
    writeFileSync(file, icebergJson({ 'format-version': 4, location: '/t' }));
    await expect(open(table).snapshot()).rejects.toMatchObject({ code: 'ICEBERG_UNSUPPORTED_FEATURE' });
    table.writeMetadata({ 'current-snapshot-id': 77n });
    await expect(open(table).snapshot()).rejects.toMatchObject({
      message: expect.stringContaining('current snapshot 77 is missing'),
    });
    table.writeMetadata();
    const [manifest = ''] = table.manifestPaths;
    writeFileSync(manifest, 'Obj\x01 nothing');
    await expect(open(table).snapshot()).rejects.toMatchObject({
      code: 'ICEBERG_METADATA_CORRUPT',
      message: expect.stringContaining(manifest),
    });
    rmSync(manifest);
    await expect(open(table).snapshot()).rejects.toMatchObject({
      code: 'SOURCE_FILE_MISSING',
      message: expect.stringContaining(manifest),
    });
  });

  it('tells its details', async () => {
    const table = create({ properties: { owner: 'me' } });
    const file = await table.write(some(0, 10));
    await table.commit([file]);
    await table.commit([await table.writePositions(file.statedPath, 'select 3')], { operation: 'delete' });
    expect(await open(table).details()).toMatchObject({
      format: 'ICEBERG',
      location: table.folder,
      statedRowCount: 9n,
      fileCount: 1,
      features: ['format version 2', 'positionDeletes'],
      properties: new Map([['owner', 'me']]),
      comments: new Map([['name', 'what it is called']]),
      commits: [
        { version: 2n, operation: 'delete' },
        { version: 1n, operation: 'append' },
      ],
    });
  });
});

describe('deleted rows', () => {
  it('are left out by position, also twice, and not those of files that are newer', async () => {
    const table = create();
    const [first, second] = [await table.write(some(0, 10)), await table.write(some(10, 20))];
    await table.commit([first, second]);
    await table.commit([
      await table.writePositions(first.statedPath, 'select unnest([0, 3])'),
      await table.writePositions(first.statedPath, 'select unnest([3, 9])'),
    ]);
    const expected = [1, 2, 4, 5, 6, 7, 8, ...Array.from({ length: 10 }, (_, n) => n + 10)].map((n) => `${n}|n${n}`);
    expect(await rowsOf(table)).toEqual(expected.sort());
    expect((await readIcebergRows(open(table))).rowCount).toBe(17n);
    await table.commit([], { removed: [first.statedPath] });
    expect(await rowsOf(table)).toHaveLength(10);
    // The same name again: what was deleted was deleted in the file of before.
    await table.commit([first]);
    expect(await rowsOf(table)).toHaveLength(20);
  });

  it('are left out by deletion vectors, which stand for all other deletes by position', async () => {
    const table = create({ formatVersion: 3 });
    const file = await table.write(some(0, 100_000));
    await table.commit([file]);
    await table.commit([await table.writePositions(file.statedPath, 'select unnest([5, 6])')]);
    const dead = [7n, 8n, 70_000n, ...Array.from({ length: 5_000 }, (_, n) => BigInt(n + 80_000))];
    const vector = table.writeVector(file.statedPath, dead);
    await table.commit([vector]);
    const rows = await rowsOf(table);
    expect(rows).toHaveLength(100_000 - dead.length);
    expect(rows).toContain('5|n5');
    expect(rows).not.toContain('70000|n70000');
    // The next vector replaces it.
    await table.commit([table.writeVector(file.statedPath, [7n])], { removed: [vector.statedPath] });
    expect(await rowsOf(table)).toHaveLength(99_999);
  });

  it('are read only from deletion vectors that are whole', async () => {
    const table = create({ formatVersion: 3 });
    const file = await table.write(some(0, 10));
    const vector = table.writeVector(file.statedPath, [7n, 8n]);
    await table.commit([file]);
    await table.commit([{ ...vector, rows: 3 }]);
    const failure = (reason: string) =>
      expect(rowsOf(table)).rejects.toMatchObject({
        code: 'SOURCE_FILE_CORRUPT',
        message: expect.stringContaining(reason),
      });
    await failure('it has 2 positions, the manifest says 3');
    writeFileSync(vector.statedPath, 'PFA1 and more that is no vector, and long enough for one');
    await failure('the manifest leaves');
  });

  it('are left out by equality: of older files only, and nulls are equal', async () => {
    const table = create();
    await table.commit([await table.write(`${some(0, 5)} union all select 5, null`)]);
    const deletes = await table.write(`select unnest([1, 3]) as id`, '{id: 1}');
    await table.commit([
      { ...deletes, content: 'equalityDeletes', equalityIds: [1] },
      // Of the same commit: not concerned.
      await table.write('select 1 as id, $$again$$ as name'),
    ]);
    expect(await rowsOf(table)).toEqual(['0|n0', '1|again', '2|n2', '4|n4', '5|∅']);
    const both = await table.write(`select 5 as id, null::varchar as name`, '{id: 1, name: 2}');
    const name = await table.write(`select 'n0' as name`, '{name: 2}');
    await table.commit([
      { ...both, content: 'equalityDeletes', equalityIds: [2, 1] },
      { ...name, content: 'equalityDeletes', equalityIds: [2] },
    ]);
    expect(await rowsOf(table)).toEqual(['1|again', '2|n2', '4|n4']);
    // What comes later is not deleted, and what is deleted again is.
    await table.commit([await table.write('select 5 as id, null::varchar as name union all select 3, $$back$$')]);
    expect(await rowsOf(table)).toEqual(['1|again', '2|n2', '3|back', '4|n4', '5|∅']);
    expect((await readIcebergRows(open(table))).rowCount).toBeNull();
    await table.commit([{ ...name, content: 'equalityDeletes', equalityIds: [] }]);
    await expect(open(table).snapshot()).rejects.toMatchObject({
      code: 'ICEBERG_METADATA_CORRUPT',
      message: expect.stringContaining('does not say which columns'),
    });
  });

  it('are left out by equality of a column that was renamed, widened or dropped since', async () => {
    const table = create({ fields: [...idAndName, { id: 3, name: 'code', type: 'int' }] });
    await table.commit([await table.write('select i as id, $$x$$ as name, i::integer as code from range(5) t(i)')]);
    const deletes = await table.write('select 2::integer as code', '{code: 3}');
    await table.commit([{ ...deletes, content: 'equalityDeletes', equalityIds: [3] }]);
    table.changeColumns([...idAndName, { id: 3, name: 'number', type: 'long' }]);
    table.writeMetadata();
    expect(await rowsOf(table)).toEqual(['0|x|0', '1|x|1', '3|x|3', '4|x|4']);
    table.changeColumns(idAndName);
    table.writeMetadata();
    expect(await rowsOf(table)).toEqual(['0|x', '1|x', '3|x', '4|x']);
  });

  it('are left out by equality within their partition, or everywhere', async () => {
    const byName = { name: 'name', transform: 'identity', 'source-id': 2, 'field-id': 1000, avro: 'string' };
    const table = create({ partitionFields: [byName] });
    const inPartition = async (name: string, select: string) => {
      return { ...(await table.write(select, '{id: 1}')), partition: { name } };
    };
    await table.commit([
      await inPartition('a', 'select unnest([1, 2]) as id'),
      await inPartition('b', 'select unnest([1, 2]) as id'),
    ]);
    const one = await inPartition('a', 'select 1 as id');
    await table.commit([{ ...one, content: 'equalityDeletes', equalityIds: [1] }]);
    expect(await rowsOf(table)).toEqual(['1|b', '2|a', '2|b']);
    // Of another spec, though the value is the same.
    table.repartition([{ ...byName, 'field-id': 1001, transform: 'truncate[8]' }]);
    const other = await inPartition('b', 'select 1 as id');
    await table.commit([{ ...other, content: 'equalityDeletes', equalityIds: [1] }]);
    expect(await rowsOf(table)).toEqual(['1|b', '2|a', '2|b']);
    table.repartition([]);
    const everywhere = await table.write('select 2 as id', '{id: 1}');
    await table.commit([{ ...everywhere, content: 'equalityDeletes', equalityIds: [1] }]);
    expect(await rowsOf(table)).toEqual(['1|b']);
  });
});

describe('columns', () => {
  it('are found by their ids: renamed, reordered, dropped, made anew, widened, at any depth', async () => {
    const table = create({
      fields: [
        { id: 1, name: 'a', type: 'int' },
        { id: 2, name: 'b', type: 'float' },
        {
          id: 3,
          name: 's',
          type: {
            type: 'struct',
            fields: [
              { id: 4, name: 'x', type: 'string' },
              { id: 5, name: 'y', type: 'string' },
            ],
          },
        },
        { id: 6, name: 'l', type: { type: 'list', 'element-id': 7, element: 'int' } },
        { id: 8, name: 'd', type: 'decimal(5, 2)' },
      ],
    });
    const ids = '{a: 1, b: 2, s: {__duckdb_field_id: 3, x: 4, y: 5}, l: {__duckdb_field_id: 6, element: 7}, d: 8}';
    const row = `select 1::integer as a, 0.5::float as b, {x: 'x', y: 'y'} as s, [1, 2]::integer[] as l, 1.25::decimal(5,2) as d`;
    await table.commit([await table.write(row, ids)]);
    table.changeColumns([
      { id: 2, name: 'a', type: 'double' },
      { id: 1, name: 'b', type: 'long' },
      {
        id: 3,
        name: 't',
        type: {
          type: 'struct',
          fields: [
            // Two exchanged their names, and the order is the one of the file.
            { id: 5, name: 'x', type: 'string' },
            { id: 4, name: 'y', type: 'string' },
          ],
        },
      },
      { id: 6, name: 'l', type: { type: 'list', 'element-id': 7, element: 'long' } },
      { id: 8, name: 'd', type: 'decimal(9, 2)' },
      { id: 9, name: 's', type: 'string' },
    ]);
    table.writeMetadata();
    expect(await rowsOf(table)).toEqual([`0.5|1|{'x': y, 'y': x}|[1, 2]|1.25|∅`]);
    const snapshot = await open(table).snapshot();
    expect(snapshot.columns.map(({ type }) => type.kind)).toEqual([
      'double',
      'long',
      'struct',
      'array',
      'decimal',
      'string',
    ]);
  });

  it('that files are older than have their initial default, members of structs too', async () => {
    const table = create({ formatVersion: 3 });
    await table.commit([await table.write(some(1, 2))]);
    table.changeColumns([
      ...idAndName,
      { id: 3, name: 'big', type: 'long', 'initial-default': -9223372036854775808n },
      { id: 4, name: 'raw', type: 'binary', 'initial-default': '0102ff' },
      { id: 5, name: 'price', type: 'decimal(16, 2)', 'initial-default': '12345.00' },
      { id: 6, name: 'at', type: 'timestamptz', 'initial-default': '1970-01-01T00:00:00.012345+00:00' },
      { id: 7, name: 'none', type: 'string' },
      {
        id: 8,
        name: 's',
        'initial-default': {},
        type: { type: 'struct', fields: [{ id: 9, name: 'm', type: 'int', 'initial-default': 7 }] },
      },
    ]);
    table.writeMetadata();
    expect(await rowsOf(table)).toEqual([
      `1|n1|-9223372036854775808|\\x01\\x02\\xFF|12345.00|1970-01-01 00:00:00.012345+00|∅|{'m': 7}`,
    ]);
    table.changeColumns([...idAndName, { id: 10, name: 'wrong', type: 'int', 'initial-default': 'x' }]);
    table.writeMetadata();
    await expect(rowsOf(table)).rejects.toMatchObject({ code: 'ICEBERG_METADATA_CORRUPT' });
  });

  it('of files without ids are found by the name mapping, or the files are refused', async () => {
    const table = create({
      fields: [
        ...idAndName,
        { id: 3, name: 's', type: { type: 'struct', fields: [{ id: 4, name: 'm', type: 'int' }] } },
      ],
    });
    await table.commit([await table.write(`select 1 as key, 'one' as name, {old: 5::integer} as s`, null)]);
    await expect(rowsOf(table)).rejects.toMatchObject({
      code: 'SOURCE_FILE_CORRUPT',
      message: expect.stringContaining('schema.name-mapping.default'),
    });
    const mapping = [
      { 'field-id': 1, names: ['id', 'key'] },
      { 'field-id': 2, names: ['title'] },
      { 'field-id': 3, names: ['s'], fields: [{ 'field-id': 4, names: ['m', 'old'] }] },
    ];
    table.properties = { 'schema.name-mapping.default': JSON.stringify(mapping) };
    table.writeMetadata();
    expect(await rowsOf(table)).toEqual([`1|∅|{'m': 5}`]);
  });

  it('that files lack have the value of their partition, of the spec that they were written under', async () => {
    const types = [
      ['i', 'int', 'int', 7, '7'],
      ['l', 'long', 'long', 9_007_199_254_740_993n, '9007199254740993'],
      ['f', 'float', 'float', 0.1, '0.1'],
      ['b', 'boolean', 'boolean', true, 'true'],
      ['d', 'date', { type: 'int', logicalType: 'date' }, -1, '1969-12-31'],
      ['t', 'time', { type: 'long', logicalType: 'time-micros' }, 3_600_000_001, '01:00:00.000001'],
      ['ts', 'timestamp', { type: 'long', logicalType: 'timestamp-micros' }, -1, '1969-12-31 23:59:59.999999'],
      ['tz', 'timestamptz', { type: 'long', logicalType: 'timestamp-micros' }, 1, '1970-01-01 00:00:00.000001+00'],
      ['s', 'string', 'string', 'ü', 'ü'],
      ['x', 'binary', 'bytes', Buffer.from([0, 255]), '\\x00\\xFF'],
      ['n', 'decimal(9, 2)', { type: 'bytes', logicalType: 'decimal' }, Buffer.from([255, 133]), '-1.23'],
      [
        'u',
        'uuid',
        { type: 'fixed', name: 'u16', size: 16 },
        Buffer.from('f79c3e09677c4bbda4793f349cb785e7', 'hex'),
        'f79c3e09-677c-4bbd-a479-3f349cb785e7',
      ],
    ] as const;
    const fields = types.map(([name, type], index) => ({ id: index + 2, name, type }));
    const partitionFields = types.map(([name, , avro], index) => {
      return { name, transform: 'identity', 'source-id': index + 2, 'field-id': 1000 + index, avro };
    });
    const table = create({ fields: [{ id: 1, name: 'id', type: 'long' }, ...fields], partitionFields });
    const partition = Object.fromEntries(types.map(([name, , , value]) => [name, value]));
    const file = await table.write('select 1 as id', '{id: 1}');
    const empty = await table.write('select 2 as id', '{id: 1}');
    await table.commit([{ ...file, partition }, empty]);
    table.repartition([]);
    await table.commit([await table.write('select 3 as id', '{id: 1}')]);
    const nothing = types.map(() => '∅').join('|');
    expect(await rowsOf(table)).toEqual([
      `1|${types.map(([, , , , text]) => text).join('|')}`,
      `2|${nothing}`,
      `3|${nothing}`,
    ]);
  });

  it('that nobody chose are not read, and may be of any type; a filter is on any others', async () => {
    const table = create({ fields: [...idAndName, { id: 3, name: 'at', type: 'timestamp_ns' }] });
    const at = `'2024-01-01'::timestamp_ns as at`;
    const file = await table.write(`select i as id, 'n' || i as name, ${at} from range(6) t(i)`);
    await table.commit([file]);
    await table.commit([await table.writePositions(file.statedPath, 'select 5')]);
    const chosen = chooseRows(open(table), { columns: ['name'], besides: [], rowFilter: 'id >= 3' });
    const { rows, snapshot } = await readIcebergRows(chosen);
    expect(rows).toEqual(['n3', 'n4']);
    expect(snapshot.bookmark).toBe((await open(table).snapshot()).bookmark);
  });

  it('of types without a counterpart are unsupported, and names must differ in more than capitals', async () => {
    const table = create({ fields: [...idAndName, { id: 3, name: 'at', type: 'timestamp_ns' }] });
    table.writeMetadata();
    const { columns } = await open(table).describe();
    expect(columns[2]?.type).toEqual({ kind: 'unsupported', name: 'timestamp_ns' });
    table.changeColumns([...idAndName, { id: 4, name: 'ID', type: 'int' }]);
    table.writeMetadata();
    await expect(open(table).describe()).rejects.toMatchObject({ code: 'ICEBERG_UNSUPPORTED_FEATURE' });
  });
});

describe('files', () => {
  it('are found where the table is now, by the prefixes of its writer', async () => {
    const table = create({ location: 's3a://warehouse/db/t' });
    const file = await table.write(some(0, 5));
    await table.commit([file]);
    await table.commit([await table.writePositions(file.statedPath, 'select 0')]);
    table.writeMetadata({ location: 's3://warehouse/db/t/' });
    expect(await rowsOf(table)).toHaveLength(4);
  });

  it('outside the folder are refused, whether by name or by a link, unless they are allowed', async () => {
    const other = create();
    const outside = await other.write(some(0, 5));
    const table = create();
    await table.commit([outside]);
    const refused = { code: 'SOURCE_PATH_OUTSIDE' };
    await expect(open(table).snapshot()).rejects.toMatchObject(refused);
    const allowed = icebergTable({ engine, root: table.folder, allowOutsidePaths: true });
    expect((await readIcebergRows(allowed)).rows).toHaveLength(5);
    const dotted = create();
    await dotted.commit([
      { ...outside, statedPath: `${dotted.location}/../${path.basename(other.folder)}/data/0.parquet` },
    ]);
    await expect(open(dotted).snapshot()).rejects.toMatchObject(refused);
    const linked = create();
    const link = `${linked.location}/data/link.parquet`;
    symlinkSync(outside.statedPath, link);
    await linked.commit([{ ...outside, statedPath: link }]);
    const within = { folder: linked.folder, tableName: 'lake.ice.t' };
    const store = openLocalFileStore({ root: linked.folder, timeoutMs: 5_000, within });
    await expect(readIcebergRows(icebergTable({ engine, root: linked.folder, store }))).rejects.toMatchObject(refused);
  });

  it('that are not what was written are refused by name', async () => {
    const table = create();
    const [first, second] = [await table.write(some(0, 5)), await table.write(some(5, 9))];
    await table.commit([first, second]);
    cpSync(first.statedPath, second.statedPath);
    await expect(rowsOf(table)).rejects.toMatchObject({
      code: 'SOURCE_FILE_CORRUPT',
      message: expect.stringContaining(`${second.statedPath} of source table lake.ice.t is damaged: it has 5 rows`),
    });
    writeFileSync(second.statedPath, 'PAR1 no more');
    await expect(rowsOf(table)).rejects.toMatchObject({ code: 'SOURCE_FILE_CORRUPT' });
    rmSync(second.statedPath);
    await expect(rowsOf(table)).rejects.toMatchObject({ code: 'SOURCE_FILE_MISSING' });
  });

  it('of other formats are refused', async () => {
    const table = create();
    await table.commit([{ ...(await table.write(some(0, 5))), format: 'ORC' }]);
    await expect(open(table).snapshot()).rejects.toMatchObject({
      code: 'ICEBERG_UNSUPPORTED_FEATURE',
      message: expect.stringContaining('files of format ORC'),
    });
  });

  it('are read a few rows at a time where that is asked for', async () => {
    const table = create();
    const file = await table.write(some(0, 25));
    await table.commit([file, await table.write(some(25, 30))]);
    await table.commit([await table.writePositions(file.statedPath, 'select unnest([0, 24])')]);
    const { rows } = await readIcebergRows(open(table).readBy(engine, 4), { parts: 1 });
    expect(rows).toHaveLength(28);
  });
});
