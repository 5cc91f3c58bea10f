import type { Field } from '../../../core/data-type.js';
import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import { explainOpenFiles } from '../../../core/reasons/open-files.js';
import { safeReason } from '../../../core/reasons/safe-reason.js';
import type { FileStore } from '../../storage/file-store.js';
import type { MetadataAction, ProtocolAction } from './action.js';
import { type CheckpointReader, readCheckpointActions } from './checkpoint-reader.js';
import { readJsonActions } from './commit-reader.js';
import { LogFileVanished } from './log-file-vanished.js';
import { readBeginning } from './log-lines.js';
import { type Checkpoint, isCompaction, type LogListing, logFolder } from './log-listing.js';
import { type LiveFile, LogReplay } from './log-replay.js';
import { chooseSegment, type LogSegment } from './log-segment.js';
import { ActionFormatError } from './parse-action.js';
import { checksumFileCount } from './version-checksum.js';

/** Beginnings of commits read concurrently, 64 KB each at most. */
const READS_AHEAD = 16;

/** The reconciled log of a table at one version, not yet judged or translated. */
export interface TableState {
  readonly segment: LogSegment;
  readonly protocol: ProtocolAction;
  readonly metadata: MetadataAction;
  readonly files: readonly LiveFile[];
}

interface ReplayOptions {
  readonly store: FileStore;
  /** Canonical. */
  readonly root: string;
  readonly tableName: string;
  readonly listing: LogListing;
  readonly version: bigint;
  readonly readCheckpoint: CheckpointReader;
  /** Columns for which the statistics of files are read; `readCheckpoint` reads them of the same ones. */
  readonly statisticsOf?: readonly Field[];
}

/**
 * Rebuilds the state of `version` from the newest complete checkpoint that can be read, at worst from commit 0.
 * Compactions that are of no use are passed over for the commits that they stand for.
 * @throws DELTA_LOG_GAP, DELTA_LOG_CORRUPT; LogFileVanished if the listing has become stale
 */
export async function replayTableState(options: ReplayOptions): Promise<TableState> {
  const { listing, version, tableName } = options;
  const starts = [...listing.checkpoints.filter((checkpoint) => checkpoint.version <= version), null];
  const useless = new Set<string>();
  let firstFailure: unknown;
  for (let start = 0; start < starts.length; ) {
    const checkpoint = starts[start] ?? null;
    const compactions = listing.compactions.filter(({ name }) => !useless.has(name));
    const segment = chooseSegment({ ...listing, compactions }, { version, checkpoint });
    if ('missingVersion' in segment) {
      firstFailure ??= syncedTablesError('DELTA_LOG_GAP', { table: tableName, version: segment.missingVersion });
      start++;
      continue;
    }
    const replay = new LogReplay(options);
    const failure = checkpoint && (await applyCheckpoint(replay, checkpoint, options));
    if (failure) {
      firstFailure ??= failure;
      start++;
      continue;
    }
    try {
      return await applyCommits(replay, segment, options);
    } catch (error) {
      if (!(error instanceof UselessCompactions)) throw error;
      // From the same start again, without them.
      for (const name of error.names) useless.add(name);
      firstFailure ??= error.cause;
    }
  }
  throw firstFailure;
}

/** The cause may be the fault of these compactions. Never reaches a user, unless nothing can be read without them. */
class UselessCompactions extends Error {
  override readonly name = 'UselessCompactions';
  readonly names: readonly string[];

  constructor(names: readonly string[], cause: unknown) {
    super('compactions of the log cannot be used', { cause });
    this.names = names;
  }
}

