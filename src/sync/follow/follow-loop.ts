import type pg from 'pg';
import { ATTEMPTS_MAX, type Backoff, backoffMs } from '../../core/backoff.js';
import type { SyncedTablesError } from '../../core/errors.js';
import type { UpdateOutcome } from '../../core/update-outcome.js';
import { WakeUp } from '../../core/wake-up.js';
import { isLeaseHeld } from '../../postgres/registry/lease.js';
import { readTriggerInterval, recordEvent } from '../../postgres/registry/synced-tables.js';
import { recordTableUpdateRetry } from '../../postgres/registry/table-update-record.js';
import type { FollowTask } from '../task/update-task.js';

/** A table whose sources are followed. They stay open, and failures are counted. */
export interface Followed {
  readonly table: { readonly tableId: string; readonly fullName: string };
  /** Consecutive failures. */
  readonly failures: number;
  /** Milliseconds until the next attempt; null if it need not wait. */
  waitMs(): number | null;
  /** True if its sources tell of each change themselves. */
  readonly isTold: boolean;
  /** Counts a failure. Returns the pause before the next attempt, in milliseconds. */
  fail(): number;
  close(): void;
}

/** What is followed: the same loop serves the sources of synced tables and those of flows. */
export interface FollowHooks<Table extends Followed> {
  /** Picks up newly followed tables, and drops those no longer followed. */
  readRegistry(client: pg.Client): Promise<void>;
  /**
   * Checks everything that is due, and applies what is new. Returns an outcome if the whole update is over. Throws for
   * failures of our own, such as a lost connection.
   */
  look(): Promise<UpdateOutcome | null>;
  /** Event type of a failure that is retried. */
  readonly retryEvent: string;
  /** Records in the table's status that it failed and is retried. */
  writeRetry(client: pg.Client, followed: Table, failure: RetriedFailure): Promise<void>;
}

export interface RetriedFailure {
  readonly error: SyncedTablesError;
  readonly message: string;
  /** True once it has failed so often that it counts as failed. */
  readonly isLasting: boolean;
}

/** From this interval on, storage hints do not make us check earlier: the user wants fewer commits. */
const UNHURRIED_INTERVAL_MS = 1_000;
/** The registry is read when it has changed; this often also if nobody has said so. */
const REGISTRY_MS_MAX = 600_000;
/** Pauses after failures of our own, such as a lost connection. */
const SESSION_BACKOFF: Backoff = { firstMs: 200, longestMs: 30_000 };

/**
 * Follows the sources of a pipeline: checks them at the pipeline's interval or at a hint from the storage. Sources and
 * engine stay open in between. Ends when another update is requested, or no table is left to follow.
 */
export class FollowLoop<Table extends Followed> {
  /** The followed tables, by id. */
  readonly tables = new Map<string, Table>();
  readonly #task: FollowTask;
  readonly #hooks: FollowHooks<Table>;
  readonly #wakeUp = new WakeUp();
  /** Ends a rest, which hints do not. */
  readonly #resting = new WakeUp();
  #client: pg.Client | null = null;
  #hasRead = false;
  #registryReadAt = Number.NEGATIVE_INFINITY;
  #intervalMs: number;
  #sessionFailures = 0;
  #firstError: SyncedTablesError | null = null;

  constructor(task: FollowTask, hooksOf: (loop: FollowLoop<Table>) => FollowHooks<Table>) {
    this.#task = task;
    this.#hooks = hooksOf(this);
    this.#intervalMs = task.triggerIntervalMs;
  }

