import { syncedTablesError } from '../../../core/errors.js';
import { type FileStat, type FileStore, isSameFile } from '../../storage/file-store.js';
import type { ChangeFileAction, FileAction, MetadataAction, ProtocolAction } from './action.js';
import { readJsonActions } from './commit-reader.js';
import { LogFileVanished } from './log-file-vanished.js';
import { commitName, commitPath, listLog } from './log-listing.js';
import { readUntilWhole } from './newest-commit.js';

/** One commit, its actions by kind. They have no order within the commit. */
export interface Commit {
  readonly version: bigint;
  readonly protocol: ProtocolAction | null;
  readonly metadata: MetadataAction | null;
  readonly adds: readonly FileAction[];
  readonly removes: readonly FileAction[];
  readonly changeFiles: readonly ChangeFileAction[];
  readonly inCommitTimestampMs: number | null;
  /** Modification time of the file in milliseconds since 1970. */
  readonly modifiedAtMs: number;
  readonly path: string;
  /** The file when it was read. */
  readonly stat: FileStat;
  /** True if it names no file and changes nothing. */
  readonly isEmpty: boolean;
}

interface TailOptions {
  readonly store: FileStore;
  /** Canonical. */
  readonly root: string;
  readonly tableName: string;
}

/** Concurrent requests; object stores answer many in parallel. */
const READS_AT_ONCE = 16;

/**
 * The commits after version `from` up to `to`, in order.
 * @throws DELTA_TRUNCATED_TRANSACTION_LOG, DELTA_VERSION_NOT_FOUND, DELTA_LOG_CORRUPT, DELTA_COMMIT_INCOMPLETE
 */
export async function readCommits(options: TailOptions & { from: bigint; to: bigint }): Promise<Commit[]> {
  const { from, to } = options;
  const commits = new Array<Commit>(Number(to - from));
  let next = from + 1n;
  const read = async () => {
    for (let version = next++; version <= to; version = next++) {
      const commit = await readCommit(options, version);
      if (commit === null) throw await missingCommit(options, version, to);
      commits[Number(version - from) - 1] = commit;
    }
  };
  await Promise.all(Array.from({ length: READS_AT_ONCE }, read));
  return commits;
}

/**
 * Null if there is no such commit. Where a folder is copied, not only the newest one may be half written.
 * @throws DELTA_COMMIT_INCOMPLETE, DELTA_LOG_CORRUPT, SOURCE_FILE_CHANGED
 */
export function readCommit(options: TailOptions, version: bigint): Promise<Commit | null> {
  const path = commitPath(options.root, version);
  return readUntilWhole({ ...options, path }, () => readOnce(options, version));
}

async function readOnce(options: TailOptions, version: bigint): Promise<Commit | null> {
  const { store, root, tableName } = options;
  const path = commitPath(root, version);
  const before = await store.stat(path);
  if (before === null) return null;
  const parts = { adds: [] as FileAction[], removes: [] as FileAction[], changeFiles: [] as ChangeFileAction[] };
  let protocol: ProtocolAction | null = null;
  let metadata: MetadataAction | null = null;
  let inCommitTimestampMs: number | null = null;
  try {
    for await (const action of readJsonActions({ store, path, name: commitName(version), tableName })) {
      if (action.kind === 'add') parts.adds.push(action);
      else if (action.kind === 'remove') parts.removes.push(action);
      else if (action.kind === 'cdc') parts.changeFiles.push(action);
      else if (action.kind === 'protocol') protocol = action;
      else if (action.kind === 'metaData') metadata = action;
      else if (action.kind === 'commitInfo') inCommitTimestampMs ??= action.inCommitTimestampMs;
    }
  } catch (error) {
    if (error instanceof LogFileVanished) return null;
    throw error;
  }
  // The complete lines of a commit that is still growing look like a commit.
  if (!isSameFile(before, await store.stat(path))) throw syncedTablesError('SOURCE_FILE_CHANGED', { file: path });
  const modifiedAtMs = Math.floor(before.modifiedAtMs);
  const hasFiles = parts.adds.length + parts.removes.length + parts.changeFiles.length > 0;
  const isEmpty = !hasFiles && protocol === null && metadata === null;
  return { version, path, protocol, metadata, ...parts, inCommitTimestampMs, modifiedAtMs, stat: before, isEmpty };
}

async function missingCommit(options: TailOptions, version: bigint, to: bigint): Promise<Error> {
  const { latestVersion } = await listLog(options);
  if (latestVersion >= to) return truncatedLog(options, version);
  return syncedTablesError('DELTA_VERSION_NOT_FOUND', { table: options.tableName, version: to, latest: latestVersion });
}

/** The error that states up to which version history is gone, and what is left of it. */
export async function truncatedLog(options: TailOptions, version: bigint, cause?: unknown): Promise<Error> {
  const { commits, checkpoints, latestVersion } = await listLog(options);
  let oldest = latestVersion;
  for (const candidate of [...commits.keys(), ...checkpoints.map((checkpoint) => checkpoint.version)]) {
    if (candidate > version && candidate < oldest) oldest = candidate;
  }
  return syncedTablesError('DELTA_TRUNCATED_TRANSACTION_LOG', { table: options.tableName, version, oldest }, cause);
}

/**
 * The newest version, found by asking for commits by name in growing steps from `after` on: one request if there is
 * nothing newer. A readable log has no gaps, so bisecting the last step finds the end.
 * @returns null if even the commit of `after` is gone: then only a listing can tell
 */
export async function probeNewestVersion(options: TailOptions & { after: bigint }): Promise<bigint | null> {
  const { store, root, after } = options;
  const exists = async (version: bigint) => (await store.stat(commitPath(root, version))) !== null;
  if (!(await exists(after + 1n))) return (await exists(after)) ? after : null;
  let known = after + 1n;
  let step = 1n;
  while (await exists(known + step)) {
    known += step;
    step *= 2n;
  }
  for (; step > 1n; step /= 2n) {
    if (await exists(known + step / 2n)) known += step / 2n;
  }
  return known;
}
