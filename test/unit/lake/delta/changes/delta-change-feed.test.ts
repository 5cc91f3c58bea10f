import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { asSyncedTablesError } from '../../../../../src/core/errors.js';
import { type Engine, openEngine } from '../../../../../src/lake/engine/duckdb-engine.js';
import type { FileStore } from '../../../../../src/lake/storage/file-store.js';
import { localFileStore } from '../../../../../src/lake/storage/local-file-store.js';
import { ChangeTable, feedMetaData } from '../../../../support/change-table.js';
import {
  add,
  featureProtocol,
  metaData,
  protocol,
  remove,
  schemaString,
} from '../../../../support/delta-log-folder.js';

// Goal: changes come from change files where there are any, else from the file actions; what cannot be followed is
// refused with the class of error that says why.

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

/** A table with the feed on and rows 1 to 3 in file `base`. */
async function tableWithRows(parts: Record<string, unknown> = {}): Promise<ChangeTable> {
  const table = new ChangeTable(engine, connection);
  const base = await table.added('base', 'select range as id from range(1, 4)');
  table.commit(0, protocol, feedMetaData(parts), base);
  return table;
}

const ids = (...values: number[]) => `select unnest([${values.join(', ')}])::bigint as id`;
const typed = (...values: [number, string][]) =>
  values.map(([id, type]) => `select ${id}::bigint as id, '${type}' as _change_type`).join(' union all ');
const two = (name: string, type: unknown = 'string') =>
  schemaString({ name: 'id', type: 'long' }, { name, type, metadata: {} });

it('takes adds as inserts and removes as deletes, but not what changes no data', async () => {
  using table = await tableWithRows();
  table.commit(1, await table.added('a', ids(4, 5)));
  table.commit(2, remove('base'));
  table.commit(3, await table.added('b', ids(4, 5), { dataChange: false }), remove('a', { dataChange: false }));
  expect(await table.changes()).toEqual(['4 insert 1', '5 insert 1', '1 delete 2', '2 delete 2', '3 delete 2']);
});

it('reads only the change files of a commit that has some', async () => {
  using table = await tableWithRows();
  const cdc = await table.changed('c', typed([2, 'update_preimage'], [2, 'update_postimage'], [3, 'delete']));
  table.commit(1, remove('base'), await table.added('a', ids(1, 2)), cdc);
  expect(await table.changes()).toEqual(['2 update_postimage 1', '2 update_preimage 1', '3 delete 1']);
  expect(await table.collapsed()).toEqual(['2 upsert 1', '3 delete 1']);
});

it('gives the whole table from before its first version', async () => {
  using table = await tableWithRows();
  expect(await table.changes({ from: -1n })).toEqual(['1 insert 0', '2 insert 0', '3 insert 0']);
});

it('has nothing to say between a version and itself', async () => {
  using table = await tableWithRows();
  expect(await table.changes({ from: 0n, to: 0n })).toEqual([]);
  expect(await table.collapsed({ from: 0n, to: 0n })).toEqual([]);
});

it('collapses many commits on one key to one row', async () => {
  using table = await tableWithRows();
  for (let version = 1; version <= 50; version++) {
    table.commit(version, await table.changed(`c${version}`, typed([1, 'update_preimage'], [1, 'update_postimage'])));
  }
  expect(await table.collapsed()).toEqual(['1 upsert 50']);
});

it('lets an insert win over the delete of the same version, and a later delete over it', async () => {
  using table = await tableWithRows();
  table.commit(1, await table.changed('c1', typed([1, 'insert'], [1, 'delete'], [2, 'delete'], [2, 'insert'])));
  table.commit(2, await table.changed('c2', typed([2, 'delete'])));
  expect(await table.collapsed()).toEqual(['1 upsert 1', '2 delete 2']);
});

