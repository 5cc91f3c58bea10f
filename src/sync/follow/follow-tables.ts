import type pg from 'pg';
import type { SyncedTablesError } from '../../core/errors.js';
import type { SyncedTable } from '../../core/synced-table.js';
import type { UpdateOutcome } from '../../core/update-outcome.js';
import {
  readLastErrorCode,
  readPipelineTables,
  readTable,
  writeSourceVersion,
  writeTableMessage,
  writeTableState,
} from '../../postgres/registry/synced-tables.js';
import { recordTableUpdateStart } from '../../postgres/registry/table-update-record.js';
import { closeSession } from '../../postgres/session/session.js';
import { explainAnyError } from '../source/load-errors.js';
import { publishOptions } from '../task/publish-options.js';
import { explainIfDropped, recordTableFailure } from '../task/table-failure.js';
import type { FollowTask, TableTask } from '../task/update-task.js';
import { runAlone, runPass } from '../update/run-pass.js';
import { type CopyWanted, runChanges, runCopy, type TableOutcome } from '../update/run-table.js';
import { type HoldingBack, heldBack, isHeldBack } from '../update/run-together.js';
import { type FollowHooks, FollowLoop, type RetriedFailure } from './follow-loop.js';
import { FollowedTable } from './followed-table.js';
import { isPassing } from './retry-pause.js';

const WAITS_FOR_SLOT =
  'Has to be copied again, and waits until one of the running updates has ended (see sync.concurrent_updates).';

/**
 * Follows the sources of a pipeline's synced tables: looks for their next commits by name, and applies what is pending.
 * See `FollowLoop` for when it ends.
 */
export function followTables(task: FollowTask): Promise<UpdateOutcome> {
  return new FollowLoop<FollowedTable>(task, (loop) => new TableFollower(task, loop)).run();
}

class TableFollower implements FollowHooks<FollowedTable> {
  readonly retryEvent = 'table_sync_retried';
  readonly #task: FollowTask;
  readonly #loop: FollowLoop<FollowedTable>;
  #places = 0;
  /** A failed table that is published together with others, which have not been held back yet. */
  #failure: (HoldingBack & { readonly passes: boolean }) | null = null;

  constructor(task: FollowTask, loop: FollowLoop<FollowedTable>) {
    this.#task = task;
    this.#loop = loop;
  }

