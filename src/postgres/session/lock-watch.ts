import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { TELL_AGAIN_MS } from './lock-patience.js';
import { processIdOf } from './server-process.js';
import type { SharedSession } from './shared-session.js';

const LOOK_MS = 1_000;
/** How long the end of what is watched waits for a look in progress. */
const LAST_LOOK_MS_MAX = 250;

export interface LockWatchOptions {
  /** The session whose statements may wait for a lock. */
  readonly client: pg.Client;
  /** For looking; must not wait long for locks, which the watched session may hold. */
  readonly watcher: SharedSession;
  /** Called periodically with the sessions in the way, and with a session for recording that. */
  readonly onBlocked: (watcher: pg.Client, sessions: readonly string[]) => Promise<void>;
}

/**
 * Detects that a session waits for a lock, and whose. A statement that waits for a locked row gives up only after half
 * a minute, and is silent until then. Work that takes less than a second only costs a timer.
 */
export class LockWatch implements AsyncDisposable {
  readonly #options: LockWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | null = null;
  /** The look has its turn. */
  #hasTurn = false;
  #isOver = false;
  #wasBlocked = false;
  #tellAt = Number.NEGATIVE_INFINITY;

  constructor(options: LockWatchOptions) {
    this.#options = options;
  }

  /** Watches until it is disposed of. */
  async start(): Promise<void> {
    const pid = await processIdOf(this.#options.client);
    this.#timer = setInterval(() => {
      // Reporting is a courtesy: if it fails, the watched work does not, and the next check tries again.
      this.#looking ??= this.#look(pid)
        .catch(() => {})
        .finally(() => {
          this.#looking = null;
        });
    }, LOOK_MS);
  }

  #look(pid: number): Promise<void> {
    return this.#options.watcher.use(async (session) => {
      if (this.#isOver) return;
      this.#hasTurn = true;
      try {
        await this.#tell(session, await blockersOf(session, pid));
      } finally {
        this.#hasTurn = false;
      }
    });
  }

  async #tell(session: pg.Client, sessions: readonly string[]): Promise<void> {
    if (this.#isOver) return;
    // Sessions that are in the way at a single check are not reported.
    if (this.#wasBlocked && sessions.length > 0 && performance.now() > this.#tellAt) {
      await this.#options.onBlocked(session, sessions);
      this.#tellAt = performance.now() + TELL_AGAIN_MS;
    }
    this.#wasBlocked = sessions.length > 0;
  }

  /** What is told of the wait must not come after the work has ended. A look that has not had its turn tells nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    const looking = this.#looking;
    if (looking === null || !this.#hasTurn) return;
    const last = new AbortController();
    await Promise.race([looking, sleep(LAST_LOOK_MS_MAX, undefined, { signal: last.signal }).catch(() => {})]);
    last.abort();
    // An unanswered look must not hold anything up.
    if (this.#hasTurn) await this.#options.watcher.drop();
    await looking;
  }
}

/** Sessions that the process waits for; one without a process is a prepared transaction. */
async function blockersOf(session: pg.Client, pid: number): Promise<string[]> {
  const { rows } = await session.query<{ session: string }>(
    `select distinct coalesce(synced_tables_internal._session_name(b.pid), 'a prepared transaction') as session
       from unnest(pg_blocking_pids($1)) as b(pid) order by 1 limit 5`,
    [pid],
  );
  return rows.map((row) => row.session);
}
