import { Cron } from 'croner';
import type pg from 'pg';

/** A schedule that needs attention: it is due, or its next run has not been computed. */
interface WaitingSchedule {
  readonly pipelineId: string;
  readonly cron: string;
  readonly timeZone: string;
  /** Instants as Postgres prints them: rounded to milliseconds they would not compare equal. */
  readonly dueAt: string | null;
  readonly now: Date;
}

/**
 * Requests every update whose time has come, once, however many sidecars look: advancing the schedule and requesting
 * are one transaction, and only one sidecar still finds the time that it read. Runs missed while no sidecar ran are
 * made up once: the next run is computed from now. The clock is the database's, so sidecars' clocks need not agree.
 * @returns milliseconds until the next run; null if there is none
 */
export async function runSchedules(client: pg.Client): Promise<number | null> {
  for (const schedule of await readWaiting(client)) {
    const next = planNextRun(schedule.cron, schedule.timeZone, schedule.now);
    if (schedule.dueAt === null) await writeFirstRun(client, schedule, next);
    else {
      await client.query('select synced_tables_internal._run_schedule($1, $2, $3, $4)', [
        schedule.pipelineId,
        schedule.dueAt,
        next.at,
        next.problem,
      ]);
    }
  }
  const { rows } = await client.query<{ ms: number | null }>(
    `select extract(epoch from min(next_run_at) - clock_timestamp())::float8 * 1000 as ms from synced_tables._schedules`,
  );
  return rows[0]?.ms ?? null;
}

async function readWaiting(client: pg.Client): Promise<WaitingSchedule[]> {
  const { rows } = await client.query<{
    pipeline_id: string;
    cron: string;
    time_zone: string;
    due_at: string | null;
    now: Date;
  }>(
    `select pipeline_id, cron, time_zone, next_run_at::text as due_at, clock_timestamp() as now
       from synced_tables._schedules
      where next_run_at <= clock_timestamp() or next_run_at is null and message is null`,
  );
  return rows.map((row) => ({
    pipelineId: row.pipeline_id,
    cron: row.cron,
    timeZone: row.time_zone,
    dueAt: row.due_at,
    now: row.now,
  }));
}

/** Unless another sidecar has computed it already, or the schedule has changed. */
async function writeFirstRun(client: pg.Client, schedule: WaitingSchedule, next: NextRun): Promise<void> {
  await client.query(
    `update synced_tables._schedules set next_run_at = $4, message = $5
      where pipeline_id = $1 and cron = $2 and time_zone = $3 and next_run_at is null`,
    [schedule.pipelineId, schedule.cron, schedule.timeZone, next.at, next.problem],
  );
}

interface NextRun {
  /** Null if there is no next run. */
  readonly at: Date | null;
  /** Why there is no next run. */
  readonly problem: string | null;
}

/**
 * The first time after `after` that matches a cron expression in a time zone. A time that a clock change skips is made
 * up right after it; one that occurs twice counts once.
 * @internal exported for tests
 */
export function planNextRun(cron: string, timeZone: string, after: Date): NextRun {
  try {
    const at = new Cron(cron, { timezone: timeZone, paused: true }).nextRun(after);
    return at ? { at, problem: null } : { at: null, problem: `"${cron}" never comes: there is no such day.` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { at: null, problem: `"${cron}" in time zone ${timeZone} cannot be computed: ${reason}` };
  }
}
