import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import { safeReason } from '../../../core/reasons/safe-reason.js';
import type { FileStore } from '../../storage/file-store.js';
import type { MetadataAction, ProtocolAction } from './action.js';
import { type CheckpointReader, readCheckpointActions } from './checkpoint-reader.js';
import { readJsonActions } from './commit-reader.js';
import { LogFileVanished } from './log-file-vanished.js';
import { readBeginning } from './log-lines.js';
import { type Checkpoint, type LogListing, logFolder } from './log-listing.js';
import { type LiveFile, LogReplay } from './log-replay.js';
import { chooseSegment, type LogSegment } from './log-segment.js';
import { ActionFormatError } from './parse-action.js';

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
}

/**
 * Rebuilds the state of `version` from the newest complete checkpoint that can be read, at worst from commit 0.
 * @throws DELTA_LOG_GAP, DELTA_LOG_CORRUPT; LogFileVanished if the listing has become stale
 */
export async function replayTableState(options: ReplayOptions): Promise<TableState> {
  const { listing, version, tableName } = options;
  const usable = listing.checkpoints.filter((checkpoint) => checkpoint.version <= version);
  let firstFailure: unknown;
  for (const checkpoint of [...usable, null]) {
    const segment = chooseSegment(listing, { version, checkpoint });
    if ('missingVersion' in segment) {
      firstFailure ??= syncedTablesError('DELTA_LOG_GAP', { table: tableName, version: segment.missingVersion });
      continue;
    }
    const replay = new LogReplay(options);
    if (checkpoint !== null) {
      const failure = await applyCheckpoint(replay, checkpoint, options);
      if (failure !== null) {
        firstFailure ??= failure;
        continue;
      }
    }
    return await applyCommits(replay, segment, options);
  }
  throw firstFailure;
}

/** Null if the checkpoint was applied, otherwise what is wrong with it; the replay must then be discarded. */
async function applyCheckpoint(
  replay: LogReplay,
  checkpoint: Checkpoint,
  options: ReplayOptions,
): Promise<Error | null> {
  const { store, root, tableName, readCheckpoint } = options;
  const name = checkpoint.names.join(', ');
  const unreadable = (reason: string, cause?: unknown) =>
    syncedTablesError(
      'DELTA_LOG_CORRUPT',
      { table: tableName, reason: `checkpoint ${name} cannot be read (${reason}), and nothing older replaces it` },
      cause,
    );
  try {
    await replay.apply(readCheckpointActions({ store, root, tableName, checkpoint, readCheckpoint }));
  } catch (error) {
    // A missing sidecar does not count as vanished: it was never listed, and its checkpoint may keep naming it.
    for (const part of checkpoint.names) {
      const path = `${logFolder(root)}/${part}`;
      if ((await store.stat(path)) === null) throw new LogFileVanished(path);
    }
    const reason = error instanceof ActionFormatError ? error.message : safeReason(error);
    return asSyncedTablesError(error) ?? unreadable(reason, error);
  }
  // A checkpoint always holds both; without them it was not completely written.
  if (replay.protocol === null) return unreadable('it holds no protocol');
  if (replay.metadata === null) return unreadable('it holds no metaData');
  return null;
}

async function applyCommits(replay: LogReplay, segment: LogSegment, options: ReplayOptions): Promise<TableState> {
  const { store, root, tableName } = options;
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
    const file = { store, path: pathOf(name), name, tableName };
    await replay.apply(readJsonActions(beginning === undefined ? file : { ...file, beginning }));
  }
  const { protocol, metadata } = replay;
  const missing = protocol === null ? 'protocol' : 'metaData';
  if (protocol === null || metadata === null) {
    const reason = `no ${missing} action up to version ${segment.version}`;
    throw syncedTablesError('DELTA_LOG_CORRUPT', { table: tableName, reason });
  }
  return { segment, protocol, metadata, files: replay.liveFiles() };
}
