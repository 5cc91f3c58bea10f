import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import type { SyncedTable } from '../../core/synced-table.js';
import { isPostgresError } from './session.js';

/** Readers queue behind our lock request, so it gives up before anyone notices, and is repeated later. */
const LOCK_TIMEOUT_MS = 50;
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 2_000;
/** How long to keep trying before the update fails and is retried as a whole. */
const PATIENCE_MS = 60_000;
/** Shorter waits are not reported. */
export const TELL_AFTER_MS = 1_000;
export const TELL_AGAIN_MS = 10_000;
/**
 * A transaction that holds locks ends after this much silence: a sidecar that is frozen, or cut off from its server,
 * must not keep readers waiting until the network notices.
 */
const SILENCE_MS_MAX = 5_000;

type Named = Pick<SyncedTable, 'fullName'>;

export interface LockPatience<Table extends Named = Named> {
  readonly client: pg.Client;
  /** The table whose lock is wanted now, and its OID if it has one yet. */
  readonly inTheWay: () => { readonly table: Table; readonly relation: number | null };
  readonly patienceMs?: number;
  readonly signal: AbortSignal;
  /** Called periodically with the sessions in the way while waiting for the lock. */
  readonly onBlocked?: (table: Table, sessions: readonly string[]) => Promise<void>;
}

/** Set first in a transaction that takes locks which readers would wait for. */
export const BRIEF_LOCKS = `set local lock_timeout = ${LOCK_TIMEOUT_MS}`;

/** Set first in every transaction that makes rows visible. */
export const NO_SILENCE = `set local idle_in_transaction_session_timeout = ${SILENCE_MS_MAX}`;

/**
 * Repeats `attempt`, a transaction, with growing pauses while it fails because someone holds a lock.
 * @param attempt returns null to be repeated at once
 * @throws LOCK_TIMEOUT naming the sessions in the way, when patience runs out
 */
export async function withLockPatience<Result, Table extends Named>(
  options: LockPatience<Table>,
  attempt: () => Promise<Result | null>,
): Promise<Result> {
  const { signal, patienceMs = PATIENCE_MS } = options;
  const startedAt = performance.now();
  let tellAt = startedAt + TELL_AFTER_MS;
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    signal.throwIfAborted();
    try {
      const result = await attempt();
      if (result !== null) return result;
      continue;
    } catch (error) {
      if (!isPostgresError(error) || (error.code !== '55P03' && error.code !== '40P01')) throw error;
      const { table, relation } = options.inTheWay();
      if (performance.now() - startedAt > patienceMs) {
        throw lockTimeout(table, patienceMs, await lockHolders(options.client, relation), error);
      }
      if (options.onBlocked && performance.now() > tellAt) {
        tellAt = performance.now() + TELL_AGAIN_MS;
        await options.onBlocked(table, await lockHolders(options.client, relation));
      }
    }
    await sleep(pauseMs * (0.75 + Math.random() / 2), undefined, { signal });
  }
}

export function lockTimeout(table: Named, patienceMs: number, sessions: readonly string[], cause?: unknown) {
  const details = {
    target: table.fullName,
    seconds: Math.round(patienceMs / 1000),
    sessions: sessions.join(', ') || 'none at this moment',
  };
  return syncedTablesError('LOCK_TIMEOUT', details, cause);
}

/** A session as shown in messages: process, user, application and start, no statements. For alias `a` of activity. */
export const SESSION_NAME = 'synced_tables_internal._session_name(a.pid)';

/** Sessions that hold the table or its partition. */
async function lockHolders(client: pg.Client, relation: number | null): Promise<string[]> {
  const { rows } = await client.query<{ session: string }>(
    `select distinct ${SESSION_NAME} as session
       from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where l.relation in ($1, databricks_auth.sole_partition($1::oid)) and l.granted and a.pid <> pg_backend_pid()
        and l.database = (select oid from pg_database where datname = current_database()) limit 5`,
    [relation],
  );
  return rows.map((row) => row.session);
}
