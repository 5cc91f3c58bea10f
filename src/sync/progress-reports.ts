import type pg from 'pg';
import type { SyncedTable } from '../core/synced-table.js';
import { writeProgress } from '../postgres/registry.js';
import { closeSession, cutSession, inTransaction } from '../postgres/session.js';

const REPORT_INTERVAL_MS = 500;

export interface ProgressReports extends AsyncDisposable {
  setPhase(phase: 'load' | 'index', rowsTotal: bigint | null): void;
}

export interface ProgressOptions {
  /** The session that loads; its server process is the one that is watched. */
  readonly client: pg.Client;
  readonly openSession: () => Promise<pg.Client>;
  readonly table: SyncedTable;
}

/**
 * Writes into the registry how far a load is, as Postgres itself counts it (`pg_stat_progress_copy`), from a session
 * of its own. Progress is a courtesy: a failure to report it never fails the load.
 *
 * It also sees when the server has ended the session that loads and word of it got lost: cutting it off then makes
 * the update fail, and be tried again, instead of waiting for an answer that nobody will give.
 */
export async function startProgressReports(options: ProgressOptions): Promise<ProgressReports> {
  const { client, table } = options;
  // Before the session of our own: if this one is gone already, there is none that would have to be closed.
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid ?? 0;
  const reporter = await options.openSession();
  let total: bigint | null = null;
  let isLoading = false;
  let report = Promise.resolve();
  const watch = async () => {
    const rowsDone = await rowsCopied(reporter, pid);
    if (rowsDone === null) cutSession(client);
    else if (isLoading) await writeProgress(reporter, table.tableId, rowsDone, total);
  };
  const timer = setInterval(() => {
    report = report.then(watch).catch(() => {});
  }, REPORT_INTERVAL_MS);
  return {
    setPhase(phase, rowsTotal) {
      total = rowsTotal;
      isLoading = phase === 'load';
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      // Closed first: a report that is under way and not answered must not hold anybody up.
      await closeSession(reporter);
      await report;
    },
  };
}

/**
 * Rows that the session of that process has copied so far; null if the session is gone. Looked up as the role that
 * both sessions logged in with: the role that they act as does not see what a session of another one does.
 */
async function rowsCopied(reporter: pg.Client, pid: number): Promise<bigint | null> {
  return inTransaction(reporter, async () => {
    await reporter.query('set local role none');
    const { rows } = await reporter.query<{ done: string }>(
      `select coalesce(c.tuples_processed, 0)::text as done
         from pg_stat_activity a left join pg_stat_progress_copy c using (pid) where a.pid = $1`,
      [pid],
    );
    return rows[0] ? BigInt(rows[0].done) : null;
  });
}
