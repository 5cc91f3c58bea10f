import type pg from 'pg';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import {
  DeclaredAnew,
  type RegisteredPipeline,
  readFlowPipeline,
  recordFlowUpdateStart,
  type StreamingTable,
  writeStreamingTableState,
} from '../../postgres/flow-registry.js';
import { isLeaseHeld } from '../../postgres/lease.js';
import { readTriggerInterval, recordEvent } from '../../postgres/registry.js';
import { closeSession } from '../../postgres/session.js';
import { recordTableUpdateRetry } from '../../postgres/table-update-record.js';
import { SESSION_MS_MAX, UNHURRIED_INTERVAL_MS } from '../follow-pipeline.js';
import { isPassing, PASSING_FAILURES_MAX, PAUSE_MS_MAX } from '../retry-pause.js';
import type { PipelineOutcome } from '../run-update.js';
import { WakeUp } from '../wake-up.js';
import { FollowedFlows } from './followed-flows.js';
import { type FlowPipelineOptions, recordFlowFailure, reportTies } from './run/run-flow-pipeline.js';
import { runFlowTable } from './run/run-flow-table.js';
import type { NextSnapshotAndVersion } from './source/snapshot-function.js';
import { explainFlowError } from './staging/explain-flow-error.js';

export interface FollowFlowsOptions
  extends Omit<FlowPipelineOptions, 'isFullRefresh' | 'pipeline' | 'snapshotFunctions'> {
  /** Aborts when another update of the pipeline is asked for. */
  readonly yieldSignal: AbortSignal;
  /** How often sources are looked at, unless the pipeline has an interval of its own. */
  readonly triggerIntervalMs: number;
  /** How often the registry is looked at for tables that came or went. */
  readonly pollSeconds: number;
  /** Told of failures of our own, such as a lost connection; they are tried again. */
  readonly onError: (error: unknown) => void;
}

const NO_FUNCTIONS: ReadonlyMap<string, NextSnapshotAndVersion> = new Map();

/**
 * Keeps the streaming tables of a pipeline up to date: looks whether their sources have something new, and runs the
 * flows of those that have. Ends when another update is asked for, and when no table is left to follow.
 */
export async function followFlows(options: FollowFlowsOptions): Promise<PipelineOutcome> {
  const follower = new FlowFollower(options);
  try {
    return await follower.run();
  } finally {
    await follower.close();
  }
}

class FlowFollower {
  readonly #options: FollowFlowsOptions;
  readonly #wakeUp = new WakeUp();
  readonly #tables = new Map<string, FollowedFlows>();
  #pipeline: RegisteredPipeline = { tables: [], views: [] };
  #client: pg.Client | null = null;
  #openedAt = 0;
  #registryReadAt = Number.NEGATIVE_INFINITY;
  #intervalMs: number;
  #sessionFailures = 0;
  #firstError: SyncedTablesError | null = null;

