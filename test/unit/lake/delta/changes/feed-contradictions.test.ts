import { copyFile } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Engine, openEngine } from '../../../../../src/lake/engine/duckdb-engine.js';
import type { FileStore } from '../../../../../src/lake/storage/file-store.js';
import { localFileStore } from '../../../../../src/lake/storage/local-file-store.js';
import { ChangeTable, feedMetaData } from '../../../../support/change-table.js';
import { featureProtocol, protocol, remove, vector } from '../../../../support/delta-log-folder.js';

// Goal: a commit whose change files leave rows out, or have some twice, is found by what the commit did to the table's
// files; and no other commit is.

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

const ids = (...values: number[]) => `select unnest([${values.join(', ')}])::bigint as id`;
const typed = (...values: [number, string][]) =>
  values.map(([id, type]) => `select ${id}::bigint as id, '${type}' as _change_type`).join(' union all ');
const stats = (numRecords: number) => ({ stats: JSON.stringify({ numRecords }) });

/** A table with rows 1 to 3 in file `base`. */
async function tableWithRows(): Promise<ChangeTable> {
  const table = new ChangeTable(engine, connection);
  const base = await table.added('base', ids(1, 2, 3), stats(3));
  table.commit(0, protocol, feedMetaData(), base);
  return table;
}

async function contradictions(table: ChangeTable, store?: FileStore) {
  await using changes = await openFeed(table, store).changes({ from: 0n, allowFileDiff: false });
  return await changes.contradictions();
}

function openFeed(table: ChangeTable, store?: FileStore) {
  const feed = table.table(store).changeFeed;
  if (!feed) throw new Error('no change feed');
  return feed;
}

/** A store whose files have to be fetched; `reads` has those that were, whole or in part. */
function remoteStore() {
  const reads: string[] = [];
  const store: FileStore = {
    ...localFileStore,
    list: (folder, after, limit) => localFileStore.list(folder, after, limit),
    hasFolder: (folder) => localFileStore.hasFolder(folder),
    stat: (path) => localFileStore.stat(path),
    readRange: (path, offset, length) => localFileStore.readRange(path, offset, length),
    download: async (path, { destination }) => {
      reads.push(path.split('/').at(-1) ?? '');
      await copyFile(path, destination);
      return true;
    },
  };
  return { store, reads };
}

it.each([
  ['as the log says', stats(3), stats(2)],
  ['as the files say, where the log does not', {}, {}],
  ['as the files say, where the log is wrong', stats(9), stats(1)],
])('finds a delete that was left out, by the rows %s', async (_, removed, added) => {
  using table = await tableWithRows();
  const cdc = await table.changed('c1', typed([2, 'update_preimage'], [2, 'update_postimage']));
  table.commit(1, remove('base', removed), await table.added('a', ids(1, 2), added), cdc);
  expect(await contradictions(table)).toEqual([{ version: 1n, inFeed: 0n, inFiles: -1n }]);
});

it('finds the row of an update that was left out, and rows that come twice', async () => {
  using table = await tableWithRows();
  const alone = await table.changed('c1', typed([9, 'update_postimage']));
  table.commit(1, remove('base'), await table.added('a', ids(1, 2, 9), stats(3)), alone);
  const twice = await table.changed('c2', typed([4, 'insert'], [4, 'insert']));
  table.commit(2, await table.added('b', ids(4), stats(1)), twice);
  expect(await contradictions(table)).toEqual([
    { version: 1n, inFeed: 1n, inFiles: 0n },
    { version: 2n, inFeed: 2n, inFiles: 1n },
  ]);
});

it('names each commit, also where the errors of two make up for each other', async () => {
  using table = await tableWithRows();
  table.commit(1, await table.added('a', ids(4, 5), stats(2)), await table.changed('c1', typed([4, 'insert'])));
  table.commit(2, remove('a'), await table.changed('c2', typed([4, 'delete'])));
  expect((await contradictions(table)).map(({ version }) => version)).toEqual([1n, 2n]);
});

it('has nothing against a feed that tells everything, whatever the statistics of the log say', async () => {
  using table = await tableWithRows();
  const c1 = await table.changed('c1', typed([2, 'update_preimage'], [7, 'update_postimage'], [3, 'delete']));
  table.commit(1, remove('base', stats(70)), await table.added('a', ids(1, 7), stats(1)), c1);
  const c2 = await table.changed('c2', typed([8, 'insert']));
  table.commit(2, await table.added('b', ids(8), { stats: 'none' }), c2);
  const c3 = await table.changed('c3', typed([8, 'delete']));
  table.commit(3, remove('b'), c3);
  expect(await contradictions(table)).toEqual([]);
});

