import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type Backoff, backoffMs } from '../../core/backoff.js';
import { asSyncedTablesError, type SyncedTablesError } from '../../core/errors.js';
import { Slots } from '../../core/slots.js';
import { closeSession, untilAborted } from './session.js';

/** The sessions as one borrower sees them. */
export interface BorrowedSessions {
  /**
   * A session for a short piece of work; waits for its turn. It does not outlive the borrower's signal for long.
   * @throws the signal's reason, POSTGRES_UNREACHABLE
   */
  lend(): Promise<pg.Client>;
  /** Returns a session that has finished its work, outside a transaction. */
  giveBack(client: pg.Client): void;
  /** Closes a session that may be broken. */
  drop(client: pg.Client): Promise<void>;
}

export interface BatchSessionsOptions {
  readonly open: () => Promise<pg.Client>;
  /** How many there are at most. */
  readonly sessionsMax: number;
  /** Called when the server has no connection free, and with null when it has again. */
  readonly onTaken?: (error: SyncedTablesError | null) => void;
}

/** How long a session is kept that nobody uses; the last one is kept for as long as sessions are. */
const IDLE_MS_MAX = 60_000;
/** Sessions hold temporary tables, which keep a database's transaction ids from being frozen. */
const AGE_MS_MAX = 3_600_000;
/** Each borrower leaves temporary tables behind, for the next time. */
const BORROWERS_MAX = 100;

/** Pauses after a connection that could not be opened, for all borrowers together. */
const RECONNECT: Backoff = { firstMs: 200, longestMs: 10_000 };

interface Session {
  readonly client: pg.Client;
  readonly openedAt: number;
  readonly borrowers: Set<string>;
  /** The server or a fault has ended it, perhaps while it was lent. */
  hasEnded: boolean;
}

/**
 * A few sessions that take turns at the batches of many followed pipelines, first come first served. A borrower gets the
 * session that it had last if that is free: there its temporary tables are, and what the server has read for it.
 */
export class BatchSessions implements AsyncDisposable {
  readonly #options: BatchSessionsOptions;
  readonly #lent = new Map<pg.Client, Session>();
  #idle: Session[] = [];
  /** One for each session that is lent or being opened. */
  readonly #turns: Slots;
  /** Since the server was out of reach, or full. */
  #failure: { readonly error: unknown; readonly times: number; readonly until: number } | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isDisposed = false;

  constructor(options: BatchSessionsOptions) {
    this.#options = options;
    this.#turns = new Slots(options.sessionsMax);
  }

  /** The sessions for one borrower. */
  until(signal: AbortSignal, borrower: string): BorrowedSessions {
    const releases = new Map<pg.Client, () => void>();
    const release = (client: pg.Client) => {
      releases.get(client)?.();
      releases.delete(client);
    };
    return {
      lend: async () => {
        const client = await this.#take(signal, borrower);
        releases.set(client, untilAborted(signal, client));
        return client;
      },
      giveBack: (client) => {
        release(client);
        this.#giveBack(client);
      },
      drop: async (client) => {
        await closeSession(client);
        release(client);
        this.#forget(client);
      },
    };
  }

  async #take(signal: AbortSignal, borrower: string): Promise<pg.Client> {
    await this.#turns.take(signal);
    try {
      const session = await this.#idleOrNew(signal, borrower);
      session.borrowers.add(borrower);
      this.#lent.set(session.client, session);
      return session.client;
    } catch (error) {
      this.#turns.giveBack();
      throw error;
    }
  }

  #takeIdle(borrower: string): Session | undefined {
    const own = this.#idle.find(({ borrowers }) => borrowers.has(borrower));
    const session = own ?? this.#idle.at(-1);
    this.#idle = this.#idle.filter((each) => each !== session);
    return session;
  }

  /** Where the server has no connection free, this waits until it has, or until one of ours is. */
  async #idleOrNew(signal: AbortSignal, borrower: string): Promise<Session> {
    for (;;) {
      const session = this.#takeIdle(borrower);
      if (session) return session;
      const failure = this.#failure;
      const pauseMs = failure === null ? 0 : failure.until - performance.now();
      if (failure !== null && pauseMs > 0) {
        if (!isTaken(failure.error)) throw failure.error;
        await sleep(pauseMs, undefined, { signal });
        continue;
      }
      try {
        return await this.#open();
      } catch (error) {
        if (!isTaken(error)) throw error;
      }
    }
  }

  async #open(): Promise<Session> {
    try {
      const client = await this.#options.open();
      if (this.#failure !== null) this.#options.onTaken?.(null);
      this.#failure = null;
      const session: Session = { client, openedAt: performance.now(), borrowers: new Set(), hasEnded: false };
      client.once('end', () => {
        session.hasEnded = true;
        this.#idle = this.#idle.filter((each) => each !== session);
      });
      return session;
    } catch (error) {
      const times = (this.#failure?.times ?? 0) + 1;
      this.#failure = { error, times, until: performance.now() + backoffMs(RECONNECT, times) };
      const known = asSyncedTablesError(error);
      if (known && isTaken(known)) this.#options.onTaken?.(known);
      throw error;
    }
  }

  #giveBack(client: pg.Client): void {
    const session = this.#lent.get(client);
    if (session === undefined) return;
    this.#lent.delete(client);
    const isWorn = performance.now() - session.openedAt > AGE_MS_MAX || session.borrowers.size >= BORROWERS_MAX;
    const isUsable = !session.hasEnded && client.getTransactionStatus() === 'I';
    if (this.#isDisposed || isWorn || !isUsable) void closeSession(client);
    else {
      this.#idle.push(session);
      this.#timer ??= setInterval(() => this.#closeUnused(), IDLE_MS_MAX).unref();
    }
    this.#turns.giveBack();
  }

  #forget(client: pg.Client): void {
    if (this.#lent.delete(client)) this.#turns.giveBack();
  }

  /** One a minute: the first has been idle for longest. */
  #closeUnused(): void {
    if (this.#idle.length < 2) return;
    const session = this.#idle.shift();
    if (session) void closeSession(session.client);
  }

  /** Closes the unused sessions: what silenced one may have silenced all that were open then. */
  async dropIdle(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map(({ client }) => closeSession(client)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    clearInterval(this.#timer);
    await this.dropIdle();
  }
}

function isTaken(error: unknown): boolean {
  return asSyncedTablesError(error)?.code === 'POSTGRES_CONNECTIONS_TAKEN';
}
