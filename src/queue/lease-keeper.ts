import type pg from 'pg';
import { syncedTablesError } from '../core/errors.js';
import { Turns } from '../core/turns.js';
import { WakeUp } from '../core/wake-up.js';
import { endLeases, renewLeases, type SidecarNote } from '../postgres/registry/lease.js';
import { cutSession } from '../postgres/session/session.js';
import { onSession } from './on-session.js';

export interface LeaseKeeperOptions {
  /** Id of the sidecar. */
  readonly holder: string;
  /** Opens a session for short queries. */
  readonly openSession: () => Promise<pg.Client>;
  /** How long the leases last unless renewed. */
  readonly leaseSeconds: number;
  /** What the sidecar says of itself. */
  readonly note: () => SidecarNote;
  /** The leases are in force, for the first time or again after others may have taken pipelines over. */
  readonly onHeld: () => void;
  /** The leases could not be renewed in time. */
  readonly onLost: () => void;
  readonly onError: (error: unknown) => void;
}

/** Somebody who needs the session. */
interface Waiting {
  readonly resolve: (client: pg.Client) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Renews the leases of a sidecar, all at once, three times within their duration. Its session also serves the short
 * statements that end updates, so that the number of sessions does not grow with that of updates.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #ending = new AbortController();
  readonly #wakeUp = new WakeUp();
  readonly #finished: Promise<void>;
  readonly #turns = new Turns();
  readonly #waiting = new Set<Waiting>();
  #isRenewing = true;
  #client: pg.Client | null = null;
  #expiry: NodeJS.Timeout | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#finished = onSession({
      openSession: options.openSession,
      signal: this.#ending.signal,
      work: (client, recovered) => this.#work(client, recovered),
      onError: options.onError,
    });
  }

  async #work(client: pg.Client, recovered: () => void): Promise<void> {
    client.once('end', () => this.wake());
    try {
      while (!this.#ending.signal.aborted) {
        this.#wakeUp.rearm();
        if (this.#isRenewing) await this.#renew(client);
        recovered();
        this.#serve(client);
        await this.#wakeUp.sleep((this.#options.leaseSeconds * 1000) / 3);
      }
    } finally {
      this.#client = null;
    }
  }

  #serve(client: pg.Client): void {
    this.#client = client;
    for (const { resolve } of this.#waiting) resolve(client);
    this.#waiting.clear();
  }

  async #renew(client: pg.Client): Promise<void> {
    const { holder, leaseSeconds, note, onHeld, onLost } = this.#options;
    const startedAt = performance.now();
    const isInTime = await this.#turns.during(() => renewLeases(client, holder, leaseSeconds, note()));
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(
      () => {
        cutSession(client); // an answer that has not come by now is not worth waiting for
        onLost();
      },
      leaseSeconds * 1000 - (performance.now() - startedAt),
    );
    if (!isInTime) onHeld();
  }

  wake(): void {
    this.#wakeUp.wake();
  }

  /**
   * Runs a short statement on the keeper's session, as soon as there is one.
   * @throws SIDECAR_STOPS_UNCONNECTED, or the reason of `signal`, while it waits for one
   */
  async use<Result>(work: (client: pg.Client) => Promise<Result>, signal: AbortSignal): Promise<Result> {
    const client = this.#client ?? (await this.#nextSession(signal));
    return this.#turns.during(() => work(client));
  }

  async #nextSession(signal: AbortSignal): Promise<pg.Client> {
    signal.throwIfAborted();
    if (!this.#isRenewing) throw syncedTablesError('SIDECAR_STOPS_UNCONNECTED', {});
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  /** Renews no more: should it take long to stop, another sidecar takes over. */
  retire(): void {
    this.#isRenewing = false;
    for (const { reject } of this.#waiting) reject(syncedTablesError('SIDECAR_STOPS_UNCONNECTED', {}));
    this.#waiting.clear();
  }

  /** Ends the leases. */
  async stop(): Promise<void> {
    this.retire();
    const client = this.#client;
    // Not beside a renewal that is under way. Without an answer, the leases run out.
    if (client) await this.#turns.during(() => endLeases(client, this.#options.holder)).catch(() => {});
    this.#ending.abort();
    this.wake();
    await this.#finished;
    clearTimeout(this.#expiry);
  }
}
