import { type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import type { SyncedTable } from '../core/synced-table.js';
import { type Publication, type Published, type PublishOptions, publishAll } from '../postgres/publication.js';
import type { PassMember, PassOptions } from './pass-member.js';
import { runTableUpdate, type TableUpdateOutcome } from './run-table-update.js';
import { tellBlocked } from './tell-blocked.js';

/** One of the tables: its update runs until its rows are ready, then waits to be published with the others. */
class TogetherTable {
  readonly member: PassMember;
  /** What it waits with; null before its rows are ready and when its update has ended. */
  publication: Publication<unknown> | null = null;
  readonly #task: Promise<TableUpdateOutcome>;
  #arrive: () => void = () => {};
  #answer: { publish(published: Published<unknown>): void; refuse(error: unknown): void } | null = null;

  constructor(options: PassOptions, member: PassMember) {
    this.member = member;
    const publish = <Value>(publication: Publication<Value>) =>
      new Promise<Published<Value>>((resolve, refuse) => {
        this.publication = publication;
        this.#answer = { publish: (published) => resolve(published as Published<Value>), refuse };
        this.#arrive();
      });
    this.#task = runTableUpdate({ ...options, ...member, publish });
    // Whoever waits for it hears of a failure; nobody does while the others go on.
    this.#task.catch(() => {});
  }

  /** Goes on until the rows are ready: null, or to the end: the outcome. */
  async goOn(): Promise<TableUpdateOutcome | null> {
    const arrived = new Promise<null>((resolve) => {
      this.#arrive = () => resolve(null);
    });
    return this.publication ? null : Promise.race([this.#task, arrived]);
  }

  publish(published: Published<unknown>): Promise<TableUpdateOutcome> {
    this.publication = null;
    this.#answer?.publish(published);
    return this.#task;
  }

  /** Its publication failed. It may have another one: changes that turn out to need a look at the source, say. */
  refuse(error: unknown): Promise<TableUpdateOutcome | null> {
    this.publication = null;
    const next = this.goOn();
    this.#answer?.refuse(error);
    return next;
  }

  /** Ends it wherever it is. */
  async giveUp(): Promise<void> {
    const reason = new Error('the update of the pipeline has ended');
    while (this.publication) await this.refuse(reason).catch(() => {});
    await this.#task.catch(() => {});
  }
}

export function publishOptions(options: PassOptions): PublishOptions {
  const { client, openSession, lease, signal, switchPatienceMs } = options;
  const patience = switchPatienceMs === undefined ? {} : { patienceMs: switchPatienceMs };
  return { client, openSession, lease, signal, ...patience, onBlocked: tellBlocked(options) };
}

/**
 * One pass over tables that are published together: each makes its rows ready in turn, then all of them become visible
 * in one transaction, or none. They share a session, so only one of them goes on at a time.
 */
export async function runTogether<Result>(
  options: PassOptions,
  members: readonly PassMember[],
  settle: (member: PassMember, outcome: TableUpdateOutcome) => Promise<Result>,
): Promise<Result[]> {
  const waiting: TogetherTable[] = [];
  const outcomes = new Map<PassMember, TableUpdateOutcome>();
  let failure: HoldingBack | null = null;
  try {
    for (const member of members) {
      options.signal.throwIfAborted();
      const table = new TogetherTable(options, member);
      waiting.push(table);
      const outcome = await table.goOn();
      if (outcome === null) continue;
      outcomes.set(member, outcome);
      // One that is refused before it came into being is no part of them.
      if (outcome.kind === 'failed') failure = failureOf(member, outcome.error);
      if (failure) break;
    }
    failure ??= await publishWaiting(options, waiting, outcomes);
  } finally {
    // Whatever happened: an update that waits holds files and sessions.
    for (const table of waiting) await table.giveUp();
  }
  const results: Result[] = [];
  for (const member of members) {
    // What has an outcome already was up to date, rejected, published, or is the one that failed.
    const own = outcomes.get(member) ?? null;
    const outcome = own ?? (failure && { kind: 'failed' as const, error: heldBack(member.table, failure) });
    if (outcome) results.push(await settle(member, outcome));
  }
  return results;
}

/** Publishes all that wait, and lets each go on to its end. Returns the one that failed, if one did. */
async function publishWaiting(
  options: PassOptions,
  tables: readonly TogetherTable[],
  outcomes: Map<PassMember, TableUpdateOutcome>,
): Promise<HoldingBack | null> {
  for (;;) {
    const waiting = tables.flatMap((table) => (table.publication ? [{ table, publication: table.publication }] : []));
    if (waiting.length === 0) return null;
    let turn: Publication<unknown> | null = null;
    const all = await publishAll(
      publishOptions(options),
      waiting.map(({ publication }) => publication),
      (publication) => {
        turn = publication;
      },
    ).catch((error: unknown) => ({ error }));
    if ('results' in all) {
      for (const { table, publication } of waiting) {
        const published = { result: all.results.get(publication), transactionMs: all.transactionMs };
        outcomes.set(table.member, await table.publish(published));
      }
      return null;
    }
    options.signal.throwIfAborted();
    const failed = waiting.find(({ publication }) => publication === turn)?.table;
    if (!failed) throw all.error;
    const outcome = await failed.refuse(all.error);
    if (outcome === null) continue;
    outcomes.set(failed.member, outcome);
    return outcome.kind === 'failed' ? failureOf(failed.member, outcome.error) : null;
  }
}

function failureOf({ table }: PassMember, error: SyncedTablesError): HoldingBack {
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
