import type pg from 'pg';
import type { SyncedTable } from '../core/synced-table.js';
import { writeProgress } from '../postgres/registry.js';
import { closeSession } from '../postgres/session.js';

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
 */
export async function startProgressReports(options: ProgressOptions): Promise<ProgressReports> {
  const { client, table } = options;
  const reporter = await options.openSession();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid ?? 0;
  let total: bigint | null = null;
  let isLoading = false;
  let report = Promise.resolve();
  const timer = setInterval(() => {
    if (isLoading) report = report.then(() => reportOnce(reporter, pid, table, total)).catch(() => {});
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

async function reportOnce(reporter: pg.Client, pid: number, table: SyncedTable, total: bigint | null): Promise<void> {
  const { rows } = await reporter.query<{ done: string }>(
    `select coalesce(sum(tuples_processed), 0)::text as done from pg_stat_progress_copy
      where pid = $1 or pid in (select pid from pg_stat_activity where leader_pid = $1)`,
    [pid],
  );
  await writeProgress(reporter, table.tableId, BigInt(rows[0]?.done ?? 0), total);
}