it('reports keys with several rows, and counts rows without a key', async () => {
  using table = await tableWithRows();
  table.commit(1, await table.added('a', `${ids(7, 7, 8)} union all select null`));
  table.commit(2, await table.added('b', ids(8)));
  await using changes = await table.feed().changes({ from: 0n, allowFileDiff: false });
  const collapsed = await changes.collapse({ keyColumns: ['id'] });
  expect(collapsed).toMatchObject({ rowsWithoutKey: 1n, duplicateKeyCount: 2n, duplicateKeys: ['7', '8'] });
  expect(await changes.countRows()).toBe(5n);
});

it('takes partition values that a remove leaves out from the add before', async () => {
  using table = new ChangeTable(engine, connection);
  const schema = { schemaString: two('p'), partitionColumns: ['p'] };
  const early = await table.added('p=x/a', ids(1), { partitionValues: { p: 'x' } });
  table.commit(0, protocol, feedMetaData(schema), early);
  table.commit(1, await table.added('p=y/b', ids(2), { partitionValues: { p: 'y' } }));
  table.commit(2, remove('p=x/a'), remove('p=y/b'));
  expect(await table.changes({}, 'id, p')).toEqual(['2 y insert 1', '1 x delete 2', '2 y delete 2']);
});

it('names the version at which the feed was off, unless file differences will do', async () => {
  using table = await tableWithRows();
  table.commit(1, await table.added('a', ids(4)));
  table.commit(2, metaData());
  table.commit(3, remove('a'));
  await expect(table.changes({ to: 1n })).resolves.toEqual(['4 insert 1']);
  await expect(table.changes()).rejects.toMatchObject({ code: 'CHANGE_DATA_FEED_INCOMPLETE' });
  expect(await table.changes({ allowFileDiff: true })).toEqual(['4 insert 1', '4 delete 3']);
});

/** Too many bytes to be loaded into the engine before they are read. */
const manyRows = 'select (hash(range) >> 2)::bigint as id from range(10, 80000)';

it.each([
  ['a small', ''],
  ['a large', ` union all select id, 'insert' from (${manyRows})`],
])('refuses a change type that nobody knows in %s file, however it is read', async (_, others) => {
  using table = await tableWithRows();
  table.commit(1, await table.changed('c', `${typed([1, 'upsert'])}${others}`));
  const refusal = {
    code: 'CHANGE_TYPE_UNKNOWN',
    message: expect.stringMatching(
      /^Change data file \/.* of source table .*, version 1, holds the change type upsert, /,
    ),
  };
  await expect(table.changes()).rejects.toMatchObject(refusal);
  await expect(table.collapsed()).rejects.toMatchObject(refusal);
});

it('counts and collapses a large change file as a small one', async () => {
  using table = await tableWithRows();
  const change = `${typed([1, 'delete'])} union all select id, 'insert' from (${manyRows})`;
  table.commit(1, remove('base'), await table.added('a', ids(2, 3)), await table.changed('c', change));
  await using changes = await table.feed().changes({ from: 0n, allowFileDiff: false });
  expect(await changes.countRows()).toBe(79_991n);
  expect(await changes.contradictions()).toMatchObject([{ version: 1n, inFeed: 79_989n, inFiles: -1n }]);
  const collapsed = await changes.collapse({ keyColumns: ['id'] });
  expect(collapsed).toMatchObject({ upserts: 79_990n, deletes: 1n, balance: 79_989n });
});

it('checks the protocol again at each version', async () => {
  using table = await tableWithRows();
  table.commit(1, featureProtocol('teleportation')).commit(2, featureProtocol('deletionVectors'));
  await expect(table.changes()).rejects.toMatchObject({ code: 'DELTA_UNSUPPORTED_FEATURE' });
});

it('names the oldest version when commits are gone', async () => {
  using table = await tableWithRows();
  for (let version = 1; version <= 6; version++) table.commit(version);
  for (let version = 1; version <= 6; version++)
    table.write(`${String(version).padStart(20, '0')}.json`, [{ txn: {} }]);
  for (const version of [2, 3]) table.removeFile(`_delta_log/${String(version).padStart(20, '0')}.json`);
  await expect(table.changes({ from: 0n, to: 6n })).rejects.toMatchObject({
    code: 'DELTA_TRUNCATED_TRANSACTION_LOG',
    message: expect.stringContaining('oldest version left in its log is 4'),
  });
  await expect(table.changes({ from: 0n, to: 9n })).rejects.toMatchObject({ code: 'DELTA_VERSION_NOT_FOUND' });
});

