import type pg from 'pg';
import type { SyncedTable } from '../core/synced-table.js';
import { type Lease, requireLease } from './lease.js';
import { NO_SILENCE, withLockPatience } from './session/lock-patience.js';
import { LockWatch } from './session/lock-watch.js';
import { inTransaction } from './session/session.js';

/**
 * What makes new rows of one table visible together with its position, in steps: so that several tables of a pipeline
 * can take each step together, in one transaction.
 */
export interface Publication<Result> {
  readonly table: SyncedTable;
  /** OID of the published table; null before its first load. */
  readonly relation: number | null;
  /** Those that keep readers waiting come last: `rows` changes rows, `new` makes a table, `switch` exchanges partitions. */
  readonly kind: 'rows' | 'new' | 'switch';
  /** How long locks are waited for, if that differs from the others: work that is cheap to repeat need not wait long. */
  readonly patienceMs?: number | undefined;
  /** Before each attempt, outside of its transaction. */
  readonly ready?: () => Promise<void>;
  /** In the transaction, before anything is locked, however long it takes. */
  readonly stage?: () => Promise<void>;
  /** In the transaction: changes rows and position. */
  readonly apply: () => Promise<Result>;
  /** True if a failed attempt is to be repeated at once: what stood in its way is known now. */
  readonly mend?: (error: unknown) => Promise<boolean>;
}

export interface Published<Result> {
  readonly result: Result;
  /** How long the transaction took, in milliseconds. */
  readonly transactionMs: number;
}

/** Runs a publication in a transaction: of its own, or with those of other tables. */
export type Publisher = <Result>(publication: Publication<Result>) => Promise<Published<Result>>;

export interface PublishOptions {
  readonly client: pg.Client;
  /** Opens another session as the sidecar's role. */
  readonly openSession: () => Promise<pg.Client>;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly patienceMs?: number;
  /** Told now and then who is in the way, while a lock is waited for, with a session to write that down. */
  readonly onBlocked: (session: pg.Client, table: SyncedTable, sessions: readonly string[]) => Promise<void>;
}

/** Each table in a transaction of its own. */
export function publishEach(options: PublishOptions): Publisher {
  return async <Result>(publication: Publication<Result>) => {
    const { results, transactionMs } = await publishAll(options, [publication], () => {});
    return { result: results.get(publication) as Result, transactionMs };
  };
}

const KINDS = ['rows', 'new', 'switch'] as const;

/**
 * Publishes several tables in one transaction, or none. The order in which they are locked is that of `publications`
 * within each kind. Where somebody holds a lock, everything is rolled back and tried again later.
 * @param onTurn told which table is at work; when this throws, it is the one that failed
 * @throws LOCK_TIMEOUT, LEASE_LOST, and what the publications fail with
 */
export async function publishAll(
  options: PublishOptions,
  publications: readonly Publication<unknown>[],
  onTurn: (publication: Publication<unknown>) => void,
): Promise<{ readonly results: ReadonlyMap<Publication<unknown>, unknown>; readonly transactionMs: number }> {
  const { client, lease } = options;
  const ordered = KINDS.flatMap((kind) => publications.filter((publication) => publication.kind === kind));
  const [first] = ordered;
  if (first === undefined) throw new Error('there is nothing to publish');
  let turn = first;
  const inTurn = async (step: (publication: Publication<unknown>) => Promise<void> | undefined) => {
    for (const publication of ordered) {
      turn = publication;
      onTurn(publication);
      await step(publication);
    }
  };
  const patiences = ordered.flatMap(({ patienceMs = options.patienceMs }) => patienceMs ?? []);
  const patience = patiences.length === 0 ? {} : { patienceMs: Math.min(...patiences) };
  const onBlocked = (table: SyncedTable, sessions: readonly string[]) => options.onBlocked(client, table, sessions);
  return withLockPatience({ ...options, ...patience, inTheWay: () => turn, onBlocked }, async () => {
    await inTurn((publication) => publication.ready?.());
    const results = new Map<Publication<unknown>, unknown>();
    const startedAt = performance.now();
    const tell = (watcher: pg.Client, sessions: readonly string[]) => options.onBlocked(watcher, turn.table, sessions);
    await using watch = new LockWatch({ ...options, onBlocked: tell });
    try {
      await inTransaction(client, async () => {
        await inTurn((publication) => publication.stage?.());
        // The sources set the pace of staging, however slow; what follows must not fall silent while it holds locks.
        await client.query(NO_SILENCE);
        await requireLease(client, lease, first.table.fullName);
        await watch.start();
        await inTurn(async (publication) => void results.set(publication, await publication.apply()));
      });
    } catch (error) {
      if (await turn.mend?.(error)) return null;
      throw error;
    }
    return { results, transactionMs: performance.now() - startedAt };
  });
}
