import type pg from 'pg';
import { TELL_AGAIN_MS } from './lock-patience.js';
import { processIdOf } from './server-process.js';
import { closeSession } from './session.js';

const LOOK_MS = 1_000;
/** The watcher must not end up waiting for what the watched session holds. */
const WATCHER_LOCK_MS = 500;

export interface LockWatchOptions {
  /** The session whose statements may wait for a lock. */
  readonly client: pg.Client;
  readonly openSession: () => Promise<pg.Client>;
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
  #looking = Promise.resolve();
  #watcher: pg.Client | null = null;
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
      this.#looking = this.#looking.then(() => this.#look(pid)).catch(() => this.#giveUpLook());
    }, LOOK_MS);
  }

  async #look(pid: number): Promise<void> {
    if (this.#isOver) return;
    const watcher = this.#watcher ?? (await openWatcher(this.#options));
    this.#watcher = watcher;
    if (this.#isOver) return closeSession(watcher);
    const sessions = await blockersOf(watcher, pid);
    // Sessions that are in the way at a single check are not reported.
    if (this.#wasBlocked && sessions.length > 0 && performance.now() > this.#tellAt) {
      await this.#options.onBlocked(watcher, sessions);
      this.#tellAt = performance.now() + TELL_AGAIN_MS;
    }
    this.#wasBlocked = sessions.length > 0;
  }

  /** Reporting is a courtesy: if it fails, the watched work does not, and the next check tries again. */
  async #giveUpLook(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = null;
    if (watcher !== null) await closeSession(watcher);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    // Closed first: an unanswered check in progress must not hold anything up.
    if (this.#watcher !== null) await closeSession(this.#watcher);
    await this.#looking;
  }
}

async function openWatcher({ openSession }: LockWatchOptions): Promise<pg.Client> {
  const watcher = await openSession();
  await watcher.query(`set lock_timeout = ${WATCHER_LOCK_MS}`);
  return watcher;
}

/** Sessions that the process waits for; one without a process is a prepared transaction. */
async function blockersOf(watcher: pg.Client, pid: number): Promise<string[]> {
  const { rows } = await watcher.query<{ session: string }>(
    `select distinct coalesce(synced_tables_internal._session_name(b.pid), 'a prepared transaction') as session
       from unnest(pg_blocking_pids($1)) as b(pid) order by 1 limit 5`,
    [pid],
  );
  return rows.map((row) => row.session);
}