it('says that history is gone when nothing tells what was in force at the start', async () => {
  using table = await tableWithRows();
  table.commit(1, remove('nothing')).commit(2, remove('nothing'));
  table.removeFile('_delta_log/00000000000000000000.json');
  await expect(table.changes({ from: 0n, to: 2n })).rejects.toMatchObject({ code: 'DELTA_TRUNCATED_TRANSACTION_LOG' });
});

/** Writes a checkpoint with the given metadata and no file: for what was in force. */
async function writeCheckpoint(table: ChangeTable, version: number, metadata: ReturnType<typeof feedMetaData>) {
  const { id, schemaString: schema, configuration } = metadata.metaData as Record<string, unknown>;
  const entries = Object.entries(configuration as object).map(([key, value]) => `'${key}': '${value}'`);
  const inForce = `{'id': '${id}', 'format': {'provider': 'parquet'}, 'schemaString': '${schema}',
                    'partitionColumns': []::varchar[], 'configuration': map {${entries.join(', ')}}}`;
  await table.file(
    `_delta_log/${String(version).padStart(20, '0')}.checkpoint.parquet`,
    `select {'minReaderVersion': 1, 'minWriterVersion': 2} as protocol, null as "metaData"
      union all select null, ${inForce}`,
  );
}

it.each([2, 3])('gives the changes of the oldest commit of a cleaned log whose checkpoint is %i', async (version) => {
  using table = await tableWithRows();
  table.commit(1, await table.added('a', ids(4)));
  table.commit(2, remove('base', { partitionValues: {} }), await table.changed('c', typed([2, 'delete'])));
  table.commit(3, await table.added('d', ids(5)));
  await writeCheckpoint(table, version, feedMetaData());
  for (const gone of [0, 1]) table.removeFile(`_delta_log/${String(gone).padStart(20, '0')}.json`);
  expect(await table.changes({ from: 1n, to: 2n })).toEqual(['2 delete 2']);
  expect(await table.changes({ from: 1n })).toEqual(['2 delete 2', '5 insert 3']);
  expect(await table.collapsed({ from: 1n })).toEqual(['2 delete 2', '5 upsert 3']);
  await expect(table.changes({ from: 0n })).rejects.toMatchObject({
    code: 'DELTA_TRUNCATED_TRANSACTION_LOG',
    message: expect.stringContaining('oldest version left in its log is 2'),
  });
});

it('does not guess what was in force before the oldest commit if that changed it', async () => {
  using table = await tableWithRows();
  table.commit(1, await table.added('a', ids(4)));
  table.commit(2, feedMetaData({ schemaString: two('s') }), await table.added('d', ids(5)));
  await writeCheckpoint(table, 2, feedMetaData({ schemaString: two('s') }));
  for (const gone of [0, 1]) table.removeFile(`_delta_log/${String(gone).padStart(20, '0')}.json`);
  await expect(table.changes({ from: 1n })).rejects.toMatchObject({ code: 'DELTA_TRUNCATED_TRANSACTION_LOG' });
});

it.each([
  ['data', 'a'],
  ['change', '_change_data/c'],
])('names a missing %s file with its version', async (_, name) => {
  using table = await tableWithRows();
  table.commit(1, await table.added('a', ids(4)));
  table.commit(2, await table.changed('c', typed([4, 'delete'])));
  table.removeFile(name);
  await expect(table.changes()).rejects.toMatchObject({
    code: 'DELTA_CHANGE_FILE_MISSING',
    message: expect.stringMatching(new RegExp(`${name}.*version ${name === 'a' ? 1 : 2}.*VACUUM`)),
  });
});

