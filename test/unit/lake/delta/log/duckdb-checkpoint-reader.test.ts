import { execFileSync } from 'node:child_process';
import { utimesSync } from 'node:fs';
import path from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Action } from '../../../../../src/lake/delta/log/action.js';
import { duckDbCheckpointReader, escapeGlob } from '../../../../../src/lake/delta/log/duckdb-checkpoint-reader.js';
import { localFileStore } from '../../../../../src/lake/storage/local-file-store.js';
import { DeltaLogFolder, digits } from '../../../../support/delta-log-folder.js';

// Goal: Parquet checkpoints of any writer, with any columns missing, give the same actions as a commit would.

let instance: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  connection = await instance.connect();
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

/** The local disk needs no scratch folder. */
const onDisk = { store: localFileStore, scratchFolder: '' };

async function write(file: string, select: string): Promise<void> {
  await connection.run(`copy (${select}) to '${file.replaceAll("'", "''")}' (format parquet)`);
}

async function readAll(file: string): Promise<Action[]> {
  const actions: Action[] = [];
  for await (const action of duckDbCheckpointReader(connection, onDisk)(file)) actions.push(action);
  return actions;
}

const ADD = `{path: 'a%20b', partitionValues: map {'p': '', 'q': null::varchar}, size: 12::bigint, dataChange: false,
  stats: 'x', deletionVector: {storageType: 'u', pathOrInlineDv: 'v', "offset": 1, sizeInBytes: 34,
  cardinality: 9007199254740991, maxRowIndex: null::bigint}}`;
const PROTOCOL = `{minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['deletionVectors']}`;
const METADATA = `{id: 'i', format: {provider: 'parquet', options: map {}::map(varchar, varchar)}, schemaString: '{}',
  partitionColumns: ['p'], configuration: map {'k': 'v "quoted"'}, name: null::varchar}`;

const EVERY_ACTION = `
  select ${PROTOCOL} as protocol, null as "metaData", null as "add", null as sidecar, null as remove
  union all select null, ${METADATA}, null, null, null
  union all select null, null, ${ADD}, null, null
  union all select null, null, null, {path: 's.parquet', sizeInBytes: 1}, null
  union all select null, null, null, null, {path: 'gone', deletionTimestamp: 1}
  union all select null, null, null, null, null`;

it('reads nothing but the metadata where no more is wanted', async () => {
  using folder = new DeltaLogFolder();
  const file = folder.logPath('c.parquet');
  await write(file, EVERY_ACTION);
  const source = { ...onDisk, actions: ['protocol', 'metaData'] as const };
  const kinds: string[] = [];
  for await (const { kind } of duckDbCheckpointReader(connection, source)(file)) kinds.push(kind);
  expect(kinds).toEqual(['protocol', 'metaData']);
});

it('reads every action it needs, and no tombstones', async () => {
  using folder = new DeltaLogFolder();
  const file = folder.logPath('c.parquet');
  await write(file, EVERY_ACTION);
  expect(await readAll(file)).toEqual([
    { kind: 'protocol', minReaderVersion: 3, readerFeatures: ['deletionVectors'] },
    {
      kind: 'metaData',
      id: 'i',
      formatProvider: 'parquet',
      schemaString: '{}',
      partitionColumns: ['p'],
      configuration: new Map([['k', 'v "quoted"']]),
    },
    {
      kind: 'add',
      path: 'a%20b',
      sizeBytes: 12,
      partitionValues: new Map<string, string | null>([
        ['p', ''],
        ['q', null],
      ]),
      deletionVector: {
        storageType: 'u',
        pathOrInlineDv: 'v',
        offset: 1,
        sizeInBytes: 34,
        cardinality: 9007199254740991n,
      },
      dataChange: false,
      rowCount: null,
    },
    { kind: 'sidecar', path: 's.parquet' },
  ]);
});

it('reads row counts where they are wanted, and whatever else the statistics are', async () => {
  using folder = new DeltaLogFolder();
  const file = folder.logPath('c.parquet');
  const stats = [`'{"minValues": {"numRecords": 7}, "numRecords": 5}'`, `'{"minValues": {}}'`, `'no JSON'`, 'null'];
  await write(
    file,
    stats.map((text, n) => `select {path: 'f${n}', stats: ${text}::varchar} as "add"`).join(' union all '),
  );
  const counts: unknown[] = [];
  for await (const action of duckDbCheckpointReader(connection, { ...onDisk, rowCounts: true })(file)) {
    counts.push(action.kind === 'add' ? action.rowCount : action.kind);
  }
  expect(counts).toEqual([5, null, null, null]);
});