  async readRegistry(client: pg.Client): Promise<void> {
    const { lease, updateId } = this.#task;
    const followedNow = this.#loop.tables;
    const tables = await readPipelineTables(client, lease.pipelineId);
    const wanted = new Map(tables.filter((table) => !table.isFailed).map((table) => [table.tableId, table]));
    for (const [tableId, followed] of followedNow) if (!wanted.has(tableId)) this.#loop.drop(followed);
    for (const table of wanted.values()) {
      // Its name may be another one.
      followedNow.get(table.tableId)?.startFrom(table);
      // A table that was never loaded has its own update in the queue.
      if (table.relation === null || followedNow.has(table.tableId)) continue;
      await recordTableUpdateStart(client, updateId, table);
      await writeTableState(client, table.tableId, 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', followingMessage(table));
      followedNow.set(table.tableId, new FollowedTable(table));
    }
    const failed = tables.find((table) => table.isFailed && table.publish === 'together' && table.relation !== null);
    // A separate update of that table may have failed.
    if (failed && followedNow.size > 0) await this.#holdBackFor(client, failed);
  }

  async look(): Promise<UpdateOutcome | null> {
    const { tables } = this.#loop;
    // Tables published together wait together: one alone would run ahead of those that failed.
    if ([...tables.values()].some((each) => isTogether(each) && each.waitMs() !== null)) return null;
    const due: FollowedTable[] = [];
    const quiet: FollowedTable[] = [];
    for (const followed of [...tables.values()]) {
      if (followed.waitMs() !== null) continue;
      const hasNews = await this.#hasNews(followed);
      if (this.#failure !== null) return this.#holdOthersBack();
      if (hasNews !== null) (hasNews ? due : quiet).push(followed);
    }
    this.#loop.recover();
    const outcomes = due.length === 0 ? [] : await this.#pass(due);
    const ended = outcomes.find((outcome) => outcome !== null);
    if (ended) return ended;
    if (this.#failure !== null) return this.#holdOthersBack();
    for (const followed of quiet) if (followed.failures > 0) await this.#recover(followed);
    return null;
  }

  async #pass(due: readonly FollowedTable[]): Promise<(UpdateOutcome | null)[]> {
    const tasks = due.map(({ table, lakeTable, newestVersion }) => ({
      table,
      lakeTable,
      // Of several, those that wait for others may have newer ones by the time they are read.
      newestVersion: due.length === 1 ? newestVersion : null,
      place: this.#places++,
      isFullRefresh: false,
    }));
    if (due.length > 1 && due.every(isTogether)) {
      return runPass({ ...this.#task, client: await this.#loop.session() }, tasks, (task, outcome) =>
        this.#settleOne(task, outcome),
      );
    }
    const outcomes: (UpdateOutcome | null)[] = [];
    for (const task of tasks) {
      this.#task.signal.throwIfAborted();
      outcomes.push(await this.#runAlone(task));
    }
    return outcomes;
  }

  async #runAlone(task: TableTask): Promise<UpdateOutcome | null> {
    const run = { ...this.#task, client: await this.#loop.session() };
    const outcome = await runAlone(publishOptions(run), runChanges(run, task));
    return outcome.kind === 'copy' ? this.#copy(task, outcome) : this.#settleOne(task, outcome);
  }

  /**
   * Copies a table in a place of the updates with an end: a copy is long and takes several sessions, and the batches of
   * other tables do not wait for it.
   */
  async #copy(task: TableTask, wanted: CopyWanted): Promise<UpdateOutcome | null> {
    const { slots, signal, yieldSignal, openSession } = this.#task;
    if (slots.free === 0) await writeTableMessage(await this.#loop.session(), task.table, WAITS_FOR_SLOT);
    this.#loop.giveSessionBack();
    try {
      await slots.take(AbortSignal.any([signal, yieldSignal]));
    } catch (error) {
      signal.throwIfAborted();
      if (yieldSignal.aborted) return null; // the update that was asked for copies it
      throw error;
    }
    let client: pg.Client | null = null;
    try {
      client = await openSession();
      const run = { ...this.#task, client };
      return await this.#settleOne(task, await runAlone(publishOptions(run), runCopy(run, task, wanted)));
    } finally {
      if (client !== null) await closeSession(client);
      slots.giveBack();
    }
  }

  async #settleOne({ table }: TableTask, outcome: TableOutcome): Promise<UpdateOutcome | null> {
    const followed = this.#loop.tables.get(table.tableId);
    // The effect of a failure on the tables published with it is settled for all of them, below.
    if (!followed || (outcome.kind !== 'done' && isHeldBack(outcome.error))) return null;
    return this.#settle(followed, outcome);
  }

  /** Null if the source cannot be checked. */
  async #hasNews(followed: FollowedTable): Promise<boolean | null> {
    try {
      return await followed.hasNews(this.#task.catalogs, () => this.#loop.hint());
    } catch (error) {
      const { table } = followed;
      await this.#settle(followed, { kind: 'failed', error: explainAnyError(error, table) });
      return null;
    }
  }

  /** The source is readable again, and has nothing new. */
  async #recover(followed: FollowedTable): Promise<void> {
    const { table } = followed;
    const client = await this.#loop.session();
    await recordTableUpdateStart(client, this.#task.updateId, table);
    await writeTableState(client, table.tableId, 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE', followingMessage(table));
    followed.recover();
  }

  async #holdBackFor(client: pg.Client, table: SyncedTable): Promise<void> {
    const code = await readLastErrorCode(client, table.tableId);
    this.#failure = { table, error: { code: code ?? 'INTERNAL_ERROR' }, passes: false };
    await this.#holdOthersBack();
  }

  /** Records how a table fared. Returns an outcome if the whole update is over. */
  async #settle(followed: FollowedTable, outcome: TableOutcome): Promise<UpdateOutcome | null> {
    if (outcome.kind === 'done') {
      const table = await readTable(await this.#loop.session(), followed.table.tableId);
      if (table) followed.moveTo(table);
      else this.#loop.drop(followed);
      return null;
    }
    this.#task.signal.throwIfAborted();
    const client = await this.#loop.sessionAfterFailure();
    if (client === null) return { kind: 'ended' };
    const table = await readTable(client, followed.table.tableId);
    const error = table === null ? null : ((await explainIfDropped(client, table)) ?? outcome.error);
    if (table === null || error === null || error.code === 'SYNCED_TABLE_DELETED') {
      this.#loop.drop(followed);
      return null;
    }
    // A commit whose answer was lost may have moved it.
    followed.startFrom(table);
    const passes = isPassing(error, followed.failures);
    if (isTogether(followed)) this.#failure = { table, error, passes };
    await this.#fail(client, followed, error, passes);
    return null;
  }

  async #fail(client: pg.Client, followed: FollowedTable, error: SyncedTablesError, passes: boolean): Promise<void> {
    const { table } = followed;
    const lag = await followed.readLag();
    if (lag) await writeSourceVersion(client, table.tableId, lag);
    if (passes) return this.#loop.retryLater(client, followed, error);
    await recordTableFailure({ ...this.#task, client }, table, error);
    this.#loop.dropFailed(followed, error);
  }

  /** One table failed: those published together with it wait for it, or stop as it does. */
  async #holdOthersBack(): Promise<null> {
    const failure = this.#failure;
    this.#failure = null;
    if (failure === null) return null;
    const client = await this.#loop.session();
    for (const followed of [...this.#loop.tables.values()]) {
      if (followed.table.tableId === failure.table.tableId) continue;
      await this.#fail(client, followed, heldBack(followed.table, failure), failure.passes);
    }
    return null;
  }

  async writeRetry(client: pg.Client, { table }: FollowedTable, failure: RetriedFailure): Promise<void> {
    const { error, message, isLasting } = failure;
    const state = isLasting ? 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED' : 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES';
    await writeTableState(client, table.tableId, state, message, error);
  }
}

function isTogether({ table }: FollowedTable): boolean {
  return table.publish === 'together';
}

function followingMessage(table: SyncedTable): string {
  return `Equal to ${table.source} at version ${table.syncedVersion}; follows it.`;
}
