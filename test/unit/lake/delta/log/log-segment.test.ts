import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { listLog } from '../../../../../src/lake/delta/log/log-listing.js';
import { chooseSegment, type LogGap, type LogSegment } from '../../../../../src/lake/delta/log/log-segment.js';
import { localFileStore } from '../../../../../src/lake/storage/local-file-store.js';
import { DeltaLogFolder, digits, TABLE_NAME } from '../../../../support/delta-log-folder.js';

// Goal: of what lies in _delta_log exactly the files that make up one version are chosen, and a gap is found.

const UUID = '3a0d65cd-4056-49b8-937b-95f9e3ee90e5';

async function list(...names: string[]) {
  using folder = new DeltaLogFolder();
  for (const name of names) folder.write(name, '');
  return await listLog({ store: localFileStore, root: folder.root, tableName: TABLE_NAME });
}

function commits(...versions: number[]): string[] {
  return versions.map((version) => `${digits(version)}.json`);
}

function compaction(from: number, to: number): string {
  return `${digits(from)}.${digits(to)}.compacted.json`;
}

async function choose(names: string[], version: number): Promise<LogSegment | LogGap> {
  const listing = await list(...names);
  const checkpoint = listing.checkpoints.find((candidate) => candidate.version <= version) ?? null;
  return chooseSegment(listing, { version: BigInt(version), checkpoint });
}

it('knows commits, every kind of checkpoint and compactions by name', async () => {
  const names = [
    `${digits(3)}.checkpoint.parquet`,
    `${digits(4)}.checkpoint.${UUID}.json`,
    `${digits(5)}.checkpoint.${UUID}.parquet`,
    `${digits(6)}.checkpoint.0000000002.0000000002.parquet`,
    `${digits(6)}.checkpoint.0000000001.0000000002.parquet`,
    compaction(1, 3),
  ];
  const listing = await list(...names, ...commits(7));
  expect(listing.checkpoints.map(({ version }) => version)).toEqual([6n, 5n, 4n, 3n]);
  expect(listing.checkpoints[0]?.names).toEqual([names[4], names[3]]);
  expect([...listing.commits.keys()]).toEqual([7n]);
  expect(listing.compactions).toEqual([{ from: 1n, to: 3n, name: names[5] }]);
});

it('ignores every other name', async () => {
  const listing = await list(
    ...commits(0),
    `.${digits(1)}.json.crc`,
    `.${digits(1)}.json`,
    `${digits(1)}.json.tmp`,
    `_${digits(1)}.json`,
    `${digits(1)}.crc`,
    `0${digits(1)}.json`,
    '1.json',
    '_last_checkpoint',
    `${digits(1)}.checkpoint.tmp.parquet`,
    `${digits(1)}.checkpoint`,
    compaction(3, 3),
    compaction(4, 3),
  );
  expect(listing).toMatchObject({ checkpoints: [], compactions: [], latestVersion: 0n });
  expect(listing.commits.size).toBe(1);
});

it('ignores folders with the name of a commit', async () => {
  using folder = new DeltaLogFolder();
  folder.commit(0, {});
  mkdirSync(folder.logPath(`${digits(1)}.json`));
  const listing = await listLog({ store: localFileStore, root: folder.root, tableName: TABLE_NAME });
  expect(listing.latestVersion).toBe(0n);
});

it('treats a multi-part checkpoint with a missing part as absent', async () => {
  const parts = [1, 3].map((part) => `${digits(5)}.checkpoint.000000000${part}.0000000003.parquet`);
  const listing = await list(...commits(0, 1, 2), ...parts);
  expect(listing).toMatchObject({ checkpoints: [], latestVersion: 2n });
});

it('does not put a multi-part checkpoint together from two of different part counts', async () => {
  const listing = await list(
    `${digits(5)}.checkpoint.0000000001.0000000002.parquet`,
    `${digits(5)}.checkpoint.0000000002.0000000003.parquet`,
    ...commits(0),
  );
  expect(listing.checkpoints).toEqual([]);
});

