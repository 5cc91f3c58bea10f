import { syncedTablesError } from '../../../core/errors.js';
import type { SourceSnapshot } from '../../source-snapshot.js';
import type { FileStore } from '../../storage/file-store.js';
import type { MetadataAction, ProtocolAction } from '../log/action.js';
import type { CheckpointReader } from '../log/checkpoint-reader.js';
import { commitTimeMs } from '../log/commit-time.js';
import { LogFileVanished } from '../log/log-file-vanished.js';
import { type LogListing, listLog } from '../log/log-listing.js';
import { canonicalRoot } from '../log/log-path.js';
import { replayTableState, type TableState } from '../log/table-state.js';
import type { ColumnMappingMode } from '../schema/column-mapping.js';
import { hasChangeFeed, tableLayout } from '../schema/table-layout.js';
import { type DeltaFile, requireInside, toDeltaFile } from './delta-file.js';

export type { DeltaFile } from './delta-file.js';

/** How often a log is listed again because log clean-up removed a file between listing and reading. */
const LISTINGS_LIMIT = 3;

/** A Delta table at one version. `rowCount` is null: statistics of the log may be wrong. */
export interface DeltaSnapshot extends SourceSnapshot {
  readonly version: bigint;
  /** The table's folder, canonical. */
  readonly root: string;
  readonly mappingMode: ColumnMappingMode;
  /** Logical names, spelled as in `columns`. */
  readonly partitionColumns: readonly string[];
  /** Table properties. */
  readonly configuration: ReadonlyMap<string, string>;
  /** What is in force at the version. */
  readonly protocol: ProtocolAction;
  readonly metadata: MetadataAction;
  /** In no particular order. */
  readonly files: readonly DeltaFile[];
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
  readonly readCheckpoint: CheckpointReader;
}

/**
 * Reads the log of a Delta table and returns its state at a version; no data file is touched.
 * @throws SOURCE_TABLE_NOT_FOUND, DELTA_VERSION_NOT_FOUND, DELTA_LOG_GAP, DELTA_LOG_CORRUPT, DELTA_UNSUPPORTED_FEATURE,
 *   SOURCE_PATH_OUTSIDE; SOURCE_FILE_MISSING if the log keeps changing under the reader
 */
export async function openDeltaSnapshot(options: OpenDeltaSnapshotOptions): Promise<DeltaSnapshot> {
  return withListing(options, (state, listing, located) => toSnapshot(state, listing, located));
}

/**
 * Like `openDeltaSnapshot`, but returns the reconciled log as it is, neither checked nor translated.
 * @throws SOURCE_TABLE_NOT_FOUND, DELTA_VERSION_NOT_FOUND, DELTA_LOG_GAP, DELTA_LOG_CORRUPT, SOURCE_FILE_MISSING
 */
export async function openTableState(options: OpenDeltaSnapshotOptions): Promise<TableState> {
  return withListing(options, async (state) => state);
}

async function withListing<Result>(
  options: OpenDeltaSnapshotOptions,
  use: (state: TableState, listing: LogListing, located: OpenDeltaSnapshotOptions) => Promise<Result>,
): Promise<Result> {
  const located = { ...options, root: canonicalRoot(options.root) };
  let vanished: LogFileVanished | null = null;
  for (let attempt = 1; attempt <= LISTINGS_LIMIT; attempt++) {
    try {
      const { state, listing } = await readState(located);
      return await use(state, listing, located);
    } catch (error) {
      if (!(error instanceof LogFileVanished)) throw error;
      vanished = error;
    }
  }
  throw syncedTablesError(
    'SOURCE_FILE_MISSING',
    { file: vanished?.path ?? located.root, table: options.tableName, version: options.version ?? 'newest' },
    vanished,
  );
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

async function readState(options: OpenDeltaSnapshotOptions): Promise<{ state: TableState; listing: LogListing }> {
  const { store, root, tableName, readCheckpoint } = options;
  const listing = await listLog({ store, root, tableName });
  const latest = listing.latestVersion;
  const version = options.version ?? latest;
  if (version < 0n || version > latest) {
    throw syncedTablesError('DELTA_VERSION_NOT_FOUND', { table: tableName, version, latest });
  }
  const state = await replayTableState({ store, root, tableName, listing, version, readCheckpoint });
  return { state, listing };
}

async function toSnapshot(
  state: TableState,
  listing: LogListing,
  options: OpenDeltaSnapshotOptions,
): Promise<DeltaSnapshot> {
  const { store, root, tableName } = options;
  const { protocol, metadata, segment } = state;
  const layout = tableLayout({ protocol, metadata, tableName });
  const { partitionFields } = layout;
  const files = state.files.map(({ path, add }) => toDeltaFile({ path, add, partitionFields, tableName }));
  if (!options.allowOutsidePaths) for (const file of files) requireInside({ root, tableName, file });
  const { configuration } = metadata;
  return {
    tableName,
    root,
    version: segment.version,
    committedAtMs: await commitTimeMs({ store, root, tableName, listing, segment, configuration }),
    tableId: metadata.id,
    columns: layout.columns,
    rowCount: null,
    ...totalSize(files),
    hasChangeFeed: hasChangeFeed(configuration),
    mappingMode: layout.mappingMode,
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