  /** Follows until there is an outcome, then closes everything. */
  async run(): Promise<UpdateOutcome> {
    const { signal, yieldSignal, registryNews } = this.#task;
    const wake = () => {
      this.#resting.wake();
      this.wake();
    };
    registryNews.onNews = wake;
    signal.addEventListener('abort', wake, { once: true });
    yieldSignal.addEventListener('abort', wake, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        if (yieldSignal.aborted) return { kind: 'completed' };
        this.#wakeUp.rearm();
        const startedAt = performance.now();
        const outcome = await this.#look().catch((error: unknown) => this.#survive(error));
        const hasWorked = this.#client !== null;
        this.giveSessionBack();
        if (outcome) return outcome;
        if (hasWorked) await this.#rest(performance.now() - startedAt);
        await this.#wakeUp.sleep(this.#pauseMs());
      }
    } finally {
      this.#task.looks.leave(this);
      this.#task.shares.leave(this);
      for (const followed of this.tables.values()) followed.close();
      await this.#dropSession();
    }
  }

  async #look(): Promise<UpdateOutcome | null> {
    const isOld = performance.now() - this.#registryReadAt >= REGISTRY_MS_MAX;
    if (this.#task.registryNews.take() || isOld) this.#hasRead = false;
    if (!this.#hasRead) await this.readRegistry(await this.session());
    if (this.tables.size > 0) return this.#hooks.look();
    return this.#firstError ? { kind: 'failed', error: this.#firstError } : { kind: 'completed' };
  }

  /** Tables may have been deleted or failed since the last time, and the interval may have changed. */
  async readRegistry(client: pg.Client): Promise<void> {
    const { lease, triggerIntervalMs } = this.#task;
    this.#intervalMs = (await readTriggerInterval(client, lease.pipelineId)) ?? triggerIntervalMs;
    await this.#hooks.readRegistry(client);
    this.#registryReadAt = performance.now();
    this.#hasRead = true;
  }

  /** The session to work with, until this look is over or something fails. */
  async session(): Promise<pg.Client> {
    this.#client ??= await this.#task.sessions.lend();
    return this.#client;
  }

  /** A new session after a table's failure, since the current one may be the cause; null if the lease is lost. */
  async sessionAfterFailure(): Promise<pg.Client | null> {
    await this.#dropSession();
    const client = await this.session();
    return (await isLeaseHeld(client, this.#task.lease)) ? client : null;
  }

  async #dropSession(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client) await this.#task.sessions.drop(client);
  }

  /** Others have batches too: work that needs none for a while returns it. */
  giveSessionBack(): void {
    const client = this.#client;
    this.#client = null;
    if (client) this.#task.sessions.giveBack(client);
  }

  /**
   * Lets others have their share of the time. What is hinted at meanwhile is looked at afterwards. Where nothing has been hinted
   * at yet, commits come one at a time: there is nothing to put together, and the next one need not wait.
   */
  async #rest(tookMs: number): Promise<void> {
    const restMs = this.#task.shares.restMs(this, tookMs);
    if (restMs > 0 && this.#wakeUp.isWoken) await this.#resting.sleep(restMs);
    this.#resting.rearm();
  }

  /** A source may have a new commit. */
  hint(): void {
    if (this.#takesHints()) this.wake();
  }

  #takesHints(): boolean {
    return this.#intervalMs < UNHURRIED_INTERVAL_MS;
  }

  /** Checks again without a pause. */
  wake(): void {
    this.#wakeUp.wake();
  }

  /** The database answers: failures of our own are counted from zero again. */
  recover(): void {
    this.#sessionFailures = 0;
  }

  /** Stops following a table. */
  drop(followed: Table): void {
    followed.close();
    this.tables.delete(followed.table.tableId);
  }

  /** Stops following a failed table. The first such failure becomes the update's, once no table is left. */
  dropFailed(followed: Table, error: SyncedTablesError): void {
    this.#firstError ??= error;
    this.drop(followed);
  }

  /** Retries a table later, after a failure that may pass. */
  async retryLater(client: pg.Client, followed: Table, error: SyncedTablesError): Promise<void> {
    const { lease, updateId } = this.#task;
    const { table } = followed;
    const delaySeconds = Math.round(followed.fail() / 100) / 10;
    const failedAttempts = followed.failures;
    const message = `Attempt ${failedAttempts} in a row failed, the next follows in ${delaySeconds} s: ${error.message}`;
    await this.#hooks.writeRetry(client, followed, { error, message, isLasting: failedAttempts >= ATTEMPTS_MAX });
    await recordTableUpdateRetry(client, updateId, table.tableId, { error, failedAttempts, delaySeconds });
    if (failedAttempts > ATTEMPTS_MAX) return; // this may go on for days
    await recordEvent(client, {
      level: failedAttempts < ATTEMPTS_MAX ? 'WARN' : 'ERROR',
      type: this.#hooks.retryEvent,
      syncedTable: table.fullName,
      pipelineId: lease.pipelineId,
      updateId,
      message,
      details: { error_code: error.code, attempt: failedAttempts, delay_seconds: delaySeconds },
    });
  }

  /** Something of ours failed, most likely the connection: retried after a pause, unless the lease is lost too. */
  async #survive(error: unknown): Promise<null> {
    this.#task.signal.throwIfAborted();
    await this.#dropSession();
    this.#sessionFailures += 1;
    this.#task.onError(error);
    return null;
  }

  #pauseMs(): number {
    if (this.#sessionFailures > 0) return backoffMs(SESSION_BACKOFF, this.#sessionFailures);
    const pollMs = this.#task.pollSeconds * 1000;
    const tables = [...this.tables.values()];
    const isTold = (followed: Table) => followed.isTold && this.#takesHints();
    const areAllTold = tables.every(isTold);
    const leastMs = this.#task.looks.leastPauseMs(this, !areAllTold);
    const lookMs = Math.max(this.#intervalMs, leastMs);
    // However often: the queue and the registry have their own ways of waking us.
    const anywayMs = areAllTold ? Math.max(pollMs, leastMs) : pollMs;
    const waits = tables.map((followed) => followed.waitMs() ?? (isTold(followed) ? anywayMs : lookMs));
    return waits.length === 0 ? pollMs : Math.min(...waits);
  }
}
