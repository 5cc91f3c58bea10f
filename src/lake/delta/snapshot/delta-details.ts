import { asSyncedTablesError } from '../../../core/errors.js';
import type { SourceCommit, SourceDetails } from '../../source-details.js';
import type { SourceSnapshot } from '../../source-snapshot.js';
import type { FileStore } from '../../storage/file-store.js';
import type { ProtocolAction } from '../log/action.js';
import { readJsonActions } from '../log/commit-reader.js';
import { hasInCommitTimestamp } from '../log/commit-time.js';
import { LogFileVanished } from '../log/log-file-vanished.js';
import { type LogListing, logFolder } from '../log/log-listing.js';
import type { LiveFile } from '../log/log-replay.js';
import { listsColumnMapping } from '../schema/protocol-gate.js';
import { commentsOf } from './delta-description.js';
import { type DeltaSnapshot, type OpenDeltaSnapshotOptions, toSnapshot, withListing } from './delta-snapshot.js';

const COMMITS_MAX = 10;
/** `commitInfo` comes first in nearly every commit, after at most a protocol and a schema in others. */
const ACTIONS_LOOKED_AT = 10;

/**
 * Reads what the log of a Delta table tells people of its newest version; no data file is touched.
 * @param options.readCheckpoint has to read row counts
 * @throws what `openDeltaSnapshot` throws
 */
export async function readDeltaDetails(options: OpenDeltaSnapshotOptions): Promise<SourceDetails> {
  return withListing(options, async (state, listing, located) => {
    const snapshot = await toSnapshot(state, listing, located);
    const commits = await readLastCommits({ ...located, listing, configuration: snapshot.configuration });
    return { ...detailsOf(snapshot, state.files), commits };
  });
}

/** What a version tells people of itself, without the commits before it. */
export function detailsOf(snapshot: DeltaSnapshot, files: readonly LiveFile[]): Omit<SourceDetails, 'commits'> {
  const { protocol, metadata, root, partitionColumns } = snapshot;
  return {
    snapshot: withoutFiles(snapshot),
    format: 'DELTA',
    location: root,
    positionWord: 'version',
    statedRowCount: statedRowCount(files),
    fileCount: files.length,
    features: featuresOf(protocol),
    properties: metadata.configuration,
    partitionColumns,
    comments: commentsOf(metadata.schemaString),
  };
}

/** Details are kept for a while; of a table with a million files, those would be most of them. */
function withoutFiles(snapshot: DeltaSnapshot): SourceSnapshot {
  const { tableName, version, committedAtMs, tableId, columns, rowCount, sizeBytes, hasChangeFeed } = snapshot;
  return {
    tableName,
    version,
    committedAtMs,
    tableId,
    columns,
    rowCount,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(hasChangeFeed === undefined ? {} : { hasChangeFeed }),
  };
}

/** Rows of the files less those that are marked as deleted; null if a file has no statistics. */
function statedRowCount(files: readonly LiveFile[]): bigint | null {
  let rows = 0n;
  for (const { add } of files) {
    if (add.rowCount === null) return null;
    rows += BigInt(add.rowCount) - (add.deletionVector?.cardinality ?? 0n);
  }
  return rows;
}

/** Old protocols list no features: of what they imply, only column mapping concerns how a table is read. */
function featuresOf(protocol: ProtocolAction): string[] {
  const listed = [...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])];
  return [...new Set(listsColumnMapping(protocol) ? [...listed, 'columnMapping'] : listed)].sort();
}

interface CommitsOptions {
  readonly store: FileStore;
  /** Canonical. */
  readonly root: string;
  readonly tableName: string;
  readonly listing: LogListing;
  readonly configuration: ReadonlyMap<string, string>;
}

async function readLastCommits(options: CommitsOptions): Promise<SourceCommit[]> {
  const newest = [...options.listing.commits].sort(([a], [b]) => (a < b ? 1 : -1)).slice(0, COMMITS_MAX);
  const commits = await Promise.all(newest.map(([version, name]) => readCommitInfo(options, version, name)));
  return commits.filter((commit) => commit !== null);
}

/** Null for a commit that log clean-up has just removed. */
async function readCommitInfo(options: CommitsOptions, version: bigint, name: string): Promise<SourceCommit | null> {
  const { store, root, tableName, configuration } = options;
  const path = `${logFolder(root)}/${name}`;
  const stat = await store.stat(path);
  if (stat === null) return null;
  const modifiedAtMs = Math.floor(stat.modifiedAtMs);
  let looked = 0;
  try {
    for await (const action of readJsonActions({ store, path, name, tableName })) {
      if (action.kind === 'commitInfo') {
        const stamped = hasInCommitTimestamp(configuration, version) ? action.inCommitTimestampMs : null;
        return { version, committedAtMs: stamped ?? modifiedAtMs, operation: action.operation };
      }
      if (++looked === ACTIONS_LOOKED_AT) break;
    }
  } catch (error) {
    if (error instanceof LogFileVanished) return null;
    // The table is readable without it, or the snapshot would have said so.
    if (asSyncedTablesError(error)?.code !== 'DELTA_LOG_CORRUPT') throw error;
  }
  return { version, committedAtMs: modifiedAtMs, operation: null };
}