it('reads a long log once for a copy and where to go on from, and not at all for what comes after', async () => {
  using table = await tableWithRows();
  // More commits than are read ahead, one of them in several pieces.
  for (let version = 1; version <= 40; version++) {
    const comment = 'x'.repeat(version === 20 ? 200_000 : 1);
    table.commit(version, { commitInfo: { comment } }, await table.added(`a${version}`, ids(10 + version)));
  }
  const reads: string[] = [];
  const store: FileStore = {
    ...localFileStore,
    readRange: (path, ...range) => {
      reads.push(path);
      return localFileStore.readRange(path, ...range);
    },
  };
  const source = table.table(store);
  const snapshot = await source.snapshot();
  await using relation = await source.openRelation(snapshot, 1);
  const [select = ''] = relation.parts;
  expect(await table.rows(`select count(*)::int, sum(id)::int from (${select})`)).toEqual([[43, 6 + 40 * 10 + 820]]);
  expect(new Set(reads.map((path) => path.split('/').at(-1))).size).toBe(41);

  reads.length = 0;
  const bookmark = await source.changeFeed?.bookmark(40n);
  expect(bookmark).toBe(await table.feed().bookmark(40n));
  expect(reads.map((path) => path.split('/').at(-1))).toEqual([`${'40'.padStart(20, '0')}.json`]);

  reads.length = 0;
  table.commit(41, await table.added('a41', ids(100)));
  const later = table.table(store).changeFeed;
  expect(await later?.newestVersion(40n)).toBe(41n);
  await using changes = await later?.changes({ from: 40n, allowFileDiff: false, ...(bookmark ? { bookmark } : {}) });
  expect(await changes?.countRows()).toBe(1n);
  const numbers = reads
    .map((path) => Number.parseInt(path.split('/').at(-1) ?? '', 10))
    .filter((n) => !Number.isNaN(n));
  expect(Math.min(...numbers)).toBe(40);
});

it('waits for a commit that is still being written', async () => {
  using table = await tableWithRows();
  const action = JSON.stringify(await table.added('a', ids(4)));
  table.write('00000000000000000001.json', action.slice(0, 30));
  const reading = table.changes();
  await sleep(60);
  appendFileSync(table.logPath('00000000000000000001.json'), `${action.slice(30)}\n`);
  expect(await reading).toEqual(['4 insert 1']);
});

it('gives up on a commit that stays cut short', async () => {
  using table = await tableWithRows();
  table.write('00000000000000000001.json', '{"add":{"path":');
  await expect(table.changes()).rejects.toMatchObject({ code: 'DELTA_LOG_CORRUPT' });
});

it('delivers added columns as null, also inside structs, and widened types in the new type', async () => {
  using table = new ChangeTable(engine, connection);
  const before = { type: 'struct', fields: [{ name: 'm', type: 'integer', nullable: true, metadata: {} }] };
  const added = { name: 'n', type: 'string', nullable: true, metadata: {} };
  const after = { type: 'struct', fields: [{ name: 'm', type: 'long', nullable: true, metadata: {} }, added] };
  table.commit(0, protocol, feedMetaData({ schemaString: two('s', before) }));
  table.commit(1, await table.added('a', 'select 1::bigint as id, {m: 5::integer} as s'));
  table.commit(2, feedMetaData({ schemaString: two('s', after) }));
  table.commit(3, await table.added('b', `select 2::bigint as id, {m: 6000000000, n: 'x'} as s`));
  expect(await table.changes({}, 'id, s.m::varchar, s.n, typeof(s)')).toEqual([
    '1 5  STRUCT(m BIGINT, n VARCHAR) insert 1',
    '2 6000000000 x STRUCT(m BIGINT, n VARCHAR) insert 3',
  ]);
  await using changes = await table.feed().changes({ from: 0n, allowFileDiff: false });
  expect(changes.schemaChanges).toEqual([
    { version: 2n, column: 's.m', kind: 'widened', from: 'integer', to: 'long' },
    { version: 2n, column: 's.n', kind: 'added' },
  ]);
});

