import type pg from 'pg';
import type { SyncedTable } from '../../core/synced-table.js';
import { type Lease, leaseLost, leaseProof } from '../registry/lease.js';
import type { TableUpdateResult } from '../registry/table-update-record.js';
import { BRIEF_LOCKS, NO_SILENCE, withLockPatience } from '../session/lock-patience.js';
import { LockWatch } from '../session/lock-watch.js';
import { type Answer, answersOf } from '../session/query-together.js';
import { inOpenedTransaction, isPostgresError } from '../session/session.js';
import type { SharedSession } from '../session/shared-session.js';
import { findRelation, requirePlace, tablePlaces, tablePlacesStatement } from './published-table.js';

/**
 * Makes new rows of one table visible together with its position, in steps: so that several tables of a pipeline can
 * take each step together, in one transaction.
 */
export interface Publication {
  readonly table: SyncedTable;
  /** OID of the published table; null before its first load. */
  readonly relation: number | null;
  /** Those that make readers wait come last: `rows` changes rows, `new` adds a table, `switch` swaps partitions. */
  readonly kind: 'rows' | 'new' | 'switch';
  /** How long to wait for locks, if different from the default: work that is cheap to repeat need not wait long. */
  readonly patienceMs?: number | undefined;
  /** Before each attempt, outside its transaction. */
  ready?(): Promise<void>;
  /**
   * In the transaction, before anything is locked; may take long. Sends `opening` before its first statement, and
   * `closing` after its last, in the same round trips.
   * @returns the answers of `closing`
   */
  stage?(opening: string, closing: string): Promise<readonly Answer[]>;
  /** In the transaction: changes rows and position. */
  apply(place: PublishedPlace): Promise<TableUpdateResult>;
  /** True if a failed attempt should be repeated at once, because its obstacle is now known. */
  mend?(error: unknown): Promise<boolean>;
  /** What its failure means, called after the rollback; returns the error itself if there is nothing to add. */
  explain?(error: unknown): Promise<unknown>;
}

/** What is known of a published table once its pipeline's lease is proved, which keeps others from changing it. */
export interface PublishedPlace {
  /** The partition that holds its rows, quoted for SQL; throws if there is none. */
  readonly partition: () => string;
  /** The table itself, under the name that it has now. */
  readonly target: () => string;
  /** True if the transaction waits for locks only as long as readers do not notice. */
  readonly areLocksBrief: boolean;
}

export interface Published {
  readonly result: TableUpdateResult;
  /** How long the transaction took, in milliseconds. */
  readonly transactionMs: number;
}

/**
 * Work on one table that yields a publication whenever its rows are ready, and continues once that is committed. The
 * caller publishes: one table alone, or several together. A publication that failed throws where it was yielded.
 */
export type Publishing<Result> = AsyncGenerator<Publication, Result, Published>;

export interface PublishOptions {
  readonly client: pg.Client;
  /** For looking at what `client` waits for. */
  readonly watcher: SharedSession;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly patienceMs?: number;
  /** Called periodically while waiting for a lock: with the sessions in the way, and one for recording that. */
  readonly onBlocked: (session: pg.Client, table: SyncedTable, sessions: readonly string[]) => Promise<void>;
}

/** `failed`: nothing was published, because of one of them. */
export type PublishOutcome =
  | { readonly kind: 'published'; readonly published: ReadonlyMap<Publication, Published> }
  | { readonly kind: 'failed'; readonly publication: Publication; readonly error: unknown };

/**
 * Publishes several tables in one transaction, or none. Within each kind, they are locked in the order of
 * `publications`. If someone holds a lock, everything is rolled back and retried later.
 * @returns a failure with LOCK_TIMEOUT, LEASE_LOST, or the publications' own failures
 */
export async function publishAll(
  options: PublishOptions,
  publications: readonly Publication[],
): Promise<PublishOutcome> {
  const queue = new InTurn(publications);
  const patiences = publications.flatMap(({ patienceMs = options.patienceMs }) => patienceMs ?? []);
  const patience = patiences.length === 0 ? {} : { patienceMs: Math.min(...patiences) };
  const onBlocked = (table: SyncedTable, sessions: readonly string[]) =>
    options.onBlocked(options.client, table, sessions);
  try {
    const published = await withLockPatience(
      { ...options, ...patience, inTheWay: () => queue.current, onBlocked },
      () => attempt(options, queue),
    );
    return { kind: 'published', published };
  } catch (error) {
    const publication = queue.current;
    const explained = options.signal.aborted ? error : await explain(publication, error);
    return { kind: 'failed', publication, error: explained };
  }
}

