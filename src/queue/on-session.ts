import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type Backoff, backoffMs } from '../core/backoff.js';
import { closeSession } from '../postgres/session/session.js';

const RECONNECT: Backoff = { firstMs: 100, longestMs: 10_000 };

export interface OnSessionOptions {
  readonly openSession: () => Promise<pg.Client>;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /**
   * Works until `signal` aborts, or the session fails. Calls `recovered` when something has succeeded: a server that lets us
   * connect may refuse all else.
   */
  readonly work: (client: pg.Client, recovered: () => void) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Works on a session and survives the loss of its connection: retries on a new one, with growing pauses. */
export async function onSession({ openSession, signal, work, onError }: OnSessionOptions): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      const client = await openSession();
      try {
        await work(client, () => {
          failures = 0;
        });
      } finally {
        await closeSession(client);
      }
    } catch (error) {
      if (signal.aborted) break;
      onError(error);
      failures += 1;
      await sleep(backoffMs(RECONNECT, failures), undefined, { signal }).catch(() => {});
    }
  }
}