const mapped = (name: string, physical: string, type = 'string') => ({
  name,
  type,
  metadata: { 'delta.columnMapping.id': 9, 'delta.columnMapping.physicalName': physical },
});
const mappedId = {
  name: 'id',
  type: 'long',
  metadata: { 'delta.columnMapping.id': 1, 'delta.columnMapping.physicalName': 'id' },
};

it('stops at a rename under column mapping, or follows it', async () => {
  using table = new ChangeTable(engine, connection);
  const mode = { 'delta.columnMapping.mode': 'name' };
  const schema = (name: string) => feedMetaData({ schemaString: schemaString(mappedId, mapped(name, 'col-9')) }, mode);
  table.commit(0, featureProtocol('columnMapping'), schema('old'));
  table.commit(1, await table.added('a', `select 1::bigint as id, 'x' as "col-9"`));
  table.commit(2, schema('new'));
  await expect(table.changes()).rejects.toMatchObject({ code: 'COLUMN_RENAME_NOT_SUPPORTED' });
  await expect(table.changes({ keyColumns: ['id', 'old'] })).rejects.toMatchObject({ code: 'CHANGED_PRIMARY_KEY' });
  expect(await table.changes({ schemaPolicy: 'follow' }, 'id, new')).toEqual(['1 x insert 1']);
});

it('does not bring back the values of a dropped column under the same name', async () => {
  using table = new ChangeTable(engine, connection);
  const schema = (...fields: Parameters<typeof schemaString>) =>
    feedMetaData({ schemaString: schemaString(mappedId, ...fields) }, { 'delta.columnMapping.mode': 'name' });
  table.commit(0, featureProtocol('columnMapping'), schema(mapped('c', 'col-9')));
  table.commit(1, await table.added('a', `select 1::bigint as id, 'old' as "col-9"`));
  table.commit(2, schema());
  table.commit(3, schema(mapped('c', 'col-10')));
  await expect(table.changes()).rejects.toMatchObject({ code: 'COLUMN_DROP_NOT_SUPPORTED' });
  expect(await table.changes({ schemaPolicy: 'follow' }, 'id, c is null')).toEqual(['1 true insert 1']);
});

it.each([
  [
    'a column dropped without mapping',
    { schemaString: schemaString({ name: 'id', type: 'long' }) },
    'COLUMN_DROP_NOT_SUPPORTED',
  ],
  ['a type narrowed', { schemaString: two('c', 'integer') }, 'COLUMN_TYPE_CHANGE_NOT_SUPPORTED'],
  ['the key renamed', { schemaString: schemaString({ name: 'key', type: 'long' }) }, 'CHANGED_PRIMARY_KEY'],
  [
    'the type of the key changed',
    { schemaString: schemaString({ name: 'id', type: 'string' }, { name: 'c', type: 'long' }) },
    'CHANGED_PRIMARY_KEY',
  ],
  ['other partition columns', { schemaString: two('c', 'long'), partitionColumns: ['c'] }, 'SOURCE_LAYOUT_CHANGED'],
  ['another table', { id: 'table-2', schemaString: two('c', 'long') }, 'SOURCE_TABLE_REPLACED'],
])('stops at %s', async (_, parts, code) => {
  using table = await tableWithRows({ schemaString: two('c', 'long') });
  table.commit(1, feedMetaData(parts), remove('base'));
  for (const schemaPolicy of ['stop', 'follow'] as const) {
    await expect(table.changes({ keyColumns: ['id'], schemaPolicy })).rejects.toMatchObject({ code });
  }
});

it('goes on from a bookmark when the log before it is gone', async () => {
  using table = await tableWithRows();
  const feed = table.feed();
  table.commit(1, await table.added('a', ids(4)));
  const bookmark = await feed.bookmark(0n);
  table.removeFile('_delta_log/00000000000000000000.json');
  expect(await table.changes({ bookmark })).toEqual(['4 insert 1']);
});

