import type { FileStore } from '../../storage/file-store.js';
import { readJsonActions } from './commit-reader.js';
import { LogFileVanished } from './log-file-vanished.js';
import { commitName, type LogListing, logFolder } from './log-listing.js';
import type { LogSegment } from './log-segment.js';

/**
 * When a version was committed, in milliseconds since 1970: `commitInfo.inCommitTimestamp` where in-commit timestamps
 * are in force, otherwise the modification time of the commit file, or of the file that replaces it after log clean-up.
 * Only for display: time never orders versions.
 * @throws LogFileVanished if the file is gone
 */
export async function commitTimeMs(options: {
  store: FileStore;
  root: string;
  tableName: string;
  listing: LogListing;
  segment: LogSegment;
  configuration: ReadonlyMap<string, string>;
}): Promise<number | null> {
  const { store, root, tableName, listing, segment, configuration } = options;
  const listedName = listing.commits.get(segment.version);
  if (listedName !== undefined && hasInCommitTimestamp(configuration, segment.version)) {
    const stamped = await inCommitTimestampMs({ store, root, tableName, version: segment.version });
    if (stamped !== null) return stamped;
  }
  const name = listedName ?? segment.commitNames.at(-1) ?? segment.checkpoint?.names[0];
  if (name === undefined) return null;
  const path = `${logFolder(root)}/${name}`;
  const stat = await store.stat(path);
  if (stat === null) throw new LogFileVanished(path);
  return Math.floor(stat.modifiedAtMs);
}

/**
 * The time that a commit states itself, in milliseconds since 1970; null if it states none. Only its first lines are
 * read: the time is in the first.
 * @throws LogFileVanished if the file is gone
 */
export async function inCommitTimestampMs(options: {
  store: FileStore;
  root: string;
  tableName: string;
  version: bigint;
}): Promise<number | null> {
  const { store, root, tableName, version } = options;
  const name = commitName(version);
  for await (const action of readJsonActions({ store, path: `${logFolder(root)}/${name}`, name, tableName })) {
    if (action.kind === 'commitInfo' && action.inCommitTimestampMs !== null) return action.inCommitTimestampMs;
  }
  return null;
}

/** Protocol: "In-Commit Timestamps"; if enabled later, they apply from the enablement version on. */
export function hasInCommitTimestamp(configuration: ReadonlyMap<string, string>, version: bigint): boolean {
  if (configuration.get('delta.enableInCommitTimestamps')?.toLowerCase() !== 'true') return false;
  const enabledSince = configuration.get('delta.inCommitTimestampEnablementVersion');
  return enabledSince === undefined || !/^\d+$/.test(enabledSince) || version >= BigInt(enabledSince);
}
