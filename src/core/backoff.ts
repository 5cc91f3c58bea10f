/** Pauses that double after each failure in a row, up to a maximum. */
export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * The pause before the next attempt, in milliseconds.
 * @param failures in a row so far, 1 after the first one
 */
export function backoffMs({ firstMs, longestMs }: Backoff, failures: number): number {
  return Math.min(firstMs * 2 ** (failures - 1), longestMs);
}

/** Between attempts at an update, a table or a comparison after a transient failure. */
export const RETRY_BACKOFF: Backoff = { firstMs: 1_000, longestMs: 30_000 };

/**
 * Attempts in a row at an update or a table before it counts as failed. The pauses between them total about half a
 * minute.
 */
export const ATTEMPTS_MAX = 6;

/**
 * Seconds between an attempt that failed with a transient error and the next one.
 * @param attempt the one that failed, 1 for the first
 */
export function retryDelaySeconds(attempt: number): number {
  return backoffMs(RETRY_BACKOFF, attempt) / 1000;
}
