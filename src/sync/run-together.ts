import { type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import { type Publication, type Published, type PublishOptions, publishAll } from '../postgres/publication.js';
import type { PassMember, PassOptions } from './pass-member.js';
import { runTableUpdate, type TableUpdateOutcome } from './run-table-update.js';

/** A table whose new rows are ready, and which waits for the others to be published with them. */
interface Waiting {
  readonly member: PassMember;
  /** The rest of its update, which goes on when `publication` was published or refused. */
  readonly task: Promise<TableUpdateOutcome>;
  readonly publication: Publication<unknown>;
  readonly publish: (published: Published<unknown>) => void;
  readonly refuse: (error: unknown) => void;
}

/** A table that failed, for all that are published with it. */
interface Failure {
  readonly member: PassMember;
  readonly error: SyncedTablesError;
}

export function publishOptions({ client, lease, signal, switchPatienceMs }: PassOptions): PublishOptions {
  return { client, lease, signal, ...(switchPatienceMs === undefined ? {} : { patienceMs: switchPatienceMs }) };
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
  const waiting: Waiting[] = [];
  const outcomes = new Map<PassMember, TableUpdateOutcome>();
  let failure: Failure | null = null;
  try {
    for (const member of members) {
      options.signal.throwIfAborted();
      const ready = await makeReady(options, member);
      if (!('kind' in ready)) waiting.push(ready);
      else {
        outcomes.set(member, ready);
        // One that is refused before it came into being is no part of them.
        if (ready.kind === 'failed') failure = { member, error: ready.error };
      }
      if (failure) break;
    }
    failure ??= await publishWaiting(options, waiting, outcomes);
  } finally {
    // Whatever happened: an update that waits holds files and sessions.
    for (const { refuse } of waiting) refuse(new Error('the update of the pipeline has ended'));
    await Promise.allSettled(waiting.map(({ task }) => task));
  }
  const results: Result[] = [];
  for (const member of members) {
    // What has an outcome already was up to date, rejected, published, or is the one that failed.
    const own = outcomes.get(member) ?? null;
    const outcome = own ?? (failure && { kind: 'failed' as const, error: heldBack(member, failure) });
    if (outcome) results.push(await settle(member, outcome));
  }
  return results;
}

/** Runs the update of a table until its rows are ready; an outcome if it ends before that. */
async function makeReady(options: PassOptions, member: PassMember): Promise<Waiting | TableUpdateOutcome> {
  return new Promise((resolve, reject) => {
    let hasWaited = false;
    const task: Promise<TableUpdateOutcome> = runTableUpdate({
      ...options,
      ...member,
      publish: <Value>(publication: Publication<Value>) =>
        new Promise<Published<Value>>((published, refuse) => {
          const target = member.table.fullName;
          const reason = 'the way in which it has to be published changed meanwhile';
          if (hasWaited) return refuse(syncedTablesError('INTERNAL_ERROR', { target, reason }));
          hasWaited = true;
          const publish = (all: Published<unknown>) => published(all as Published<Value>);
          resolve({ member, task, publication, publish, refuse });
        }),
    });
    task.then(resolve, reject);
  });
}

/** Publishes all that wait, and lets each go on to its end. Returns the one that failed, if one did. */
async function publishWaiting(
  options: PassOptions,
  waiting: readonly Waiting[],
  outcomes: Map<PassMember, TableUpdateOutcome>,
): Promise<Failure | null> {
  if (waiting.length === 0) return null;
  let turn: Publication<unknown> | null = null;
  const publications = waiting.map(({ publication }) => publication);
  try {
    const { results, transactionMs } = await publishAll(publishOptions(options), publications, (publication) => {
      turn = publication;
    });
    for (const { member, publication, publish, task } of waiting) {
      publish({ result: results.get(publication), transactionMs });
      outcomes.set(member, await task);
    }
    return null;
  } catch (error) {
    options.signal.throwIfAborted();
    const failed = waiting.find(({ publication }) => publication === turn);
    if (!failed) throw error;
    failed.refuse(error);
    const outcome = await failed.task;
    outcomes.set(failed.member, outcome);
    return outcome.kind === 'failed' ? { member: failed.member, error: outcome.error } : null;
  }
}

/** For the tables that could have been published. What exactly failed is for those to read who may see that table. */
function heldBack({ table }: PassMember, { member, error }: Failure): SyncedTablesError {
  const details = { target: table.fullName, failed: member.table.fullName, error_code: error.code };
  return error.retry === 'timed'
    ? syncedTablesError('PUBLISHED_TOGETHER_DELAYED', details)
    : syncedTablesError('PUBLISHED_TOGETHER_FAILED', details);
}
