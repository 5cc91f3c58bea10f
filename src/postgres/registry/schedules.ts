import type pg from 'pg';

/** A schedule that needs attention: it is due, or its next run has not been computed. */
export interface WaitingSchedule {
  readonly pipelineId: string;
  readonly cron: string;
  readonly timeZone: string;
  /** Instants as Postgres prints them: rounded to milliseconds they would not compare equal. */
  readonly dueAt: string | null;
  readonly now: Date;
}

/** When a schedule comes next, by its cron expression. */
export interface NextRun {
  /** Null if there is no next run. */
  readonly at: Date | null;
  /** Why there is none. */
  readonly problem: string | null;
}

/** The schedules that are due, unless their pipelines are paused, and those whose next run nobody has worked out yet. */
export async function readWaitingSchedules(client: pg.Client): Promise<WaitingSchedule[]> {
  const { rows } = await client.query<{
    pipeline_id: string;
    cron: string;
    time_zone: string;
    due_at: string | null;
    now: Date;
  }>(
    `select pipeline_id, cron, time_zone, next_run_at::text as due_at, clock_timestamp() as now
       from synced_tables._schedules join synced_tables._pipelines using (pipeline_id)
      where next_run_at <= clock_timestamp() and paused_at is null or next_run_at is null and message is null`,
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
export async function writeFirstRun(client: pg.Client, schedule: WaitingSchedule, next: NextRun): Promise<void> {
  await client.query(
    `update synced_tables._schedules set next_run_at = $4, message = $5
      where pipeline_id = $1 and cron = $2 and time_zone = $3 and next_run_at is null`,
    [schedule.pipelineId, schedule.cron, schedule.timeZone, next.at, next.problem],
  );
}

/** Asks for the update of a due schedule and moves the schedule on, unless somebody else has done that already. */
export async function runSchedule(client: pg.Client, schedule: WaitingSchedule, next: NextRun): Promise<void> {
  await client.query('select synced_tables_internal._run_schedule($1, $2, $3, $4)', [
    schedule.pipelineId,
    schedule.dueAt,
    next.at,
    next.problem,
  ]);
}

/** Milliseconds until the next run of any schedule that is not paused; null if there is none. */
export async function msUntilNextRun(client: pg.Client): Promise<number | null> {
  const { rows } = await client.query<{ ms: number | null }>(
    `select extract(epoch from min(next_run_at) - clock_timestamp())::float8 * 1000 as ms
       from synced_tables._schedules join synced_tables._pipelines using (pipeline_id) where paused_at is null`,
  );
  return rows[0]?.ms ?? null;
}