it('counts the rows that deletion vectors take out', async () => {
  using table = new ChangeTable(engine, connection);
  const base = await table.added('base', ids(1, 2, 3), stats(3));
  table.commit(0, featureProtocol('deletionVectors'), feedMetaData(), base);
  const first = { deletionVector: vector('v1') };
  const second = { deletionVector: { ...vector('v2'), cardinality: 2 } };
  const [one, two] = [
    { size: sizeOf(base), ...first },
    { size: sizeOf(base), ...second },
  ];
  const c1 = await table.changed('c1', typed([1, 'delete']));
  table.commit(1, remove('base'), await table.added('base', ids(1, 2, 3), { ...one, ...stats(3) }), c1);
  const c2 = await table.changed('c2', typed([2, 'update_preimage'], [2, 'update_postimage']));
  table.commit(2, remove('base', first), { add: { ...addOf(base), ...two } }, await table.added('a', ids(2)), c2);
  const c3 = await table.changed('c3', typed([3, 'delete']));
  table.commit(3, remove('base', second), c3);
  expect(await contradictions(table)).toEqual([]);
  const c4 = await table.changed('c4', typed([2, 'update_preimage'], [2, 'update_postimage']));
  table.commit(4, remove('a'), await table.added('d', ids(2, 5, 6), { ...first, ...stats(3) }), c4);
  expect(await contradictions(table)).toEqual([{ version: 4n, inFeed: 0n, inFiles: 1n }]);
});

it('passes over files that a commit only rearranges', async () => {
  using table = await tableWithRows();
  const cdc = await table.changed('c1', typed([4, 'insert']));
  const again = await table.added('base', ids(1, 2, 3), { dataChange: false, ...stats(3) });
  table.commit(1, again, await table.added('a', ids(4), stats(1)), cdc);
  expect(await contradictions(table)).toEqual([]);
});

it('takes the word of the log for files that are gone', async () => {
  using table = await tableWithRows();
  table.commit(1, remove('base', stats(3)), await table.changed('c1', typed([1, 'delete'], [2, 'delete'])));
  table.removeFile('base');
  expect(await contradictions(table)).toEqual([{ version: 1n, inFeed: -2n, inFiles: -3n }]);
});

it('says nothing where nobody knows how many rows a file had', async () => {
  using table = await tableWithRows();
  table.commit(1, remove('base'), await table.changed('c1', typed([1, 'delete'])));
  table.removeFile('base');
  expect(await contradictions(table)).toEqual([]);
});

it('fetches no file of a store to count it, but knows those that it saw being added', async () => {
  using table = await tableWithRows();
  const { store, reads } = remoteStore();
  const c1 = await table.changed(
    'c1',
    typed([4, 'insert'], [5, 'insert'], [1, 'delete'], [2, 'delete'], [3, 'delete']),
  );
  table.commit(1, remove('base'), await table.added('a', ids(4), stats(1)), c1);
  const feed = openFeed(table, store);
  await using unknown = await feed.changes({ from: 0n, allowFileDiff: false });
  expect(await unknown.contradictions()).toEqual([]);
  expect(reads).toEqual(['c1']);
  table.commit(
    2,
    remove('a'),
    await table.added('b', ids(6), stats(1)),
    await table.changed('c2', typed([6, 'insert'])),
  );
  await using known = await feed.changes({ from: 1n, allowFileDiff: false });
  expect(await known.contradictions()).toEqual([{ version: 2n, inFeed: 1n, inFiles: 0n }]);
});

it('gives what the files say of a version, beside what the feed says of others', async () => {
  using table = await tableWithRows();
  const c1 = await table.changed('c1', typed([9, 'update_postimage']));
  table.commit(1, remove('base'), await table.added('a', ids(1, 2, 9), stats(3)), c1);
  table.commit(2, await table.added('b', ids(4)), await table.changed('c2', typed([4, 'insert'])));
  expect(await table.changes({ byFiles: new Set([1n]) })).toEqual([
    '1 delete 1',
    '1 insert 1',
    '2 delete 1',
    '2 insert 1',
    '3 delete 1',
    '9 insert 1',
    '4 insert 2',
  ]);
});

function addOf(action: object): Record<string, unknown> {
  return (action as { add: Record<string, unknown> }).add;
}

function sizeOf(action: object): unknown {
  return addOf(action).size;
}