/** The outcome of one publication of a transaction. */
export function publishedOf(published: ReadonlyMap<Publication, Published>, publication: Publication): Published {
  const found = published.get(publication);
  if (found === undefined) throw new Error(`${publication.table.fullName} was not published`);
  return found;
}

const KINDS = ['rows', 'new', 'switch'] as const;

/** Publications in the order of each step, and the current one, so that a failure can be attributed. */
class InTurn {
  readonly first: Publication;
  current: Publication;
  readonly ordered: readonly Publication[];

  constructor(publications: readonly Publication[]) {
    this.ordered = KINDS.flatMap((kind) => publications.filter((publication) => publication.kind === kind));
    const [first] = this.ordered;
    if (first === undefined) throw new Error('there is nothing to publish');
    this.first = first;
    this.current = first;
  }

  async each(step: (publication: Publication) => Promise<void> | undefined): Promise<void> {
    for (const publication of this.ordered) {
      this.current = publication;
      await step(publication);
    }
  }
}

/** One attempt; null if the next one should follow at once. */
async function attempt(options: PublishOptions, queue: InTurn): Promise<ReadonlyMap<Publication, Published> | null> {
  const { client } = options;
  await queue.each((publication) => publication.ready?.());
  const results = new Map<Publication, TableUpdateResult>();
  const startedAt = performance.now();
  const onBlocked = (watcher: pg.Client, sessions: readonly string[]) =>
    options.onBlocked(watcher, queue.current.table, sessions);
  await using watch = new LockWatch({ ...options, onBlocked });
  try {
    await inOpenedTransaction(client, async (begin) => {
      const places = await stageAll(options, queue, begin);
      await watch.start();
      await queue.each(
        async (publication) => void results.set(publication, await publication.apply(places(publication))),
      );
    });
  } catch (error) {
    if (await queue.current.mend?.(error)) return null;
    if (await wasRenamed(client, queue.current, error)) return null;
    throw error;
  }
  const transactionMs = performance.now() - startedAt;
  return new Map([...results].map(([publication, result]) => [publication, { result, transactionMs }]));
}

/** Whether a statement failed because its table was renamed between looking its name up and locking it. */
async function wasRenamed(client: pg.Client, { relation }: Publication, error: unknown): Promise<boolean> {
  if (relation === null || !isPostgresError(error) || (error.code !== '42P01' && error.code !== '3F000')) return false;
  const name = await findRelation(client, relation);
  return name !== null && !error.message.includes(`"${name}"`);
}

/** Stages all rows, then proves the lease. Returns where each published table has its rows. */
async function stageAll(
  { client, lease }: PublishOptions,
  queue: InTurn,
  begin: string,
): Promise<(publication: Publication) => PublishedPlace> {
  const relations = queue.ordered.flatMap(({ relation }) => relation ?? []);
  // Rows of others are changed first, and may be waited for.
  const areLocksBrief = queue.ordered[0]?.kind !== 'rows';
  const closing = [
    // Staging goes at the pace of the sources, however slow; the rest must not fall silent while holding locks.
    NO_SILENCE,
    leaseProof(lease),
    tablePlacesStatement(relations),
    ...(areLocksBrief ? [BRIEF_LOCKS] : []),
  ].join('; ');
  const last = queue.ordered.findLast(({ stage }) => stage !== undefined);
  let opening = begin;
  let answers: readonly Answer[] | null = null;
  await queue.each(async (publication) => {
    if (publication.stage === undefined) return;
    const answered = await publication.stage(opening, publication === last ? closing : '');
    opening = '';
    if (publication === last) answers = answered;
  });
  answers ??= await answersOf(client, begin + closing);
  const [held = [], found = []] = answers as readonly Answer[];
  if (held.length === 0) throw leaseLost(queue.first.table.fullName);
  const places = tablePlaces(found);
  const placeOf = (relation: number | null) => requirePlace(relation === null ? undefined : places.get(relation));
  return ({ relation }) => ({
    partition: () => placeOf(relation).partition,
    target: () => placeOf(relation).target,
    areLocksBrief,
  });
}

/** The failure as its publication explains it; if explaining fails, that error is reported instead. */
async function explain(publication: Publication, error: unknown): Promise<unknown> {
  if (publication.explain === undefined) return error;
  return publication.explain(error).catch((failure: unknown) => failure);
}
