import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** More than an interrupted statement, query or request takes to end, in milliseconds. */
const ABANDONED_AFTER_MS = 5_000;

/**
 * Waits for work, but not for long after `signal` has aborted: a read of a disk cannot be interrupted. What is abandoned
 * can change nothing any more, since every commit proves the lease.
 * @throws the reason of `signal`, and what the work throws
 */
export async function unlessAbandoned<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
  afterMs = ABANDONED_AFTER_MS,
): Promise<Result> {
  const waiting = new AbortController();
  const abandoned = async (): Promise<never> => {
    if (!signal.aborted) await once(signal, 'abort', { signal: waiting.signal });
    await sleep(afterMs, undefined, { signal: waiting.signal });
    throw signal.reason;
  };
  try {
    return await Promise.race([work, abandoned()]);
  } finally {
    waiting.abort();
  }
}
