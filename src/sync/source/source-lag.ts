import type { ChangeFeed } from '../../lake/changes/change-relation.js';

/** How far a source is ahead of its synced table. */
export interface SourceLag {
  /** The newest version. */
  readonly version: bigint;
  readonly committedAtMs: number | null;
  /** Commit time of the first version that the table does not have; null if unknown. */
  readonly behindSinceMs: number | null;
}

/**
 * Reads the commit times of the versions that a table lacks.
 * @param newest greater than `position`
 * @returns null times if the source does not say: it may be what has failed
 */
export async function readSourceLag(changeFeed: ChangeFeed, position: bigint, newest: bigint): Promise<SourceLag> {
  const committedAtMs = await changeFeed.committedAtMs(newest).catch(() => null);
  const behindSinceMs = await changeFeed.committedAtMs(position + 1n).catch(() => null);
  return { version: newest, committedAtMs, behindSinceMs };
}
