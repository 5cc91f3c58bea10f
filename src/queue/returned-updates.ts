import type pg from 'pg';
import { type ClaimedUpdate, returnUpdates } from '../postgres/registry/update-queue.js';

interface Returned {
  readonly claim: ClaimedUpdate;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** How many one statement returns: none shall hold the locks of thousands of pipelines for long. */
const RETURNS_AT_ONCE = 200;

/**
 * Returns the updates of a sidecar that stops to the queue, many with one statement: there may be a thousand, and no time
 * for a commit for each, since their leases are no longer renewed.
 */
export class ReturnedUpdates {
  readonly #use: (work: (client: pg.Client) => Promise<void>) => Promise<void>;
  #waiting: Returned[] = [];
  #isReturning = false;

  /** @param use runs work on a session */
  constructor(use: (work: (client: pg.Client) => Promise<void>) => Promise<void>) {
    this.#use = use;
  }

  /** Rejects if the session fails; the lease then runs out. */
  add(claim: ClaimedUpdate): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ claim, resolve, reject });
      if (!this.#isReturning) void this.#returnAll();
    });
  }

  async #returnAll(): Promise<void> {
    this.#isReturning = true;
    // Those that end at the same time go together.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0, RETURNS_AT_ONCE);
      try {
        await this.#use((client) =>
          returnUpdates(
            client,
            some.map(({ claim }) => claim),
          ),
        );
        for (const { resolve } of some) resolve();
      } catch (error) {
        for (const { reject } of some) reject(error);
      }
    }
    this.#isReturning = false;
  }
}
