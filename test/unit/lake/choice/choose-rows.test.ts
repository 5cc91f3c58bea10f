import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ChangeRelation } from '../../../../src/lake/changes/change-relation.js';
import type { Choice } from '../../../../src/lake/choice/choice.js';
import { chooseRows } from '../../../../src/lake/choice/choose-rows.js';
import { type Engine, openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../../../src/lake/lake-table.js';
import { localFileStore } from '../../../../src/lake/storage/local-file-store.js';
import { ChangeTable, feedMetaData } from '../../../support/change-table.js';
import { add, protocol, remove, type SchemaField, schemaString } from '../../../support/delta-log-folder.js';
import { icebergTable } from '../../../support/iceberg-rows.js';
import { IcebergWriter } from '../../../support/iceberg-writer.js';

// Goal: a table of which columns and rows are chosen gives those and no others, in snapshots and changes; what does not fit
// the source is refused by a code, and where in the filter it stands.

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

const USERS: readonly SchemaField[] = [
  { name: 'id', type: 'long' },
  { name: 'name', type: 'string' },
  { name: 'email', type: 'string' },
  { name: 'Age', type: 'integer' },
  { name: 'region', type: 'string' },
  { name: 'place', type: 'geometry' },
];
const people = (...rows: [id: number, name: string, age: number | null][]) =>
  rows
    .map(
      ([id, name, age]) => `select ${id}::bigint as id, '${name}' as name, '${name}@x' as email, ${age}::int as "Age"`,
    )
    .join(' union all ');
const changed = (...rows: [id: number, name: string, age: number | null, type: string][]) =>
  rows.map(([id, name, age, type]) => `${people([id, name, age])}, '${type}' as _change_type`).join(' union all ');

const inPart = (region: string) => ({ partitionValues: { region } });

/** Two files in region EU, one in US, one in none. */
async function users(fields: readonly SchemaField[] = USERS): Promise<ChangeTable> {
  const table = new ChangeTable(engine, connection);
  const parts = { schemaString: schemaString(...fields), partitionColumns: ['region'] };
  table.commit(
    0,
    protocol,
    feedMetaData(parts),
    await table.added('eu1', people([1, 'Ada', 30], [2, 'Bo', null]), inPart('EU')),
    await table.added('eu2', people([3, 'Cy', 17]), inPart('EU')),
    await table.added('us1', people([4, 'Di', 40]), inPart('US')),
    await table.added('none', people([5, 'Ed', 50]), { partitionValues: { region: null } }),
  );
  return table;
}

const chosen = (table: ChangeTable, choice: Partial<Choice>, whole: LakeTable = table.table()) =>
  chooseRows(whole, { columns: null, besides: [], rowFilter: null, ...choice });

async function rowsOf(lakeTable: LakeTable, version?: bigint): Promise<unknown[][]> {
  await using relation = await lakeTable.openRelation(await lakeTable.snapshot(version), 4);
  const result = await connection.runAndReadAll(`select * from (${relation.parts.join(' union all ')}) order by all`);
  return result.getRowsJson() as unknown[][];
}

async function changesOf(lakeTable: LakeTable, from = 0n): Promise<string[]> {
  const changes = await lakeTable.changeFeed?.changes({ from, allowFileDiff: false, keyColumns: ['id'] });
  if (!changes) throw new Error('no change feed');
  await using _ = changes;
  return (await collapsed(changes)).map((row) => row.join(' '));
}

async function collapsed(changes: ChangeRelation): Promise<unknown[][]> {
  const { select } = await changes.collapse({ keyColumns: ['id'] });
  const result = await connection.runAndReadAll(`select id, _change_type from (${select}) order by all`);
  return result.getRowsJson() as unknown[][];
}

it('gives the chosen columns in the order of the source, also past columns that cannot be synced', async () => {
  using table = await users();
  const lakeTable = chosen(table, { columns: ['name', 'id'], rowFilter: "region = 'EU' and age >= 18" });
  expect((await lakeTable.snapshot()).columns.map(({ name }) => name)).toEqual(['id', 'name']);
  expect(await rowsOf(lakeTable)).toEqual([['1', 'Ada']]);
  const minors = chosen(table, { columns: ['id'], rowFilter: 'Age < 18 or Age is null' });
  expect(await rowsOf(minors)).toEqual([['2'], ['3']]);
});

it('asks the store for no file of a partition that the filter leaves out', async () => {
  using table = await users();
  const asked: string[] = [];
  const store = {
    ...localFileStore,
    stat(path: string) {
      asked.push(path.slice(path.lastIndexOf('/') + 1));
      return localFileStore.stat(path);
    },
  };
  const filesFor = async (rowFilter: string | null) => {
    asked.length = 0;
    const lakeTable = chosen(table, { columns: ['id'], rowFilter }, table.table(store));
    await using relation = await lakeTable.openRelation(await lakeTable.snapshot(), 4);
    const read = (relation.files ?? []).flat().map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
    expect(read.every((file) => asked.includes(file))).toBe(true);
    expect(asked.filter((file) => !file.endsWith('.json')).sort()).toEqual(read.sort());
    return read;
  };
  expect(await filesFor(null)).toEqual(['eu1', 'eu2', 'none', 'us1']);
  expect(await filesFor("region = 'EU'")).toEqual(['eu1', 'eu2']);
  expect(await filesFor("age > 1 and (upper(region) in ('US', 'XX') and id > 0)")).toEqual(['us1']);
  expect(await filesFor('region is null')).toEqual(['none']);
  expect(await filesFor("region = 'EU' or age > 1")).toEqual(['eu1', 'eu2', 'none', 'us1']);
  expect(await filesFor("region = 'nowhere'")).toEqual([]);
});

// Only Linux counts what a process reads (/proc/self/io).
it.skipIf(process.platform !== 'linux')(
  'reads of a file only the row groups in which the condition may be fulfilled',
  async () => {
    using table = new ChangeTable(engine, connection);
    const file = path.join(table.root, 'sorted');
    await connection.run(
      `copy (select range as id, md5(range::varchar) || md5((-range)::varchar) as name from range(300000))
       to '${file}' (format parquet, row_group_size 10240)`,
    );
    const fields = [
      { name: 'id', type: 'long' },
      { name: 'name', type: 'string' },
    ];
    const { size } = statSync(file);
    table.commit(0, protocol, feedMetaData({ schemaString: schemaString(...fields) }), add('sorted', { size }));
    const bytesFor = async (rowFilter: string | null) => {
      const lakeTable = chosen(table, { columns: ['id', 'name'], rowFilter });
      await using relation = await lakeTable.openRelation(await lakeTable.snapshot(), 1);
      const before = bytesRead();
      const result = await connection.runAndReadAll(`select count(*), max(name) from (${relation.parts[0]})`);
      return { rows: Number(result.getRowsJson()[0]?.[0]), bytes: bytesRead() - before };
    };
    const some = await bytesFor('id between 100000 and 100999');
    const all = await bytesFor(null);
    expect([some.rows, all.rows]).toEqual([1_000, 300_000]);
    expect(some.bytes * 5).toBeLessThan(all.bytes);
  },
);

/** By this process so far, from files of any kind. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

it('makes of changes those of the chosen rows', async () => {
  using table = await users();
  const lakeTable = chosen(table, { columns: ['id', 'name'], rowFilter: "region = 'EU' and age >= 18" });
  table.commit(
    1,
    remove('eu1', inPart('EU')),
    remove('eu2', inPart('EU')),
    await table.added('eu3', people([1, 'Ada', 16], [2, 'Bo', 20], [3, 'Cy', 17]), inPart('EU')),
    // 1 no longer fulfils the filter, 2 begins to, 3 never does.
    await table.changed(
      'c1',
      changed(
        [1, 'Ada', 30, 'update_preimage'],
        [1, 'Ada', 16, 'update_postimage'],
        [2, 'Bo', null, 'update_preimage'],
        [2, 'Bo', 20, 'update_postimage'],
        [3, 'Cy', 17, 'update_preimage'],
        [3, 'Cyd', 17, 'update_postimage'],
      ),
      inPart('EU'),
    ),
  );
  table.commit(2, remove('us1', inPart('US')), await table.added('us2', people([6, 'Flo', 60]), inPart('US')));
  expect(await changesOf(lakeTable)).toEqual(['1 delete', '2 upsert']);
  await using changes = (await lakeTable.changeFeed?.changes({ from: 0n, allowFileDiff: false })) as ChangeRelation;
  expect(await changes.countRows()).toBe(2n);
  expect(await changes.contradictions()).toEqual([]);
  expect((await changes.collapse({ keyColumns: ['id'] })).balance).toBe(0n);
  expect(await rowsOf(lakeTable)).toEqual([['2', 'Bo']]);
});

it('keeps the row of a key that other rows of the key are not chosen beside', async () => {
  using table = await users();
  const lakeTable = chosen(table, { columns: ['id', 'name'], rowFilter: "age is null and region = 'US'" });
  // A history table: of each id one row is current, the one without an age.
  table.commit(1, await table.added('h1', people([7, 'old', 1], [7, 'current', null]), inPart('US')));
  expect(await rowsOf(lakeTable)).toEqual([['7', 'current']]);
  table.commit(
    2,
    remove('h1', inPart('US')),
    await table.added('h2', people([7, 'older', 1], [7, 'current', null]), inPart('US')),
    await table.changed(
      'c2',
      changed([7, 'old', 1, 'update_preimage'], [7, 'older', 1, 'update_postimage']),
      inPart('US'),
    ),
  );
  expect(await changesOf(lakeTable, 1n)).toEqual([]);
  expect(await changesOf(lakeTable)).toEqual(['7 upsert']);
});

it('minds the columns that it needs, and no others', async () => {
  using table = await users();
  const lakeTable = chosen(table, { columns: ['id', 'name'], rowFilter: 'age > 1' });
  const later = (...fields: SchemaField[]) =>
    feedMetaData({ schemaString: schemaString(...fields), partitionColumns: ['region'] });
  const fields = USERS.filter(({ name }) => name !== 'email');
  table.commit(1, later(...fields, { name: 'extra', type: 'string' }));
  expect(await changesOf(lakeTable)).toEqual([]);
  expect((await lakeTable.snapshot()).columns.map(({ name }) => name)).toEqual(['id', 'name']);
  table.commit(2, later(...fields.filter(({ name }) => name !== 'Age')));
  await expect(changesOf(lakeTable)).rejects.toMatchObject({
    code: 'CHOSEN_COLUMN_CHANGED',
    message: expect.stringContaining('"Age"'),
  });
  await expect(rowsOf(lakeTable)).rejects.toMatchObject({ code: 'ROW_FILTER_INVALID' });
  await expect(changesOf(chosen(table, { rowFilter: 'age > 1' }), 1n)).rejects.toMatchObject({
    code: 'CHOSEN_COLUMN_CHANGED',
  });
  await expect(changesOf(chosen(table, { rowFilter: 'id > 1' }), 1n)).rejects.toMatchObject({
    code: 'COLUMN_DROP_NOT_SUPPORTED',
  });
  expect(await rowsOf(lakeTable, 1n)).toHaveLength(4);
});

it.each<[filter: string, reason: string]>([
  ['regin = "EU"', 'the source has no column "regin" (at character 1)'],
  ["name = 'é' and regin = 'EU'", 'the source has no column "regin" (at character 16)'],
  ['`name` = "x" and', 'syntax error at end of input (at character 17)'],
  ['age = = 1', 'syntax error at or near "=" (at character 7)'],
  ['age = 1 limit 2', 'it is a query'],
  ['age = 1 fine', '"fine" behind it belongs to nothing'],
  ['age > (select 1)', 'a subquery cannot be part of it (at character 7)'],
  ['rand() < 0.5', 'there is no function rand whose result depends on its arguments alone (at character 1)'],
  [
    'cast(now() as string) > name',
    'there is no function now whose result depends on its arguments alone (at character 6)',
  ],
  ['max(age) = 1', 'max works on many rows (at character 1)'],
  ['age', 'it gives integer, not true or false'],
  ["'true'", 'it gives varchar, not true or false'],
  ["age = 'abc'", 'a text cannot be converted to INT32'],
  ['place is null', 'column "place" has type geometry, which cannot be read'],
  ['', 'SELECT clause without selection list'],
])('refuses the filter %j', async (rowFilter, reason) => {
  using table = await users();
  await expect(chosen(table, { columns: ['id'], rowFilter }).snapshot()).rejects.toMatchObject({
    code: 'ROW_FILTER_INVALID',
    message: `The row filter for source table lake.test.t cannot be used: ${reason}.`,
  });
});

it('refuses columns that the source has not, with those that it has', async () => {
  using table = await users();
  await expect(chosen(table, { columns: ['id', 'NAME'] }).snapshot()).rejects.toMatchObject({
    code: 'CHOSEN_COLUMN_NOT_FOUND',
    message: expect.stringMatching(/"NAME".*id, name, email, Age, region, place/),
  });
});

it('gives a part of an Iceberg table, also past columns that cannot be synced', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chosen-iceberg-'));
  try {
    const fields = [
      { id: 1, name: 'id', type: 'long' },
      { id: 2, name: 'name', type: 'string' },
      { id: 3, name: 'region', type: 'string' },
      { id: 4, name: 'fine', type: 'timestamp_ns' },
    ];
    const writer = new IcebergWriter(connection, path.join(folder, 't'), { fields });
    const rows = `select i as id, 'n' || i as name, 'r' || i % 2 as region, make_timestamp_ns(i) as fine from range(6) t(i)`;
    await writer.commit([await writer.write(rows)]);
    const whole = icebergTable({ engine, root: writer.folder });
    const lakeTable = chooseRows(whole, { columns: ['id'], besides: [], rowFilter: "region = 'r1' and id > 1" });
    const snapshot = await lakeTable.snapshot();
    expect(snapshot.columns.map(({ name }) => name)).toEqual(['id']);
    expect(snapshot.bookmark).toBe((await whole.snapshot()).bookmark);
    expect(await rowsOf(lakeTable)).toEqual([['3'], ['5']]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
