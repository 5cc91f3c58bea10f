import type pg from 'pg';
import type { SyncedTable } from '../../core/synced-table.js';
import { type Lease, requireLease } from '../registry/lease.js';
import type { TableUpdateResult } from '../registry/table-update-record.js';
import { NO_SILENCE, withLockPatience } from '../session/lock-patience.js';
import { LockWatch } from '../session/lock-watch.js';
import { inTransaction } from '../session/session.js';

/**
 * What makes new rows of one table visible together with its position, in steps: so that several tables of a pipeline
 * can take each step together, in one transaction.
 */
export interface Publication {
  readonly table: SyncedTable;
  /** OID of the published table; null before its first load. */
  readonly relation: number | null;
  /** Those that keep readers waiting come last: `rows` changes rows, `new` makes a table, `switch` exchanges partitions. */
  readonly kind: 'rows' | 'new' | 'switch';
  /** How long locks are waited for, if that differs from the others: work that is cheap to repeat need not wait long. */
  readonly patienceMs?: number | undefined;
  /** Before each attempt, outside of its transaction. */
  ready?(): Promise<void>;
  /** In the transaction, before anything is locked, however long it takes. */
  stage?(): Promise<void>;
  /** In the transaction: changes rows and position. */
  apply(): Promise<TableUpdateResult>;
  /** True if a failed attempt is to be repeated at once: what stood in its way is known now. */
  mend?(error: unknown): Promise<boolean>;
  /** What its failure means, once nothing is left of the transaction; the error itself if there is no more to say. */
  explain?(error: unknown): Promise<unknown>;
}

export interface Published {
  readonly result: TableUpdateResult;
  /** How long the transaction took, in milliseconds. */
  readonly transactionMs: number;
}

/**
 * Work on one table that yields a publication whenever its rows are ready, and goes on when that is committed. Who runs
 * it publishes: alone, or together with other tables. A publication that failed throws where it was yielded.
 */
export type Publishing<Result> = AsyncGenerator<Publication, Result, Published>;

export interface PublishOptions {
  readonly client: pg.Client;
  /** Opens another session as the sidecar's role. */
  readonly openSession: () => Promise<pg.Client>;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly patienceMs?: number;
  /** Called now and then with who is in the way, while a lock is waited for, and with a session to write that down. */
  readonly onBlocked: (session: pg.Client, table: SyncedTable, sessions: readonly string[]) => Promise<void>;
}

/** `failed`: nothing was published, because of one of them. */
export type PublishOutcome =
  | { readonly kind: 'published'; readonly published: ReadonlyMap<Publication, Published> }
  | { readonly kind: 'failed'; readonly publication: Publication; readonly error: unknown };

/**
 * Publishes several tables in one transaction, or none. The order in which they are locked is that of `publications`
 * within each kind. Where somebody holds a lock, everything is rolled back and tried again later.
 * @returns a failure with LOCK_TIMEOUT, LEASE_LOST, or what the publications fail with
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

/** What became of one of the publications of a transaction. */
export function publishedOf(published: ReadonlyMap<Publication, Published>, publication: Publication): Published {
  const found = published.get(publication);
  if (found === undefined) throw new Error(`${publication.table.fullName} was not published`);
  return found;
}

const KINDS = ['rows', 'new', 'switch'] as const;

/** Publications in the order in which they take each step, and the one whose turn it is: a failure is its own. */
class InTurn {
  readonly first: Publication;
  current: Publication;
  readonly #ordered: readonly Publication[];

  constructor(publications: readonly Publication[]) {
    this.#ordered = KINDS.flatMap((kind) => publications.filter((publication) => publication.kind === kind));
    const [first] = this.#ordered;
    if (first === undefined) throw new Error('there is nothing to publish');
    this.first = first;
    this.current = first;
  }

  async each(step: (publication: Publication) => Promise<void> | undefined): Promise<void> {
    for (const publication of this.#ordered) {
      this.current = publication;
      await step(publication);
    }
  }
}

/** One attempt; null if the next one is to follow at once. */
async function attempt(options: PublishOptions, queue: InTurn): Promise<ReadonlyMap<Publication, Published> | null> {
  const { client, lease } = options;
  await queue.each((publication) => publication.ready?.());
  const results = new Map<Publication, TableUpdateResult>();
  const startedAt = performance.now();
  const onBlocked = (watcher: pg.Client, sessions: readonly string[]) =>
    options.onBlocked(watcher, queue.current.table, sessions);
  await using watch = new LockWatch({ ...options, onBlocked });
  try {
    await inTransaction(client, async () => {
      await queue.each((publication) => publication.stage?.());
      // The sources set the pace of staging, however slow; what follows must not fall silent while it holds locks.
      await client.query(NO_SILENCE);
      await requireLease(client, lease, queue.first.table.fullName);
      await watch.start();
      await queue.each(async (publication) => void results.set(publication, await publication.apply()));
    });
  } catch (error) {
    if (await queue.current.mend?.(error)) return null;
    throw error;
  }
  const transactionMs = performance.now() - startedAt;
  return new Map([...results].map(([publication, result]) => [publication, { result, transactionMs }]));
}

/** The failure as its publication explains it; what keeps that from looking is the failure to tell then. */
async function explain(publication: Publication, error: unknown): Promise<unknown> {
  if (publication.explain === undefined) return error;
  return publication.explain(error).catch((failure: unknown) => failure);
}
