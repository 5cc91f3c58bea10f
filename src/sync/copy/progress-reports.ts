import type pg from 'pg';
import type { SyncedTable } from '../../core/synced-table.js';
import { type LoadProgress, writeProgress } from '../../postgres/registry/synced-tables.js';
import { processIdOf } from '../../postgres/session/server-process.js';
import { closeSession, inTransaction } from '../../postgres/session/session.js';

const REPORT_INTERVAL_MS = 500;

export interface ProgressReports extends AsyncDisposable {
  setPhase(phase: LoadProgress['phase'], rowsTotal: bigint | null): void;
  /** Opens another loading session: its rows count too. */
  openLoader(): Promise<pg.Client>;
}

export interface ProgressOptions {
  /** The first loading session. */
  readonly client: pg.Client;
  readonly openSession: () => Promise<pg.Client>;
  readonly table: SyncedTable;
  /** The source version being loaded. */
  readonly version: bigint | null;
}

/**
 * Writes the progress of a load into the registry, as counted by Postgres itself (`pg_stat_progress_copy`), over a
 * session of its own. Progress is a courtesy: a failure to report it never fails the load.
 */
export async function startProgressReports(options: ProgressOptions): Promise<ProgressReports> {
  const { client, table, version } = options;
  /** Rows copied by each session; one that has finished its part no longer appears in the view. */
  const copied = new Map<number, bigint>([[await processIdOf(client), 0n]]);
  /** Opened when there is something to tell: a small load is over before. */
  let reporter: pg.Client | null = null;
  let isOver = false;
  let phase: LoadProgress['phase'] | null = null;
  let rowsTotal: bigint | null = null;
  let phaseStartedAt = 0;
  let report = Promise.resolve();
  const watch = async () => {
    if (phase === null || isOver) return;
    reporter ??= await options.openSession();
    // Who ends the reports closes what is open by then.
    if (isOver) return closeSession(reporter);
    if (phase === 'load') {
      const found = await rowsCopied(reporter, [...copied.keys()]);
      for (const [pid, rows] of found) if (rows > (copied.get(pid) ?? 0n)) copied.set(pid, rows);
    }
    const counted = [...copied.values()].reduce((sum, rows) => sum + rows, 0n);
    const rowsDone = phase === 'index' ? (rowsTotal ?? counted) : counted;
    const phaseMs = performance.now() - phaseStartedAt;
    await writeProgress(reporter, table.tableId, { phase, version, rowsDone, rowsTotal, phaseMs });
  };
  const look = () => {
    report = report.then(watch).catch(() => {});
  };
  const timer = setInterval(look, REPORT_INTERVAL_MS);
  return {
    setPhase(next, total) {
      phase = next;
      rowsTotal = total;
      phaseStartedAt = performance.now();
      if (reporter !== null) look();
    },
    async openLoader() {
      const loader = await options.openSession();
      copied.set(await processIdOf(loader), 0n);
      return loader;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      isOver = true;
      // Closed first: an unanswered report in progress must not hold anything up.
      if (reporter !== null) await closeSession(reporter);
      await report;
    },
  };
}

/**
 * Rows copied so far by the sessions of those processes; ended sessions are left out. Queried as the login role of all
 * sessions: the role that they act as cannot see other sessions.
 */
async function rowsCopied(reporter: pg.Client, pids: readonly number[]): Promise<ReadonlyMap<number, bigint>> {
  return inTransaction(reporter, async () => {
    await reporter.query('set local role none');
    const { rows } = await reporter.query<{ pid: number; done: string }>(
      `select a.pid, coalesce(c.tuples_processed, 0)::text as done
         from pg_stat_activity a left join pg_stat_progress_copy c using (pid) where a.pid = any ($1::int[])`,
      [pids],
    );
    return new Map(rows.map(({ pid, done }) => [pid, BigInt(done)]));
  });
}