/** Null if the checkpoint was applied, otherwise what is wrong with it; the replay must then be discarded. */
async function applyCheckpoint(
  replay: LogReplay,
  checkpoint: Checkpoint,
  options: ReplayOptions,
): Promise<Error | null> {
  const { store, root, tableName, readCheckpoint, statisticsOf = [] } = options;
  const name = checkpoint.names.join(', ');
  const unreadable = (reason: string, cause?: unknown) =>
    syncedTablesError(
      'DELTA_LOG_CORRUPT',
      { table: tableName, reason: `checkpoint ${name} cannot be read (${reason}), and nothing older replaces it` },
      cause,
    );
  try {
    const given = { store, root, tableName, checkpoint, readCheckpoint, statisticsOf };
    await replay.apply(readCheckpointActions(given), { name });
  } catch (error) {
    // Commits replace it; the look below would throw the same.
    const known = asSyncedTablesError(error);
    if (known?.code === 'SOURCE_NOT_A_FILE') return known;
    // A missing sidecar does not count as vanished: it was never listed, and its checkpoint may keep naming it.
    for (const part of checkpoint.names) {
      const path = `${logFolder(root)}/${part}`;
      if ((await store.stat(path)) === null) throw new LogFileVanished(path);
    }
    // Else the checkpoint would be passed over, and blamed if nothing replaces it.
    const limit = explainOpenFiles(error);
    if (limit !== null) throw limit;
    const reason = error instanceof ActionFormatError ? error.message : safeReason(error);
    return known ?? unreadable(reason, error);
  }
  // A checkpoint always holds both; without them it was not completely written.
  if (replay.protocol === null) return unreadable('it holds no protocol');
  if (replay.metadata === null) return unreadable('it holds no metaData');
  return null;
}

async function applyCommits(replay: LogReplay, segment: LogSegment, options: ReplayOptions): Promise<TableState> {
  const { store, root, tableName, statisticsOf = [] } = options;
  const pathOf = (name: string) => `${logFolder(root)}/${name}`;
  // Read one by one, each would wait for the disk or the store: ten thousand commits without a checkpoint are common.
  const ahead: Promise<Buffer | null>[] = [];
  for (const [index, name] of segment.commitNames.entries()) {
    for (const next of segment.commitNames.slice(index + ahead.length, index + READS_AHEAD)) {
      const beginning = readBeginning(store, pathOf(next));
      beginning.catch(() => {}); // its reader reports a failure, unless an earlier one ends the reading
      ahead.push(beginning);
    }
    const beginning = ahead.shift();
    const file = { store, path: pathOf(name), name, tableName, statisticsOf };
    const actions = readJsonActions(beginning === undefined ? file : { ...file, beginning });
    if (isCompaction(name)) await excusing([name], replay.apply(actions, { name, isReconciled: true }));
    else await replay.apply(actions, { name });
  }
  const compactions = segment.commitNames.filter(isCompaction);
  if (compactions.length === 0) return finish(replay, segment, options);
  return excusing(compactions, finishChecked(replay, segment, options));
}

/** Blames compactions for a failure; a file that has vanished is the fault of the listing. */
async function excusing<Result>(names: readonly string[], work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof LogFileVanished ? error : new UselessCompactions(names, error);
  }
}

function finish(replay: LogReplay, segment: LogSegment, { tableName }: ReplayOptions): TableState {
  const { protocol, metadata } = replay;
  const missing = protocol === null ? 'protocol' : 'metaData';
  if (protocol === null || metadata === null) {
    const reason = `no ${missing} action up to version ${segment.version}`;
    throw syncedTablesError('DELTA_LOG_CORRUPT', { table: tableName, reason });
  }
  return { segment, protocol, metadata, files: replay.liveFiles() };
}

/** A compaction that ends early at the end of a line looks whole: the checksum of the version, if any, may tell. */
async function finishChecked(replay: LogReplay, segment: LogSegment, options: ReplayOptions): Promise<TableState> {
  const state = finish(replay, segment, options);
  const fileCount = await checksumFileCount(options, segment.version);
  if (fileCount === null || fileCount === state.files.length) return state;
  const reason = `${segment.commitNames.filter(isCompaction).join(', ')} leads to ${state.files.length} files, the checksum of version ${segment.version} says ${fileCount}`;
  throw syncedTablesError('DELTA_LOG_CORRUPT', { table: options.tableName, reason });
}
