import type { FileStore } from '../../storage/file-store.js';
import { readJsonActions } from './commit-reader.js';
import { LogFileVanished } from './log-file-vanished.js';
import { type LogListing, logFolder } from './log-listing.js';
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
  const commitName = listing.commits.get(segment.version);
  if (commitName !== undefined && hasInCommitTimestamp(configuration, segment.version)) {
    const path = `${logFolder(root)}/${commitName}`;
    for await (const action of readJsonActions({ store, path, name: commitName, tableName })) {
      if (action.kind === 'commitInfo' && action.inCommitTimestampMs !== null) return action.inCommitTimestampMs;
    }
  }
  const name = commitName ?? segment.commitNames.at(-1) ?? segment.checkpoint?.names[0];
  if (name === undefined) return null;
  const path = `${logFolder(root)}/${name}`;
  const stat = await store.stat(path);
  if (stat === null) throw new LogFileVanished(path);
  return Math.floor(stat.modifiedAtMs);
}

/** Protocol: "In-Commit Timestamps"; if enabled later, they apply from the enablement version on. */
export function hasInCommitTimestamp(configuration: ReadonlyMap<string, string>, version: bigint): boolean {
  if (configuration.get('delta.enableInCommitTimestamps')?.toLowerCase() !== 'true') return false;
  const enabledSince = configuration.get('delta.inCommitTimestampEnablementVersion');
  return enabledSince === undefined || !/^\d+$/.test(enabledSince) || version >= BigInt(enabledSince);
}
