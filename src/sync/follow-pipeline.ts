import type pg from 'pg';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import type { SyncedTable } from '../core/synced-table.js';
import { isLeaseHeld } from '../postgres/lease.js';
import {
  readLastErrorCode,
  readPipelineTables,
  readTable,
  readTriggerInterval,
  recordEvent,
  writeSourceVersion,
  writeTableState,
} from '../postgres/registry.js';
import { closeSession } from '../postgres/session/session.js';
import { recordTableUpdateRetry, recordTableUpdateStart } from '../postgres/table-update-record.js';
import { FollowedTable } from './followed-table.js';
import type { PassOptions } from './pass-member.js';
import { isPassing, PASSING_FAILURES_MAX, PAUSE_MS_MAX } from './retry-pause.js';
import { runPass } from './run-pass.js';
import { explainIfDropped, recordTableFailure, type TableUpdateOutcome } from './run-table-update.js';
import { type HoldingBack, heldBack, isHeldBack } from './run-together.js';
import type { PipelineOutcome } from './run-update.js';
import { WakeUp } from './wake-up.js';

export interface FollowOptions extends Omit<PassOptions, 'client' | 'mode' | 'isFullRefresh'> {
  /** Aborts when another update of the pipeline is asked for. */
  readonly yieldSignal: AbortSignal;
  /** How often sources are looked at, unless the pipeline has an interval of its own. */
  readonly triggerIntervalMs: number;
  /** How often the registry is looked at for tables that came or went. */
  readonly pollSeconds: number;
  /** Told of failures of our own, such as a lost connection; they are tried again. */
  readonly onError: (error: unknown) => void;
}

/** From this interval on, hints of the storage do not make us look earlier: whoever sets it wants fewer commits. */
export const UNHURRIED_INTERVAL_MS = 1_000;
/** Sessions hold temporary tables, which keep a database's transaction ids from being frozen. */
export const SESSION_MS_MAX = 3_600_000;

/**
 * Follows the sources of a pipeline's tables: looks for their next commits by name, and applies what waits. Sessions,
 * sources and the engine stay open in between. Ends when another update is asked for, and when no table is left to follow.
 */
export async function followPipeline(options: FollowOptions): Promise<PipelineOutcome> {
  const follower = new Follower(options);
  try {
    return await follower.run();
  } finally {
    await follower.close();
  }
}

