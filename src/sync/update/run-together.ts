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

/** Takes note of how a table fared. */
export type SettleTable<Result> = (task: TableTask, outcome: TableOutcome) => Promise<Result>;

/** One of the tables: its update runs until its rows are ready, then waits to be published with the others. */
class TogetherTable {
  readonly task: TableTask;
  /** What it waits with; null before its rows are ready and when its update has ended. */
  publication: Publication | null = null;
  readonly #update: Publishing<TableOutcome>;

  constructor(run: UpdateRun, task: TableTask) {
    this.task = task;
    this.#update = runTable(run, task);
  }

  /** Goes on until the rows are ready: null, or to the end: the outcome. */
  start(): Promise<TableOutcome | null> {
    return this.#goOn(this.#update.next());
  }

  /** Goes on from there, its rows being visible. */
  publish(published: Published): Promise<TableOutcome | null> {
    return this.#goOn(this.#update.next(published));
  }

  /** Its publication failed. It may have another one: changes that turn out to need a look at the source, say. */
  refuse(error: unknown): Promise<TableOutcome | null> {
    return this.#goOn(this.#update.throw(error));
  }

  /** Ends it wherever it is. */
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
 * One pass over tables that are published together: each makes its rows ready in turn, then all of them become visible
 * in one transaction, or none. They share a session, so only one of them goes on at a time.
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
      // One that is refused before it exists does not hold the others back.
      if (outcome.kind === 'failed') failure = failureOf(task, outcome.error);
      if (failure) break;
    }
    failure ??= await publishWaiting(run, waiting, outcomes);
  } finally {
    // Whatever happened: an update that waits holds files and sessions.
    for (const table of waiting) await table.giveUp();
  }
  const results: Result[] = [];
  for (const task of tasks) {
    // What has an outcome already was up to date, rejected, published, or is the one that failed.
    const own = outcomes.get(task) ?? null;
    const outcome = own ?? (failure && { kind: 'failed' as const, error: heldBack(task.table, failure) });
    if (outcome) results.push(await settle(task, outcome));
  }
  return results;
}

/** Publishes all that wait, and lets each go on to its end. Returns the one that failed, if one did. */
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

/** A table that failed, and holds back those that are published together with it. */
export interface HoldingBack {
  readonly table: SyncedTable;
  readonly error: { readonly code: string };
  /** True if it is tried again by itself. */
  readonly passes: boolean;
}

/** For a table that could have been published. What exactly failed is for those to read who may see that table. */
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
