import type { Field } from '../../../core/data-type.js';
import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { SourceSnapshot } from '../../source-snapshot.js';
import { type FileStore, isSameFile } from '../../storage/file-store.js';
import type { MetadataAction, ProtocolAction } from '../log/action.js';
import type { CheckpointReader } from '../log/checkpoint-reader.js';
import { readCommit } from '../log/commit-tail.js';
import { commitTimeMs } from '../log/commit-time.js';
import { LogFileVanished } from '../log/log-file-vanished.js';
import { commitPath, type LogListing, listLog } from '../log/log-listing.js';
import { canonicalRoot } from '../log/log-path.js';
import { type CommitReading, isYoung } from '../log/newest-commit.js';
import { replayTableState, type TableState } from '../log/table-state.js';
import type { ColumnMappingMode } from '../schema/column-mapping.js';
import { hasChangeFeed, tableLayout } from '../schema/table-layout.js';
import { type DeltaFile, requireInside, toDeltaFile } from './delta-file.js';

export type { DeltaFile } from './delta-file.js';

/** The reconciled log, and the commit of its version as it was read. */
export type ReadState = TableState & Pick<DeltaSnapshot, 'commit'>;

/** How often a log is listed again because a file of it was removed or changed between listing and reading. */
const LISTINGS_LIMIT = 3;

/** A Delta table at one version. `rowCount` is null: statistics of the log may be wrong. */
export interface DeltaSnapshot extends SourceSnapshot {
  readonly version: bigint;
  /** The table's folder, canonical. */
  readonly root: string;
  readonly mappingMode: ColumnMappingMode;
  /** Columns that were dropped, as `TableLayout` says. */
  readonly formerColumns: number;
  /** Logical names, spelled as in `columns`. */
  readonly partitionColumns: readonly string[];
  /** Table properties. */
  readonly configuration: ReadonlyMap<string, string>;
  /** What is in force at the version. */
  readonly protocol: ProtocolAction;
  readonly metadata: MetadataAction;
  /** In no particular order. */
  readonly files: readonly DeltaFile[];
  /** The commit of the version; null if its file is gone, or in a store that shows only whole files. */
  readonly commit: CommitReading | null;
}

export interface OpenDeltaSnapshotOptions {
  readonly store: FileStore;
  /** The table's folder: an absolute, decoded path of the store. */
  readonly root: string;
  /** For messages. */
  readonly tableName: string;
  /** Default: the newest version. */
  readonly version?: bigint;
  /** Follow paths of the log that leave the table's folder. */
  readonly allowOutsidePaths?: boolean;
  /** Whether the store shows the log as a catalog has ratified it. */
  readonly isRatified?: boolean;
  readonly readCheckpoint: CheckpointReader;
  /** Columns for which the statistics of files are read; `readCheckpoint` reads them of the same ones. */
  readonly statisticsOf?: readonly Field[];
}

/**
 * Reads the log of a Delta table and returns its state at a version; no data file is touched.
 * @throws SOURCE_TABLE_NOT_FOUND, DELTA_VERSION_NOT_FOUND, DELTA_LOG_GAP, DELTA_LOG_CORRUPT, DELTA_COMMIT_INCOMPLETE,
 *   DELTA_UNSUPPORTED_FEATURE, DELTA_CATALOG_MANAGED, SOURCE_PATH_OUTSIDE; SOURCE_FILE_MISSING or SOURCE_FILE_CHANGED if the log keeps changing
 *   under the reader
 */
export async function openDeltaSnapshot(options: OpenDeltaSnapshotOptions): Promise<DeltaSnapshot> {
  return withListing(options, (state, listing, located) => toSnapshot(state, listing, located));
}

/**
 * Like `openDeltaSnapshot`, but returns the reconciled log as it is, neither checked nor translated.
 * @throws SOURCE_TABLE_NOT_FOUND, DELTA_VERSION_NOT_FOUND, DELTA_LOG_GAP, DELTA_LOG_CORRUPT, DELTA_COMMIT_INCOMPLETE,
 *   SOURCE_FILE_MISSING, SOURCE_FILE_CHANGED
 */
export async function openTableState(options: OpenDeltaSnapshotOptions): Promise<ReadState> {
  return withListing(options, async (state) => state);
}

/**
 * Reads the log at a version and hands it to `use`, again if a file of it vanishes meanwhile.
 * @throws what `openTableState` throws
 */
