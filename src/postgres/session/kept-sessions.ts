import type pg from 'pg';
import { closeSession, cutSession, openSession, type SessionOptions, untilAborted } from './session.js';
import { sessionSettings } from './session-settings.js';

/** Sessions of one update. */
export interface UpdateSessions {
  /** A session that does not outlive the update's signal for long. */
  readonly openSession: () => Promise<pg.Client>;
  /** Returns a session that has finished its work, outside a transaction. Failed ones are closed instead. */
  readonly giveBack: (client: pg.Client) => Promise<void>;
}

/** How long an unused session is kept, in milliseconds. */
const IDLE_MS_MAX = 60_000;
/** Older sessions are not kept: role and database settings, and memory, should be refreshed from time to time. */
const AGE_MS_MAX = 60_000;
/** Maximum number of unused sessions kept. */
const IDLE_MAX = 4;
/** How long a reset may take before the server counts as gone, in milliseconds. */
const RESET_MS_MAX = 5_000;

const FORGET_ALL =
  'set session authorization default; reset all; close all; unlisten *; select pg_advisory_unlock_all(); discard temp;';

interface IdleSession {
  readonly client: pg.Client;
  readonly timer: NodeJS.Timeout;
}

/**
 * Sessions kept from one update for the next: opening one takes longer than many an update, and its server process has
 * to read catalogs and map shared memory again.
 *
 * A session's leftovers (temporary tables, settings, locks) are removed when it is given back.
 */
export class KeptSessions implements AsyncDisposable {
  readonly #options: SessionOptions;
  readonly #bornAt = new WeakMap<pg.Client, number>();
  #idle: IdleSession[] = [];
  readonly #returning = new Set<Promise<void>>();
  #isDisposed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Sessions for one update, which is over when `signal` aborts. */
  until(signal: AbortSignal): UpdateSessions {
    const releases = new Map<pg.Client, () => void>();
    return {
      openSession: async () => {
        const client = await this.open();
        releases.set(client, untilAborted(signal, client));
        return client;
      },
      giveBack: async (client) => {
        releases.get(client)?.();
        releases.delete(client);
        if (signal.aborted) return closeSession(client);
        // Nobody has to wait until it is as good as new.
        const returning = this.giveBack(client).finally(() => this.#returning.delete(returning));
        this.#returning.add(returning);
      },
    };
  }

  /**
   * The session given back last, or a new one.
   * @throws POSTGRES_UNREACHABLE
   */
  async open(): Promise<pg.Client> {
    // One that is being made as good as new is there sooner than a new one.
    while (this.#idle.length === 0 && this.#returning.size > 0) await Promise.race(this.#returning);
    const kept = this.#idle.pop();
    if (kept !== undefined) {
      clearTimeout(kept.timer);
      return kept.client;
    }
    const client = await openSession(this.#options);
    this.#bornAt.set(client, performance.now());
    client.once('end', () => this.#forget(client));
    return client;
  }

  /** Keeps a session that has finished its work; closes it if it is broken, old or surplus. */
  async giveBack(client: pg.Client): Promise<void> {
    const age = performance.now() - (this.#bornAt.get(client) ?? Number.NEGATIVE_INFINITY);
    const isIdle = client.getTransactionStatus() === 'I';
    const isWanted = isIdle && age < AGE_MS_MAX && (await this.#reset(client));
    if (!isWanted || this.#isDisposed || this.#idle.length >= IDLE_MAX) return closeSession(client);
    const timer = setTimeout(() => {
      this.#forget(client);
      void closeSession(client);
    }, IDLE_MS_MAX);
    this.#idle.push({ client, timer });
  }

  /** Makes it as good as new; false if that fails. Not by DISCARD ALL: `pg` goes on using its named statements. */
  async #reset(client: pg.Client): Promise<boolean> {
    const timer = setTimeout(() => cutSession(client), RESET_MS_MAX);
    try {
      await client.query(`${FORGET_ALL} ${sessionSettings(this.#options)}`);
      return true;
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes the unused sessions: what silenced one may have silenced all that were open then. */
  async dropIdle(): Promise<void> {
    const idle = this.#idle.splice(0);
    for (const { timer } of idle) clearTimeout(timer);
    await Promise.all(idle.map(({ client }) => closeSession(client)));
  }

  #forget(client: pg.Client): void {
    this.#idle = this.#idle.filter((idle) => {
      if (idle.client === client) clearTimeout(idle.timer);
      return idle.client !== client;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await Promise.all(this.#returning);
    await this.dropIdle();
  }
}

/** Runs work on a session, then gives it back; if the work fails, its state is unknown and it is closed. */
export async function endSession<Result>(
  client: pg.Client,
  giveBack: (client: pg.Client) => Promise<void>,
  work: () => Promise<Result>,
): Promise<Result> {
  const result = await work().catch(async (error: unknown) => {
    await closeSession(client);
    throw error;
  });
  await giveBack(client);
  return result;
}