  constructor(options: FollowFlowsOptions) {
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
    const { pollSeconds, signal, yieldSignal } = this.#options;
    if (performance.now() - this.#registryReadAt >= pollSeconds * 1000) await this.#readRegistry(await this.#session());
    if (this.#tables.size === 0) {
      return this.#firstError ? { kind: 'failed', error: this.#firstError } : { kind: 'completed' };
    }
    for (const followed of this.#tables.values()) {
      signal.throwIfAborted();
      if (yieldSignal.aborted) return null;
      if (followed.pause.waitMs() !== null) continue;
      const outcome = await this.#lookAt(followed);
      if (outcome !== null) return outcome;
    }
    this.#sessionFailures = 0;
    return null;
  }

  async #lookAt(followed: FollowedFlows): Promise<PipelineOutcome | null> {
    const client = await this.#session();
    const { table } = followed;
    try {
      const news = await followed.news({ ...this.#options, client, onHint: () => this.#hint() });
      if (news === null) return null;
      // What is new may have come after another declaration.
      await this.#readRegistry(client);
      if (this.#tables.get(table.tableId) !== followed) return null;
      if (followed.table !== table) {
        this.#wakeUp.wake();
        return null;
      }
      const run = { ...this.#options, client, table, pipeline: this.#pipeline, isFullRefresh: false };
      const result = await runFlowTable({ ...run, snapshotFunctions: NO_FUNCTIONS });
      if (followed.pause.failures > 0 || !table.isMade) await this.#noteFollowing(client, followed);
      followed.applied(news);
      await reportTies(client, this.#options, table, result);
      return null;
    } catch (error) {
      this.#options.signal.throwIfAborted();
      if (!(error instanceof DeclaredAnew)) return this.#settle(followed, error);
      await this.#readRegistry(client);
      this.#wakeUp.wake();
      return null;
    }
  }

  /** The table is up to date, for the first time or again. */
  async #noteFollowing(client: pg.Client, followed: FollowedFlows): Promise<void> {
    const { table } = followed;
    await recordFlowUpdateStart(client, this.#options.updateId, table);
    await writeFollowing(client, table);
    followed.redeclare({ ...table, isMade: true }, this.#pipeline);
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
    this.#pipeline = (await readFlowPipeline(client, lease.pipelineId)) ?? { tables: [], views: [] };
    const wanted = new Map(
      this.#pipeline.tables
        .filter(({ isFailed, flowNames }) => !isFailed && flowNames.length > 0)
        .map((t) => [t.tableId, t]),
    );
    for (const [tableId, followed] of this.#tables) {
      const table = wanted.get(tableId);
      if (table === undefined) this.#drop(followed);
      else followed.redeclare(table, this.#pipeline);
    }
    for (const table of wanted.values()) {
      if (this.#tables.has(table.tableId)) continue;
      await recordFlowUpdateStart(client, updateId, table);
      if (table.isMade) await writeFollowing(client, table);
      this.#tables.set(table.tableId, new FollowedFlows(table, this.#pipeline));
    }
    this.#registryReadAt = performance.now();
  }

  /** Takes note of a failure. An outcome if the whole update is over. */
  async #settle(followed: FollowedFlows, cause: unknown): Promise<PipelineOutcome | null> {
    // The session at hand may be what failed.
    await this.#closeSession();
    const client = await this.#session();
    if (!(await isLeaseHeld(client, this.#options.lease))) return { kind: 'ended' };
    const { table } = followed;
    const explained = explainFlowError(cause, table.fullName, null);
    const reason = explained instanceof Error ? explained.message : String(explained);
    const error =
      asSyncedTablesError(explained) ?? syncedTablesError('INTERNAL_ERROR', { target: table.fullName, reason }, cause);
    if (isPassing(error, followed.pause.failures)) {
      await this.#retryLater(client, followed, error);
    } else {
      await recordFlowFailure(client, this.#options, table, error);
      this.#firstError ??= error;
      this.#drop(followed);
    }
    return null;
  }

  #drop(followed: FollowedFlows): void {
    followed.close();
    this.#tables.delete(followed.table.tableId);
  }

  async #retryLater(client: pg.Client, followed: FollowedFlows, error: SyncedTablesError): Promise<void> {
    const { lease, updateId } = this.#options;
    const { table } = followed;
    const delayMs = followed.fail();
    const failedAttempts = followed.pause.failures;
    const delaySeconds = Math.round(delayMs / 100) / 10;
    const message = `Attempt ${failedAttempts} in a row failed, the next follows in ${delaySeconds} s: ${error.message}`;
    await writeStreamingTableState(client, table.tableId, stateAfter(failedAttempts, table), message, error.code);
    await recordTableUpdateRetry(client, updateId, table.tableId, { error, failedAttempts, delaySeconds });
    if (failedAttempts > PASSING_FAILURES_MAX) return; // it goes on like this, perhaps for days
    await recordEvent(client, {
      level: failedAttempts < PASSING_FAILURES_MAX ? 'WARN' : 'ERROR',
      type: 'flow_retried',
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
    const waits = [...this.#tables.values()].map((followed) => followed.pause.waitMs() ?? this.#intervalMs);
    return Math.min(this.#options.pollSeconds * 1000, ...waits);
  }
}

function stateAfter(failedAttempts: number, { isMade }: StreamingTable) {
  if (failedAttempts >= PASSING_FAILURES_MAX) {
    return isMade ? 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED' : 'SYNCED_TABLE_OFFLINE_FAILED';
  }
  return isMade ? 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES' : 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT';
}

async function writeFollowing(client: pg.Client, table: StreamingTable): Promise<void> {
  const message = 'All that its sources had is applied; follows them.';
  await writeStreamingTableState(client, table.tableId, 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', message);
}
