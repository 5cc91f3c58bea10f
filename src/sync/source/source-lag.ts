import type { ChangeFeed } from '../../lake/changes/change-relation.js';

/** How far a source is ahead of its synced table. */
export interface SourceLag {
  /** The newest one. */
  readonly version: bigint;
  readonly committedAtMs: number | null;
  /** When the first version was committed that the table does not have; null if that is not known. */
  readonly behindSinceMs: number | null;
}

/**
 * Reads when the versions were committed that a table lacks.
 * @param newest greater than `position`
 * @returns times that are null if the source does not tell: it may be what has failed
 */
export async function readSourceLag(changeFeed: ChangeFeed, position: bigint, newest: bigint): Promise<SourceLag> {
  const committedAtMs = await changeFeed.committedAtMs(newest).catch(() => null);
  const behindSinceMs = await changeFeed.committedAtMs(position + 1n).catch(() => null);
  return { version: newest, committedAtMs, behindSinceMs };
}