export async function withListing<Result>(
  options: OpenDeltaSnapshotOptions,
  use: (state: ReadState, listing: LogListing, located: OpenDeltaSnapshotOptions) => Promise<Result>,
): Promise<Result> {
  const located = { ...options, root: canonicalRoot(options.root) };
  let last: unknown;
  for (let attempt = 1; attempt <= LISTINGS_LIMIT; attempt++) {
    try {
      const { state, listing } = await readState(located);
      return await use(state, listing, located);
    } catch (error) {
      const isChanged = asSyncedTablesError(error)?.code === 'SOURCE_FILE_CHANGED';
      if (!isChanged && !(error instanceof LogFileVanished)) throw error;
      last = error;
    }
  }
  if (!(last instanceof LogFileVanished)) throw last;
  const details = { file: last.path, table: options.tableName, version: options.version ?? 'newest' };
  throw syncedTablesError('SOURCE_FILE_MISSING', details, last);
}

/**
 * The version that `openDeltaSnapshot` would read now: that of the newest commit or complete checkpoint.
 * @throws SOURCE_TABLE_NOT_FOUND
 */
export async function latestDeltaVersion(options: {
  store: FileStore;
  root: string;
  tableName: string;
}): Promise<bigint> {
  return (await listLog({ ...options, root: canonicalRoot(options.root) })).latestVersion;
}

async function readState(options: OpenDeltaSnapshotOptions): Promise<{ state: ReadState; listing: LogListing }> {
  const { store, root, tableName, readCheckpoint, statisticsOf = [] } = options;
  const listing = await listLog({ store, root, tableName });
  const latest = listing.latestVersion;
  const version = options.version ?? latest;
  if (version < 0n || version > latest) {
    throw syncedTablesError('DELTA_VERSION_NOT_FOUND', { table: tableName, version, latest });
  }
  const commit = listing.commits.has(version) ? await lookAtCommit(options, version) : null;
  const state = await replayTableState({ store, root, tableName, listing, version, readCheckpoint, statisticsOf });
  const path = commitPath(root, version);
  if (commit !== null && !isSameFile(commit.stat, await store.stat(path))) {
    throw syncedTablesError('SOURCE_FILE_CHANGED', { file: path });
  }
  return { state: { ...state, commit }, listing };
}

/** Waits for a commit that is still being written. */
async function lookAtCommit(
  { store, root, tableName }: OpenDeltaSnapshotOptions,
  version: bigint,
): Promise<CommitReading | null> {
  if (store.download) return null;
  const path = commitPath(root, version);
  const stat = await store.stat(path);
  if (stat === null) return null;
  // Nobody writes to an old one any more, and it may be large: it is not read twice.
  return isYoung(stat) ? readCommit({ store, root, tableName }, version) : { path, stat, isEmpty: false };
}

/** Checks and translates the reconciled log. */
export async function toSnapshot(
  state: ReadState,
  listing: LogListing,
  options: OpenDeltaSnapshotOptions,
): Promise<DeltaSnapshot> {
  const { store, root, tableName } = options;
  const { segment, commit } = state;
  const translated = snapshotOf({ ...state, version: segment.version }, options);
  const { configuration } = translated;
  return {
    ...translated,
    committedAtMs: await commitTimeMs({ store, root, tableName, listing, segment, configuration }),
    commit: commit && { path: commit.path, stat: commit.stat, isEmpty: commit.isEmpty },
  };
}

/**
 * Checks and translates what a table consists of at a version, wherever that is known from.
 * @throws DELTA_UNSUPPORTED_FEATURE, DELTA_CATALOG_MANAGED, DELTA_LOG_CORRUPT, SOURCE_PATH_OUTSIDE
 */
export function snapshotOf(
  state: Pick<TableState, 'protocol' | 'metadata' | 'files'> & { readonly version: bigint },
  options: Pick<OpenDeltaSnapshotOptions, 'root' | 'tableName' | 'allowOutsidePaths' | 'isRatified'>,
): Omit<DeltaSnapshot, 'committedAtMs' | 'commit'> {
  const { root, tableName } = options;
  const { protocol, metadata, version } = state;
  const layout = tableLayout({ protocol, metadata, tableName, isRatified: options.isRatified === true });
  const { partitionFields } = layout;
  const files = state.files.map(({ path, add }) => toDeltaFile({ path, add, partitionFields, tableName }));
  if (!options.allowOutsidePaths) for (const file of files) requireInside({ root, tableName, file });
  const { configuration } = metadata;
  return {
    tableName,
    root,
    version,
    tableId: metadata.id,
    columns: layout.columns,
    rowCount: null,
    ...totalSize(files),
    hasChangeFeed: hasChangeFeed(configuration),
    mappingMode: layout.mappingMode,
    formerColumns: layout.formerColumns,
    partitionColumns: partitionFields.map((field) => field.name),
    configuration,
    protocol,
    metadata,
    files,
  };
}

function totalSize(files: readonly DeltaFile[]): { sizeBytes?: bigint } {
  let sizeBytes = 0n;
  for (const file of files) {
    if (file.sizeBytes === null) return {};
    sizeBytes += BigInt(file.sizeBytes);
  }
  return { sizeBytes };
}