it('takes the version of the newest checkpoint as the latest if no commit is newer', async () => {
  expect((await list(`${digits(9)}.checkpoint.parquet`, ...commits(8))).latestVersion).toBe(9n);
});

it('keeps versions beyond 2^53 apart', async () => {
  const listing = await list(`${digits(9007199254740992n)}.json`, `${digits(9007199254740993n)}.json`);
  expect(listing.commits.size).toBe(2);
  expect(listing.latestVersion).toBe(9007199254740993n);
});

it('starts at commit 0 without a checkpoint and behind it with one', async () => {
  expect(await choose(commits(2, 0, 1), 2)).toMatchObject({ checkpoint: null, commitNames: commits(0, 1, 2) });
  const withCheckpoint = await choose([`${digits(1)}.checkpoint.parquet`, ...commits(0, 1, 2, 3)], 3);
  expect(withCheckpoint).toMatchObject({ checkpoint: { version: 1n }, commitNames: commits(2, 3) });
});

it('needs no commit if the checkpoint is of the wanted version', async () => {
  expect(await choose([`${digits(4)}.checkpoint.parquet`], 4)).toMatchObject({ commitNames: [] });
});

it('ignores checkpoints, commits and compactions above the wanted version', async () => {
  const names = [...commits(0, 1, 2, 3), `${digits(3)}.checkpoint.parquet`, compaction(1, 3)];
  expect(await choose(names, 2)).toMatchObject({ checkpoint: null, commitNames: commits(0, 1, 2) });
});

it.each([
  ['in the middle', commits(0, 1, 3), 3, 2n],
  ['at the start', commits(1, 2), 2, 0n],
  ['behind the checkpoint', [`${digits(3)}.checkpoint.parquet`, ...commits(3, 5)], 5, 4n],
  ['at the end', commits(0, 1, 4), 3, 2n],
  ['before an absurdly high version', [...commits(0), `${digits(900000000000000n)}.json`], 900000000000000, 1n],
])('names the missing version of a gap %s', async (_, names, version, missingVersion) => {
  expect(await choose(names, version)).toEqual({ missingVersion });
});

it('reads a compaction in place of the commits it covers', async () => {
  expect(await choose([...commits(0, 1, 2, 3, 4), compaction(1, 3)], 4)).toMatchObject({
    commitNames: [...commits(0), compaction(1, 3), ...commits(4)],
  });
});

it('prefers the way with the fewest files among overlapping compactions', async () => {
  const names = [...commits(0, 1, 2, 3, 4, 5, 6), compaction(0, 2), compaction(2, 6), compaction(3, 4)];
  expect(await choose(names, 6)).toMatchObject({ commitNames: [...commits(0, 1), compaction(2, 6)] });
});

it('bridges commits that are gone with a compaction', async () => {
  expect(await choose([...commits(0, 4), compaction(1, 3)], 4)).toMatchObject({
    commitNames: [...commits(0), compaction(1, 3), ...commits(4)],
  });
});

it('does not use a compaction that begins at or before the checkpoint', async () => {
  const names = [`${digits(2)}.checkpoint.parquet`, compaction(2, 4), ...commits(3, 4)];
  expect(await choose(names, 4)).toMatchObject({ commitNames: commits(3, 4) });
});

it('says that a table without _delta_log does not exist', async () => {
  using folder = new DeltaLogFolder();
  const root = `${folder.root}/nothing`;
  await expect(listLog({ store: localFileStore, root, tableName: TABLE_NAME })).rejects.toMatchObject({
    code: 'SOURCE_TABLE_NOT_FOUND',
    message: expect.stringContaining(TABLE_NAME),
  });
});

it('says that a table with an empty log does not exist', async () => {
  await expect(list('_last_checkpoint')).rejects.toMatchObject({ code: 'SOURCE_TABLE_NOT_FOUND' });
});