it('reads a sidecar that has few columns', async () => {
  using folder = new DeltaLogFolder();
  const file = folder.logPath('c.parquet');
  await write(file, `select {path: 'a'} as "add"`);
  expect(await readAll(file)).toEqual([
    {
      kind: 'add',
      path: 'a',
      sizeBytes: null,
      partitionValues: null,
      deletionVector: null,
      dataChange: true,
      rowCount: null,
    },
  ]);
});

it('reads texts that the writer did not mark as UTF-8', async () => {
  using folder = new DeltaLogFolder();
  const file = folder.logPath('c.parquet');
  await write(file, `select {path: encode('é')} as "add"`);
  expect(await readAll(file)).toMatchObject([{ path: 'é' }]);
});

it('gives nothing for a file without any of the columns', async () => {
  using folder = new DeltaLogFolder();
  const file = folder.logPath('c.parquet');
  await write(file, `select {appId: 'x'} as txn`);
  expect(await readAll(file)).toEqual([]);
});

it('reads a path that looks like a pattern, and only that file', async () => {
  using folder = new DeltaLogFolder();
  const odd = folder.logPath("[a]*?'{x}.parquet");
  await write(folder.logPath('a.parquet'), `select {path: 'wrong'} as "add"`);
  await write(folder.logPath('axx.parquet'), `select {path: 'wrong'} as "add"`);
  await write(odd, `select {path: 'right'} as "add"`);
  expect(await readAll(odd)).toMatchObject([{ path: 'right' }]);
  expect(escapeGlob('/a[1]/*?')).toBe('/a[[]1]/[*][?]');
});

it('streams more rows than one chunk holds, in a folder named like a partition', async () => {
  using folder = new DeltaLogFolder();
  const file = path.join(folder.root, 'add=1.parquet');
  await write(file, `select {path: 'f' || i, size: i} as "add" from range(10000) r(i)`);
  const actions = await readAll(file);
  expect(new Set(actions.map((action) => action.kind === 'add' && action.path)).size).toBe(10000);
});

it('throws for a file that is not Parquet, and for a row it cannot accept', async () => {
  using folder = new DeltaLogFolder();
  const file = folder.logPath('c.parquet');
  folder.write('c.parquet', 'not Parquet at all');
  await expect(readAll(file)).rejects.toThrow(/parquet/i);
  await write(file, `select {path: 'a', size: i} as "add" from (values (1), (-1)) v(i)`);
  await expect(readAll(file)).rejects.toThrow(/row 2: add.size/);
});

it('serves the reader of snapshots, which falls back from a damaged checkpoint', async () => {
  using folder = new DeltaLogFolder();
  folder.create({ add: { path: 'a', partitionValues: {}, size: 1, dataChange: true } });
  const name = `${digits(0)}.checkpoint.parquet`;
  folder.write(name, 'not Parquet at all');
  const readCheckpoint = duckDbCheckpointReader(connection, onDisk);
  expect(await folder.liveNames({ readCheckpoint })).toEqual(['a']);
});

it('never opens a named pipe, and falls back from it', async () => {
  using folder = new DeltaLogFolder();
  folder.create({ add: { path: 'a', partitionValues: {}, size: 1, dataChange: true } });
  const name = `${digits(0)}.checkpoint.parquet`;
  execFileSync('mkfifo', [folder.logPath(name)]);
  await expect(readAll(folder.logPath(name))).rejects.toMatchObject({ code: 'SOURCE_NOT_A_FILE' });
  const readCheckpoint = duckDbCheckpointReader(connection, onDisk);
  expect(await folder.liveNames({ readCheckpoint })).toEqual(['a']);
});

it('does not take a checkpoint that was overwritten while it was read', async () => {
  using folder = new DeltaLogFolder();
  const file = folder.logPath('c.parquet');
  await write(file, `select {path: 'f' || i, size: i} as "add" from range(10000) r(i)`);
  const reading = async () => {
    let count = 0;
    for await (const _ of duckDbCheckpointReader(connection, onDisk)(file)) {
      if (count++ === 0) utimesSync(file, 1, 1);
    }
  };
  await expect(reading()).rejects.toMatchObject({ code: 'SOURCE_FILE_CHANGED' });
});
