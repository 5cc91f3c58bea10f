import type pg from 'pg';
import type { UpdateOutcome } from '../../core/update-outcome.js';
import {
  DeclaredAnew,
  type RegisteredPipeline,
  readFlowPipeline,
  recordFlowUpdateStart,
  type StreamingTable,
  writeStreamingLag,
  writeStreamingTableState,
} from '../../postgres/registry/streaming-tables.js';
import { type FollowHooks, FollowLoop, type RetriedFailure } from '../follow/follow-loop.js';
import { isPassing } from '../follow/retry-pause.js';
import { explainAnyError } from '../source/load-errors.js';
import type { FollowTask } from '../task/update-task.js';
import { FollowedFlows } from './followed-flows.js';
import { recordFlowFailure, reportTies } from './run/run-flow-pipeline.js';
import { runFlowTable } from './run/run-flow-table.js';
import type { NextSnapshotAndVersion } from './source/snapshot-function.js';
import { explainFlowError } from './staging/explain-flow-error.js';

const NO_FUNCTIONS: ReadonlyMap<string, NextSnapshotAndVersion> = new Map();

/**
 * Keeps the streaming tables of a pipeline up to date: checks whether their sources have something new, and runs the
 * flows of those that have. See `FollowLoop` for when it ends.
 */
export function followFlows(task: FollowTask): Promise<UpdateOutcome> {
  return new FollowLoop<FollowedFlows>(task, (loop) => new FlowFollower(task, loop)).run();
}

/** Lag is sampled once a minute: shorter batches need not be told of. */
const LONG_BATCH_MS = 1_000;

class FlowFollower implements FollowHooks<FollowedFlows> {
  readonly retryEvent = 'flow_retried';
  readonly #task: FollowTask;
  readonly #loop: FollowLoop<FollowedFlows>;
  #pipeline: RegisteredPipeline = { tables: [], views: [] };

  constructor(task: FollowTask, loop: FollowLoop<FollowedFlows>) {
    this.#task = task;
    this.#loop = loop;
  }

  async readRegistry(client: pg.Client): Promise<void> {
    const { lease, updateId } = this.#task;
    const followedNow = this.#loop.tables;
    this.#pipeline = (await readFlowPipeline(client, lease.pipelineId)) ?? { tables: [], views: [] };
    const wanted = new Map(
      this.#pipeline.tables
        .filter(({ isFailed, flowNames }) => !isFailed && flowNames.length > 0)
        .map((t) => [t.tableId, t]),
    );
    for (const [tableId, followed] of followedNow) {
      const table = wanted.get(tableId);
      if (table === undefined) this.#loop.drop(followed);
      else followed.redeclare(table, this.#pipeline);
    }
    for (const table of wanted.values()) {
      if (followedNow.has(table.tableId)) continue;
      await recordFlowUpdateStart(client, updateId, table);
      if (table.isMade) await writeFollowing(client, table);
      followedNow.set(table.tableId, new FollowedFlows(table, this.#pipeline));
    }
  }

  async look(): Promise<UpdateOutcome | null> {
    const { signal, yieldSignal } = this.#task;
    for (const followed of this.#loop.tables.values()) {
      signal.throwIfAborted();
      if (yieldSignal.aborted) return null;
      if (followed.waitMs() !== null) continue;
      const outcome = await this.#lookAt(followed);
      if (outcome !== null) return outcome;
    }
    this.#loop.recover();
    return null;
  }

  async #lookAt(followed: FollowedFlows): Promise<UpdateOutcome | null> {
    const { table } = followed;
    try {
      const session = () => this.#loop.session();
      const news = await followed.news({ ...this.#task, session, onHint: () => this.#loop.hint() });
      if (news === null) return null;
      const client = await this.#loop.session();
      // The news may have followed another declaration.
      await this.#loop.readRegistry(client);
      if (this.#loop.tables.get(table.tableId) !== followed) return null;
      if (followed.table !== table) {
        this.#loop.wake();
        return null;
      }
      const run = { ...this.#task, client, table, pipeline: this.#pipeline, isFullRefresh: false };
      const result = await this.#tellingIfLong(followed, () =>
        runFlowTable({ ...run, snapshotFunctions: NO_FUNCTIONS }),
      );
      if (followed.failures > 0 || !table.isMade) await this.#noteFollowing(client, followed);
      followed.applied(news);
      if (followed.isSaidBehind) await writeStreamingLag(client, table.tableId, false);
      followed.isSaidBehind = false;
      await reportTies(client, this.#task, table, result);
      return null;
    } catch (error) {
      this.#task.signal.throwIfAborted();
      if (!(error instanceof DeclaredAnew)) return this.#settle(followed, error);
      await this.#loop.readRegistry(await this.#loop.session());
      this.#loop.wake();
      return null;
    }
  }

  /** Applies a batch, and notes that the table is behind once that takes long. Most are over before, and cost no statement. */
  async #tellingIfLong<Result>(followed: FollowedFlows, work: () => Promise<Result>): Promise<Result> {
    let noted: Promise<void> | null = null;
    const timer = setTimeout(() => {
      followed.isSaidBehind = true;
      noted = this.#task.watcher
        .use((session) => writeStreamingLag(session, followed.table.tableId, true))
        .catch((error: unknown) => this.#task.onError(error));
    }, LONG_BATCH_MS);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      // Not after what the end of the batch says.
      await noted;
    }
  }

  /** The table is up to date, for the first time or again. */
  async #noteFollowing(client: pg.Client, followed: FollowedFlows): Promise<void> {
    const { table } = followed;
    await recordFlowUpdateStart(client, this.#task.updateId, table);
    await writeFollowing(client, table);
    followed.redeclare({ ...table, isMade: true }, this.#pipeline);
  }

  /** Records a failure. Returns an outcome if the whole update is over. */
  async #settle(followed: FollowedFlows, cause: unknown): Promise<UpdateOutcome | null> {
    const client = await this.#loop.sessionAfterFailure();
    if (client === null) return { kind: 'ended' };
    const { table } = followed;
    const explained = explainFlowError(cause, table.fullName, null);
    const error = explainAnyError(explained, { fullName: table.fullName, source: table.fullName });
    await writeStreamingLag(client, table.tableId, true);
    followed.isSaidBehind = true;
    if (isPassing(error, followed.failures)) {
      await this.#loop.retryLater(client, followed, error);
    } else {
      await recordFlowFailure(client, this.#task, table, error);
      this.#loop.dropFailed(followed, error);
    }
    return null;
  }

  async writeRetry(client: pg.Client, { table }: FollowedFlows, failure: RetriedFailure): Promise<void> {
    const { error, message, isLasting } = failure;
    await writeStreamingTableState(client, table.tableId, stateOf(table, isLasting), message, error);
  }
}

function stateOf({ isMade }: StreamingTable, isLasting: boolean) {
  if (isLasting) return isMade ? 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED' : 'SYNCED_TABLE_OFFLINE_FAILED';
  return isMade ? 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES' : 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT';
}

async function writeFollowing(client: pg.Client, table: StreamingTable): Promise<void> {
  const message = 'Everything its sources had is applied; follows them.';
  await writeStreamingTableState(client, table.tableId, 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', message);
}
