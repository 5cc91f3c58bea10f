import { type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { SyncedTable } from '../../core/synced-table.js';
import {
  type Publication,
  type Published,
  type Publishing,
  publishAll,
  publishedOf,
} from '../../postgres/publish/publication.js';
import { publishOptions } from '../task/publish-options.js';
import type { TableTask, UpdateRun } from '../task/update-task.js';
import { runTable, type TableOutcome } from './run-table.js';

/** Records how a table fared. */
export type SettleTable<Result> = (task: TableTask, outcome: TableOutcome) => Promise<Result>;

/** One of the tables: its update runs until its rows are ready, then waits to be published with the others. */
class TogetherTable {
  readonly task: TableTask;
  /** The publication that is ready; null before its rows are ready and after its update has ended. */
  publication: Publication | null = null;
  readonly #update: Publishing<TableOutcome>;

  constructor(run: UpdateRun, task: TableTask) {
    this.task = task;
    this.#update = runTable(run, task);
  }

  /** Runs until the rows are ready and returns null, or to the end and returns the outcome. */
  start(): Promise<TableOutcome | null> {
    return this.#goOn(this.#update.next());
  }

  /** Continues from there, with its rows visible. */
  publish(published: Published): Promise<TableOutcome | null> {
    return this.#goOn(this.#update.next(published));
  }

  /** Its publication failed. It may offer another one, for example if changes turn out to need a look at the source. */
  refuse(error: unknown): Promise<TableOutcome | null> {
    return this.#goOn(this.#update.throw(error));
  }

  /** Ends it at any point. */
  async giveUp(): Promise<void> {
    const reason = new Error('the update of the pipeline has ended');
    while (this.publication) await this.refuse(reason).catch(() => {});
  }

  async #goOn(next: Promise<IteratorResult<Publication, TableOutcome>>): Promise<TableOutcome | null> {
    this.publication = null;
    const step = await next;
    if (step.done) return step.value;
    this.publication = step.value;
    return null;
  }
}

/**
 * One pass over tables that are published together: each prepares its rows in turn, then all become visible in one
 * transaction, or none. They share a session, so only one of them runs at a time.
 */
export async function runTogether<Result>(
  run: UpdateRun,
  tasks: readonly TableTask[],
  settle: SettleTable<Result>,
): Promise<Result[]> {
  const waiting: TogetherTable[] = [];
  const outcomes = new Map<TableTask, TableOutcome>();
  let failure: HoldingBack | null = null;
  try {
    for (const task of tasks) {
      run.signal.throwIfAborted();
      const table = new TogetherTable(run, task);
      waiting.push(table);
      const outcome = await table.start();
      if (outcome === null) continue;
      outcomes.set(task, outcome);
      // A table refused before it exists does not hold the others back.
      if (outcome.kind === 'failed') failure = failureOf(task, outcome.error);
      if (failure) break;
    }
    failure ??= await publishWaiting(run, waiting, outcomes);
  } finally {
    // In any case: a waiting update holds files and sessions.
    for (const table of waiting) await table.giveUp();
  }
  const results: Result[] = [];
  for (const task of tasks) {
    // A table with an outcome was up to date, rejected, published, or is the one that failed.
    const own = outcomes.get(task) ?? null;
    const outcome = own ?? (failure && { kind: 'failed' as const, error: heldBack(task.table, failure) });
    if (outcome) results.push(await settle(task, outcome));
  }
  return results;
}

/** Publishes all that wait, and runs each to its end. Returns the one that failed, if any. */
async function publishWaiting(
  run: UpdateRun,
  tables: readonly TogetherTable[],
  outcomes: Map<TableTask, TableOutcome>,
): Promise<HoldingBack | null> {
  for (;;) {
    const waiting = tables.flatMap((table) => (table.publication ? [{ table, publication: table.publication }] : []));
    if (waiting.length === 0) return null;
    const publications = waiting.map(({ publication }) => publication);
    const all = await publishAll(publishOptions(run), publications);
    if (all.kind === 'published') {
      for (const { table, publication } of waiting) {
        const outcome = await table.publish(publishedOf(all.published, publication));
        if (outcome) outcomes.set(table.task, outcome);
      }
      continue;
    }
    run.signal.throwIfAborted();
    const failed = waiting.find(({ publication }) => publication === all.publication)?.table;
    if (!failed) throw all.error;
    const outcome = await failed.refuse(all.error);
    if (outcome === null) continue;
    outcomes.set(failed.task, outcome);
    return outcome.kind === 'failed' ? failureOf(failed.task, outcome.error) : null;
  }
}

function failureOf({ table }: TableTask, error: SyncedTablesError): HoldingBack {
  return { table, error, passes: error.retry === 'timed' };
}

/** A failed table that holds back those published together with it. */
export interface HoldingBack {
  readonly table: SyncedTable;
  readonly error: { readonly code: string };
  /** True if it is retried automatically. */
  readonly passes: boolean;
}

/** For a table that was ready to publish. Only those who may see the failed table learn what failed. */
export function heldBack(table: SyncedTable, failed: HoldingBack): SyncedTablesError {
  const details = { target: table.fullName, failed: failed.table.fullName, error_code: failed.error.code };
  return failed.passes
    ? syncedTablesError('PUBLISHED_TOGETHER_DELAYED', details)
    : syncedTablesError('PUBLISHED_TOGETHER_FAILED', details);
}

/** True for the errors of `heldBack`. */
export function isHeldBack({ code }: SyncedTablesError): boolean {
  return code === 'PUBLISHED_TOGETHER_DELAYED' || code === 'PUBLISHED_TOGETHER_FAILED';
}
