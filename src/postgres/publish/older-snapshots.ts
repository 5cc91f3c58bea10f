import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { SyncedTable } from '../../core/synced-table.js';
import { lockTimeout, SESSION_NAME, TELL_AFTER_MS, TELL_AGAIN_MS } from '../session/lock-patience.js';

const POLL_MS = 100;
const PATIENCE_MS = 60_000;

export interface OlderSnapshotsOptions {
  readonly client: pg.Client;
  readonly table: SyncedTable;
  readonly patienceMs?: number;
  readonly signal: AbortSignal;
  /** Called periodically with the sessions in the way. */
  readonly onBlocked: (client: pg.Client, table: SyncedTable, sessions: readonly string[]) => Promise<void>;
}

/**
 * Waits for the end of every transaction whose snapshot is older than this call, as CREATE INDEX CONCURRENTLY does.
 * Rows that were not stored frozen do not exist for such a transaction: after the switch it would find the table empty.
 * Our own sessions are left out: they never read a synced table under an old snapshot.
 * @throws LOCK_TIMEOUT naming the sessions in the way, when patience runs out
 */
export async function awaitOlderSnapshots(options: OlderSnapshotsOptions): Promise<void> {
  const { client, table, signal, patienceMs = PATIENCE_MS } = options;
  const startedAt = performance.now();
  let tellAt = startedAt + TELL_AFTER_MS;
  let waitedFor = await transactions(client, null);
  while (waitedFor.length > 0) {
    signal.throwIfAborted();
    const sessions = waitedFor.slice(0, 5).map((transaction) => transaction.session);
    if (performance.now() - startedAt > patienceMs) throw lockTimeout(table, patienceMs, sessions);
    if (performance.now() > tellAt) {
      tellAt = performance.now() + TELL_AGAIN_MS;
      await options.onBlocked(client, table, sessions);
    }
    await sleep(POLL_MS, undefined, { signal });
    waitedFor = await transactions(
      client,
      waitedFor.map((transaction) => transaction.id),
    );
  }
}

interface OpenTransaction {
  /** Its virtual transaction id: each transaction of a session has a different one. */
  readonly id: string;
  readonly session: string;
}

/**
 * Transactions of this database that hold a snapshot; only those in `ids` unless null. Of other roles' sessions we only
 * see the user and whether they hold one; processes without a user run no user queries.
 */
async function transactions(client: pg.Client, ids: readonly string[] | null): Promise<OpenTransaction[]> {
  const { rows } = await client.query<OpenTransaction>(
    `select l.virtualxid as id, ${SESSION_NAME} as session
       from pg_stat_activity a join pg_locks l on l.pid = a.pid and l.locktype = 'virtualxid' and l.granted
        and l.virtualxid = l.virtualtransaction
      where a.datname = current_database() and a.usesysid is not null and a.backend_xmin is not null
        and a.pid <> pg_backend_pid() and a.application_name <> current_setting('application_name')
        and ($1::text[] is null or l.virtualxid = any ($1))`,
    [ids],
  );
  return rows;
}
