import { ATTEMPTS_MAX, backoffMs, RETRY_BACKOFF } from '../../core/backoff.js';
import type { SyncedTablesError } from '../../core/errors.js';

/** Consecutive failures of something that is retried, with growing pauses between attempts. */
export class RetryPause {
  #failures = 0;
  #retryAt = Number.NEGATIVE_INFINITY;

  /** Consecutive failures. */
  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds until the next attempt; null if it need not wait. */
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

  /** Earlier failures are over. */
  recover(): void {
    this.#failures = 0;
    this.#retryAt = Number.NEGATIVE_INFINITY;
  }
}

/**
 * Errors that only pass if they are brief: a file may arrive a little later than the commit that names it, for example
 * where folders are copied; and a table that is dropped and recreated is missing in between.
 */
const PASSING_AT_FIRST: ReadonlySet<string> = new Set(['DELTA_CHANGE_FILE_MISSING', 'SOURCE_TABLE_NOT_FOUND']);

/** Whether to retry. */
export function isPassing(error: SyncedTablesError, failures: number): boolean {
  if (PASSING_AT_FIRST.has(error.code)) return failures < ATTEMPTS_MAX;
  return error.retry === 'timed';
}
