import { rmSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { latestDeltaVersion } from '../../../../../src/lake/delta/snapshot/delta-snapshot.js';
import type { FileStore } from '../../../../../src/lake/storage/file-store.js';
import { localFileStore } from '../../../../../src/lake/storage/local-file-store.js';
import {
  add,
  DeltaLogFolder,
  digits,
  metaData,
  protocol,
  remove,
  TABLE_NAME,
} from '../../../../support/delta-log-folder.js';

// Goal: a snapshot is the state of exactly one version, from whichever files of the log still give it.

const UUID = '3a0d65cd-4056-49b8-937b-95f9e3ee90e5';
const checkpointName = (version: number) => `${digits(version)}.checkpoint.parquet`;
const commitName = (version: number) => `${digits(version)}.json`;
const checkpointMetadata = { checkpointMetadata: { version: 1 } };
const sidecar = (path: string) => ({ sidecar: { path, sizeInBytes: 1, modificationTime: 1 } });

function withThreeCommits(): DeltaLogFolder {
  return new DeltaLogFolder().create(add('a')).commit(1, add('b')).commit(2, remove('a'), add('c'));
}

it('reads the newest version unless told otherwise', async () => {
  using folder = withThreeCommits();
  expect(await folder.open()).toMatchObject({ version: 2n, tableName: TABLE_NAME, tableId: 'table-1', rowCount: null });
  expect(await folder.liveNames()).toEqual(['b', 'c']);
  expect(await folder.liveNames({ version: 0n })).toEqual(['a']);
  expect(await folder.liveNames({ version: 1n })).toEqual(['a', 'b']);
  expect(await latestDeltaVersion({ store: localFileStore, root: folder.root, tableName: TABLE_NAME })).toBe(2n);
});

it('accepts a root with a trailing slash', async () => {
  using folder = withThreeCommits();
  const version = await latestDeltaVersion({ store: localFileStore, root: `${folder.root}//`, tableName: TABLE_NAME });
  expect(version).toBe(2n);
});

it.each([3n, -1n])('says which version is the newest when version %s is asked for', async (version) => {
  using folder = withThreeCommits();
  await expect(folder.open({ version })).rejects.toMatchObject({
    code: 'DELTA_VERSION_NOT_FOUND',
    message: expect.stringMatching(new RegExp(`${version} .*newest is 2`)),
  });
});

it('refuses a gap and names the missing version', async () => {
  using folder = withThreeCommits();
  rmSync(folder.logPath(commitName(1)));
  await expect(folder.open()).rejects.toMatchObject({
    code: 'DELTA_LOG_GAP',
    message: expect.stringContaining('version 1 is missing'),
  });
  expect(await folder.liveNames({ version: 0n })).toEqual(['a']);
});

it('refuses a version older than the oldest checkpoint when its commits are gone', async () => {
  using folder = withThreeCommits().write(checkpointName(1), [protocol, metaData(), add('a'), add('b')]);
  rmSync(folder.logPath(commitName(0)));
  expect(await folder.liveNames()).toEqual(['b', 'c']);
  await expect(folder.open({ version: 0n })).rejects.toMatchObject({
    code: 'DELTA_LOG_GAP',
    message: expect.stringContaining('version 0 is missing'),
  });
});

it.each([
  ['garbage', 'no json'],
  ['empty', ''],
  ['stale', JSON.stringify({ version: 0, size: 1 })],
  ['naming an absent checkpoint', JSON.stringify({ version: 7, size: 1, parts: 4 })],
])('does not rely on _last_checkpoint: %s', async (_, content) => {
  using folder = withThreeCommits()
    .write(checkpointName(1), [protocol, metaData(), add('a'), add('b')])
    .write('_last_checkpoint', content);
  expect(await folder.liveNames()).toEqual(['b', 'c']);
});

it('starts from the newest complete checkpoint', async () => {
  using folder = withThreeCommits()
    .write(checkpointName(0), 'never read')
    .write(checkpointName(1), [protocol, metaData(), add('a'), add('b')]);
  for (const version of [0, 1]) folder.write(commitName(version), 'never read');
  expect(await folder.liveNames()).toEqual(['b', 'c']);
});

it('reads a table that is one checkpoint and nothing else', async () => {
  using folder = new DeltaLogFolder().write(checkpointName(12), [protocol, metaData(), add('a'), remove('gone')]);
  expect(await folder.open()).toMatchObject({ version: 12n });
  expect(await folder.liveNames()).toEqual(['a']);
});

it('reads all parts of a multi-part checkpoint', async () => {
  using folder = new DeltaLogFolder()
    .write(`${digits(3)}.checkpoint.0000000001.0000000002.parquet`, [protocol, add('a')])
    .write(`${digits(3)}.checkpoint.0000000002.0000000002.parquet`, [metaData(), add('b')]);
  expect(await folder.liveNames()).toEqual(['a', 'b']);
});

it('refuses a table whose only checkpoint lacks a part', async () => {
  using folder = new DeltaLogFolder()
    .write(`${digits(3)}.checkpoint.0000000001.0000000002.parquet`, [protocol, metaData(), add('a')])
    .commit(4, add('b'));
  await expect(folder.open()).rejects.toMatchObject({ code: 'DELTA_LOG_GAP' });
});

it.each([
  ['classic name', checkpointName(1)],
  ['v2 Parquet', `${digits(1)}.checkpoint.${UUID}.parquet`],
  ['v2 JSON', `${digits(1)}.checkpoint.${UUID}.json`],
])('follows the sidecars of a checkpoint: %s', async (_, name) => {
  using folder = new DeltaLogFolder()
    .write(name, [checkpointMetadata, sidecar('one.parquet'), protocol, metaData(), sidecar('t%20wo.parquet')])
    .write('_sidecars/one.parquet', [add('a'), remove('gone')])
    .write('_sidecars/t wo.parquet', [add('b')])
    .commit(2, add('c'));
  expect(await folder.liveNames()).toEqual(['a', 'b', 'c']);
});

it('reads a v2 checkpoint without sidecars', async () => {
  using folder = new DeltaLogFolder().write(`${digits(1)}.checkpoint.${UUID}.json`, [
    checkpointMetadata,
    protocol,
    metaData(),
    add('a'),
  ]);
  expect(await folder.liveNames()).toEqual(['a']);
});

it('finds the sidecars of a table that was moved', async () => {
  using folder = new DeltaLogFolder()
    .write(checkpointName(1), [sidecar('file:/old/place/_delta_log/_sidecars/one.parquet'), protocol, metaData()])
    .write('_sidecars/one.parquet', [add('a')]);
  expect(await folder.liveNames()).toEqual(['a']);
});

it.each([
  ['is cut', (folder: DeltaLogFolder) => folder.write(checkpointName(2), '{"add":{"pa')],
  ['is empty', (folder: DeltaLogFolder) => folder.write(checkpointName(2), '')],
  ['holds no protocol', (folder: DeltaLogFolder) => folder.write(checkpointName(2), [metaData(), add('b')])],
  ['holds no metaData', (folder: DeltaLogFolder) => folder.write(checkpointName(2), [protocol, add('b')])],
  [
    'lacks a sidecar',
    (folder: DeltaLogFolder) =>
      folder.write(checkpointName(2), [protocol, metaData(), add('x'), sidecar('no.parquet')]),
  ],
])('falls back to an older checkpoint, then to the commits, if the newest one %s', async (_, spoil) => {
  using folder = withThreeCommits();
  spoil(folder);
  expect(await folder.liveNames()).toEqual(['b', 'c']);
  folder.write(checkpointName(1), [protocol, metaData(), add('a'), add('b')]);
  rmSync(folder.logPath(commitName(0)));
  expect(await folder.liveNames()).toEqual(['b', 'c']);
});

it('names the unreadable checkpoint if nothing older replaces it', async () => {
  using folder = withThreeCommits().write(checkpointName(2), '{"add":{"pa');
  rmSync(folder.logPath(commitName(0)));
  await expect(folder.open()).rejects.toMatchObject({
    code: 'DELTA_LOG_CORRUPT',
    message: expect.stringContaining(checkpointName(2)),
  });
});

it('tells what an engine says of the unreadable checkpoint', async () => {
  using folder = new DeltaLogFolder().write(checkpointName(2), 'x');
  const cause = new Error('no magic bytes');
  const opening = folder.open({
    readCheckpoint: () => {
      throw cause;
    },
  });
  await expect(opening).rejects.toMatchObject({
    code: 'DELTA_LOG_CORRUPT',
    message: expect.stringContaining('no magic bytes'),
    cause,
  });
});

it('reads a compaction in place of commits, removes before adds', async () => {
  using folder = withThreeCommits()
    .write(`${digits(1)}.${digits(2)}.compacted.json`, [add('c'), add('b'), remove('a')])
    .commit(3, add('d'));
  rmSync(folder.logPath(commitName(1)));
  folder.write(commitName(2), 'never read');
  expect(await folder.liveNames()).toEqual(['b', 'c', 'd']);
});

it('does not read a compaction for a version inside its range', async () => {
  using folder = withThreeCommits().write(`${digits(1)}.${digits(2)}.compacted.json`, 'never read');
  expect(await folder.liveNames({ version: 1n })).toEqual(['a', 'b']);
});

/** A store that does `act` when `path` is first read. */
function storeThat(act: () => void, path: string): FileStore {
  let isDone = false;
  return {
    ...localFileStore,
    readRange(wanted, offset, length) {
      if (wanted === path && !isDone) {
        isDone = true;
        act();
      }
      return localFileStore.readRange(wanted, offset, length);
    },
  };
}

it('lists again when a file vanishes between listing and reading', async () => {
  using folder = withThreeCommits();
  const store = storeThat(
    () => {
      // What log clean-up does: a checkpoint is there, older commits go.
      folder.write(checkpointName(1), [protocol, metaData(), add('a'), add('b')]);
      for (const version of [0, 1]) rmSync(folder.logPath(commitName(version)));
    },
    folder.logPath(commitName(0)),
  );
  expect(await folder.liveNames({ store })).toEqual(['b', 'c']);
});

it('lists again when a checkpoint vanishes', async () => {
  using folder = withThreeCommits().write(checkpointName(2), 'x');
  let readCount = 0;
  const names = await folder.liveNames({
    readCheckpoint: (path) => {
      readCount++;
      rmSync(path);
      throw new Error('no such file');
    },
  });
  expect(names).toEqual(['b', 'c']);
  expect(readCount).toBe(1);
});

it('gives up after a bounded number of listings and names the file', async () => {
  using folder = withThreeCommits();
  let listCount = 0;
  const store: FileStore = {
    ...localFileStore,
    list(path) {
      listCount++;
      return localFileStore.list(path);
    },
    readRange: (path, offset, length) =>
      path.endsWith(commitName(1)) ? Promise.resolve(null) : localFileStore.readRange(path, offset, length),
  };
  await expect(folder.open({ store })).rejects.toMatchObject({
    code: 'SOURCE_FILE_MISSING',
    message: expect.stringContaining(commitName(1)),
  });
  expect(listCount).toBe(3);
});

it('takes the modification time of the commit as its time', async () => {
  using folder = withThreeCommits().setModified(commitName(2), 1_700_000_000_000);
  expect((await folder.open()).committedAtMs).toBe(1_700_000_000_000);
});

it('takes the modification time of the checkpoint if the commit is gone', async () => {
  using folder = new DeltaLogFolder().write(checkpointName(2), [protocol, metaData(), add('a')]);
  folder.setModified(checkpointName(2), 1_600_000_000_000);
  expect((await folder.open()).committedAtMs).toBe(1_600_000_000_000);
});

it('takes the in-commit timestamp where it is in force, also behind a checkpoint', async () => {
  const configuration = {
    'delta.enableInCommitTimestamps': 'true',
    'delta.inCommitTimestampEnablementVersion': '1',
  };
  const commitInfo = (ms: number) => ({ commitInfo: { inCommitTimestamp: ms, timestamp: 5 } });
  using folder = new DeltaLogFolder()
    .commit(0, commitInfo(1000), protocol, metaData({ configuration }))
    .commit(1, commitInfo(2000), add('a'))
    .setModified(commitName(0), 1_500_000_000_000);
  expect((await folder.open({ version: 1n })).committedAtMs).toBe(2000);
  expect((await folder.open({ version: 0n })).committedAtMs).toBe(1_500_000_000_000);
  folder.write(checkpointName(1), [protocol, metaData({ configuration }), add('a')]);
  expect((await folder.open()).committedAtMs).toBe(2000);
});

it('ignores the in-commit timestamp where it is not in force', async () => {
  using folder = new DeltaLogFolder()
    .commit(0, { commitInfo: { inCommitTimestamp: 1000 } }, protocol, metaData())
    .setModified(commitName(0), 1_500_000_000_000);
  expect((await folder.open()).committedAtMs).toBe(1_500_000_000_000);
});

it('ignores staged commits', async () => {
  using folder = withThreeCommits();
  writeFileSync(folder.logPath(`${digits(3)}.${UUID}.json`), 'x');
  expect((await folder.open()).version).toBe(2n);
});