class Follower {
  readonly #options: FollowOptions;
  readonly #wakeUp = new WakeUp();
  readonly #tables = new Map<string, FollowedTable>();
  #client: pg.Client | null = null;
  #openedAt = 0;
  #registryReadAt = Number.NEGATIVE_INFINITY;
  #intervalMs: number;
  #sessionFailures = 0;
  #places = 0;
  #firstError: SyncedTablesError | null = null;
  /** A table that failed and is published together with others, which have not been told yet. */
  #failure: (HoldingBack & { readonly passes: boolean }) | null = null;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#intervalMs = options.triggerIntervalMs;
  }

  async run(): Promise<PipelineOutcome> {
    const { signal, yieldSignal } = this.#options;
    const wake = () => this.#wakeUp.wake();
    signal.addEventListener('abort', wake, { once: true });
    yieldSignal.addEventListener('abort', wake, { once: true });
    for (;;) {
      signal.throwIfAborted();
      if (yieldSignal.aborted) return { kind: 'completed' };
      this.#wakeUp.rearm();
      const outcome = await this.#look().catch((error: unknown) => this.#survive(error));
      if (outcome) return outcome;
      await this.#wakeUp.sleep(this.#pauseMs());
    }
  }

  async close(): Promise<void> {
    for (const followed of this.#tables.values()) followed.close();
    await this.#closeSession();
  }

  /** One look at everything that is due. An outcome if there is no point in going on. */
  async #look(): Promise<PipelineOutcome | null> {
    const client = await this.#session();
    if (performance.now() - this.#registryReadAt >= this.#options.pollSeconds * 1000) await this.#readRegistry(client);
    if (this.#tables.size === 0) {
      return this.#firstError ? { kind: 'failed', error: this.#firstError } : { kind: 'completed' };
    }
    // Tables that are published together wait together: one alone would run ahead of those that failed.
    if ([...this.#tables.values()].some((each) => isTogether(each) && each.waitMs() !== null)) return null;
    const due: FollowedTable[] = [];
    const quiet: FollowedTable[] = [];
    for (const followed of [...this.#tables.values()]) {
      if (followed.waitMs() !== null) continue;
      const hasNews = await this.#hasNews(followed);
      if (this.#failure !== null) return this.#holdOthersBack();
      if (hasNews !== null) (hasNews ? due : quiet).push(followed);
    }
    this.#sessionFailures = 0;
    const outcomes = due.length === 0 ? [] : await this.#pass(due);
    const ended = outcomes.find((outcome) => outcome !== null);
    if (ended) return ended;
    if (this.#failure !== null) return this.#holdOthersBack();
    for (const followed of quiet) if (followed.failures > 0) await this.#recover(followed);
    return null;
  }

  async #pass(due: readonly FollowedTable[]): Promise<(PipelineOutcome | null)[]> {
    const client = await this.#session();
    const pass: PassOptions = { ...this.#options, client, mode: 'CONTINUOUS', isFullRefresh: false };
    const members = due.map(({ table, lakeTable }) => ({ table, lakeTable, place: this.#places++ }));
    return runPass(pass, members, async ({ table }, outcome) => {
      const followed = this.#tables.get(table.tableId);
      // What one that failed means for those that are published with it is settled for all of them, below.
      if (!followed || (outcome.kind !== 'done' && isHeldBack(outcome.error))) return null;
      return this.#settle(followed, outcome);
    });
  }

  /** Null if the source cannot be looked at. */
  async #hasNews(followed: FollowedTable): Promise<boolean | null> {
    try {
      return await followed.hasNews(this.#options.catalogs, () => this.#hint());
    } catch (error) {
      const known = asSyncedTablesError(error);
      const reason = error instanceof Error ? error.message : String(error);
      const { table } = followed;
      await this.#settle(followed, {
        kind: 'failed',
        error: known ?? syncedTablesError('SOURCE_READ_ERROR', { table: table.source, reason }, error),
      });
      return null;
    }
  }

  /** The source can be read again, and has nothing new. */
  async #recover(followed: FollowedTable): Promise<void> {
    const { table } = followed;
    const client = await this.#session();
    await recordTableUpdateStart(client, this.#options.updateId, table);
    await writeTableState(client, table.tableId, 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', followingMessage(table));
    followed.recover();
  }

  #hint(): void {
    if (this.#intervalMs < UNHURRIED_INTERVAL_MS) this.#wakeUp.wake();
  }

  async #session(): Promise<pg.Client> {
    if (this.#client !== null && performance.now() - this.#openedAt > SESSION_MS_MAX) await this.#closeSession();
    if (this.#client === null) {
      this.#client = await this.#options.openSession();
      this.#openedAt = performance.now();
    }
    return this.#client;
  }

  async #closeSession(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client) await closeSession(client);
  }

  /** Tables may have been deleted or failed since, and somebody may have set another interval. */
  async #readRegistry(client: pg.Client): Promise<void> {
    const { lease, updateId, triggerIntervalMs } = this.#options;
    this.#intervalMs = (await readTriggerInterval(client, lease.pipelineId)) ?? triggerIntervalMs;
    const tables = await readPipelineTables(client, lease.pipelineId);
    const wanted = new Map(tables.filter((table) => !table.isFailed).map((table) => [table.tableId, table]));
    for (const [tableId, followed] of this.#tables) {
      if (wanted.has(tableId)) continue;
      followed.close();
      this.#tables.delete(tableId);
    }
    for (const table of wanted.values()) {
      // One that was never loaded has an update of its own in the queue.
      if (table.relation === null || this.#tables.has(table.tableId)) continue;
      await recordTableUpdateStart(client, updateId, table);
      await writeTableState(client, table.tableId, 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', followingMessage(table));
      this.#tables.set(table.tableId, new FollowedTable(table));
    }
    this.#registryReadAt = performance.now();
    const failed = tables.find((table) => table.isFailed && table.publish === 'together' && table.relation !== null);
    // An update of that table alone may have failed.
    if (failed && this.#tables.size > 0) await this.#holdBackFor(client, failed);
  }

  async #holdBackFor(client: pg.Client, table: SyncedTable): Promise<void> {
    const code = await readLastErrorCode(client, table.tableId);
    this.#failure = { table, error: { code: code ?? 'INTERNAL_ERROR' }, passes: false };
    await this.#holdOthersBack();
  }

  /** Takes note of how a table fared. An outcome if the whole update is over. */
  async #settle(followed: FollowedTable, outcome: TableUpdateOutcome): Promise<PipelineOutcome | null> {
    const { signal, lease } = this.#options;
    if (outcome.kind === 'done') {
      const table = await readTable(await this.#session(), followed.table.tableId);
      if (table) followed.moveTo(table);
      else this.#drop(followed);
      return null;
    }
    signal.throwIfAborted();
    // The session at hand may be what failed.
    await this.#closeSession();
    const client = await this.#session();
    if (!(await isLeaseHeld(client, lease))) return { kind: 'ended' };
    const { table } = followed;
    const error = (await explainIfDropped(client, table)) ?? outcome.error;
    if (error.code === 'SYNCED_TABLE_DELETED') {
      this.#drop(followed);
      return null;
    }
    const passes = isPassing(error, followed.failures);
    if (isTogether(followed)) this.#failure = { table, error, passes };
    await this.#fail(client, followed, error, passes);
    return null;
  }

  async #fail(client: pg.Client, followed: FollowedTable, error: SyncedTablesError, passes: boolean): Promise<void> {
    const { table } = followed;
    const lag = await followed.readLag();
    if (lag) await writeSourceVersion(client, table.tableId, lag.version, lag.committedAtMs, lag.behindSinceMs);
    if (passes) return this.#retryLater(client, followed, error);
    await recordTableFailure({ ...this.#options, client, table }, error);
    this.#firstError ??= error;
    this.#drop(followed);
  }

  /** One table failed: those that are published together with it wait for it, or stop as it does. */
  async #holdOthersBack(): Promise<null> {
    const failure = this.#failure;
    this.#failure = null;
    if (failure === null) return null;
    const client = await this.#session();
    for (const followed of [...this.#tables.values()]) {
      if (followed.table.tableId === failure.table.tableId) continue;
      await this.#fail(client, followed, heldBack(followed.table, failure), failure.passes);
    }
    return null;
  }

  #drop(followed: FollowedTable): void {
    followed.close();
    this.#tables.delete(followed.table.tableId);
  }

  async #retryLater(client: pg.Client, followed: FollowedTable, error: SyncedTablesError): Promise<void> {
    const { lease, updateId } = this.#options;
    const { table } = followed;
    const delayMs = followed.fail();
    const failedAttempts = followed.failures;
    const delaySeconds = Math.round(delayMs / 100) / 10;
    const message = `Attempt ${failedAttempts} in a row failed, the next follows in ${delaySeconds} s: ${error.message}`;
    const state =
      failedAttempts < PASSING_FAILURES_MAX
        ? 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES'
        : 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED';
    await writeTableState(client, table.tableId, state, message, error.code);
    await recordTableUpdateRetry(client, updateId, table.tableId, { error, failedAttempts, delaySeconds });
    if (failedAttempts > PASSING_FAILURES_MAX) return; // it goes on like this, perhaps for days
    await recordEvent(client, {
      level: failedAttempts < PASSING_FAILURES_MAX ? 'WARN' : 'ERROR',
      type: 'table_sync_retried',
      syncedTable: table.fullName,
      pipelineId: lease.pipelineId,
      updateId,
      message,
      details: { error_code: error.code, attempt: failedAttempts, delay_seconds: delaySeconds },
    });
  }

  /** Something of ours failed, most likely the connection: tried again after a pause, until the lease is lost too. */
  async #survive(error: unknown): Promise<null> {
    this.#options.signal.throwIfAborted();
    await this.#closeSession();
    this.#sessionFailures += 1;
    this.#options.onError(error);
    return null;
  }

  #pauseMs(): number {
    if (this.#sessionFailures > 0) return Math.min(100 * 2 ** this.#sessionFailures, PAUSE_MS_MAX);
    const waits = [...this.#tables.values()].map((followed) => followed.waitMs() ?? this.#intervalMs);
    return Math.min(this.#options.pollSeconds * 1000, ...waits);
  }
}

function isTogether({ table }: FollowedTable): boolean {
  return table.publish === 'together';
}

function followingMessage(table: SyncedTable): string {
  return `Equal to ${table.source} at version ${table.syncedVersion}; follows it.`;
}
