import { ATTEMPTS_MAX, backoffMs, RETRY_BACKOFF } from '../../core/backoff.js';
import type { SyncedTablesError } from '../../core/errors.js';

/** Failures in a row of something that is tried again, and the growing pauses between its attempts. */
export class RetryPause {
  #failures = 0;
  #retryAt = Number.NEGATIVE_INFINITY;

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds until the next attempt; null if it does not have to wait. */
  waitMs(): number | null {
    const ms = this.#retryAt - performance.now();
    return ms > 0 ? ms : null;
  }

  /** Counts a failure. Returns the pause in milliseconds. */
  fail(): number {
    this.#failures += 1;
    const pauseMs = backoffMs(RETRY_BACKOFF, this.#failures);
    this.#retryAt = performance.now() + pauseMs;
    return pauseMs;
  }

  /** What failed before does not any more. */
  recover(): void {
    this.#failures = 0;
    this.#retryAt = Number.NEGATIVE_INFINITY;
  }
}

/**
 * What may pass for a while only: a file may come a little later than the commit that names it, where folders are
 * copied, say; and a table that is dropped and created again is not there in between.
 */
const PASSING_AT_FIRST: ReadonlySet<string> = new Set(['DELTA_CHANGE_FILE_MISSING', 'SOURCE_TABLE_NOT_FOUND']);

/** Whether to try again. */
export function isPassing(error: SyncedTablesError, failures: number): boolean {
  if (PASSING_AT_FIRST.has(error.code)) return failures < ATTEMPTS_MAX;
  return error.retry === 'timed';
}