it('tells a commit that goes on as it began from one that is another', async () => {
  using table = await tableWithRows();
  const [first, second, other] = [
    await table.added('a', ids(4)),
    await table.added('b', ids(5)),
    await table.added('c', ids(6)),
  ];
  const code = async (bookmark: string) =>
    table
      .feed()
      .changes({ from: 1n, bookmark, allowFileDiff: false })
      .then(
        () => null,
        (error: unknown) => asSyncedTablesError(error)?.code,
      );
  table.commit(1, first);
  const bookmark = await table.feed().bookmark(1n);
  expect(await code(bookmark)).toBeNull();
  table.commit(1, first, second);
  expect(await code(bookmark)).toBe('SOURCE_COMMIT_GREW');
  table.commit(1, other, second);
  expect(await code(bookmark)).toBe('SOURCE_HISTORY_REWRITTEN');
});

it('notices another history, another table and a table that went back', async () => {
  using table = await tableWithRows();
  table.commit(1, await table.added('a', ids(4))).commit(2, remove('a'));
  const feed = table.feed();
  const bookmark = await feed.bookmark(1n);
  await expect(feed.changes({ from: 1n, bookmark, tableId: 'other', allowFileDiff: false })).rejects.toMatchObject({
    code: 'SOURCE_TABLE_REPLACED',
  });
  table.commit(1, add('other'));
  await expect(feed.changes({ from: 1n, bookmark, allowFileDiff: false })).rejects.toMatchObject({
    code: 'SOURCE_HISTORY_REWRITTEN',
  });
  table.removeFile('_delta_log/00000000000000000002.json');
  table.removeFile('_delta_log/00000000000000000001.json');
  expect(await feed.newestVersion(2n)).toBe(0n);
  await expect(feed.changes({ from: 2n, allowFileDiff: false })).rejects.toMatchObject({
    code: 'SOURCE_HISTORY_REWRITTEN',
  });
});

it('finds the newest version by name, however many there are', async () => {
  using table = await tableWithRows();
  for (let version = 1; version <= 70; version++) {
    table.commit(version, remove('nothing'));
    expect(await table.feed().newestVersion(0n)).toBe(BigInt(version));
    expect(await table.feed().newestVersion(BigInt(version))).toBe(BigInt(version));
  }
});

it('tells at once of a commit in a local folder', async () => {
  using table = await tableWithRows();
  let hints = 0;
  using watcher = await table.feed().watch(() => hints++);
  expect(watcher).not.toBeNull();
  mkdirSync(table.logPath('_tmp'));
  await sleep(50);
  expect(hints).toBe(0);
  table.commit(1, remove('nothing'));
  await expect.poll(() => hints, { timeout: 20_000, interval: 5 }).toBeGreaterThan(0);
});

it('takes commit times from the commit where the table keeps them there, else from the file', async () => {
  using table = await tableWithRows();
  const at = (inCommitTimestamp: number) => ({ commitInfo: { timestamp: 1, inCommitTimestamp } });
  table.commit(1, at(1_700_000_000_000), await table.added('a', ids(4)));
  table.setModified('00000000000000000001.json', 1_600_000_000_000);
  const timed = { 'delta.enableInCommitTimestamps': 'true' };
  table.commit(2, at(1_800_000_000_000), feedMetaData({}, timed), await table.added('b', ids(5)));
  expect(await table.changes({}, 'id, epoch_ms(_commit_timestamp)')).toEqual([
    '4 1600000000000 insert 1',
    '5 1800000000000 insert 2',
  ]);
  await using changes = await table.feed().changes({ from: 0n, allowFileDiff: false });
  expect(changes.end).toMatchObject({ version: 2n, committedAtMs: 1_800_000_000_000, tableId: 'table-1' });
});

it('refuses a damaged file before a row is read', async () => {
  using table = await tableWithRows();
  table.commit(1, await table.added('a', ids(4), { size: 3 }));
  writeFileSync(`${table.root}/unrelated`, '');
  await expect(table.changes()).rejects.toMatchObject({ code: 'SOURCE_FILE_CORRUPT' });
});
