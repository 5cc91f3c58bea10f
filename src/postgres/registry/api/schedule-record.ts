import type pg from 'pg';
import { isoTime } from './iso-time.js';

/** When a pipeline is updated: by its schedule, and by looking again while it follows its sources. */
export interface ScheduleRecord {
  readonly policy: 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS';
  /** Null for the default of the sidecar's settings. */
  readonly triggerIntervalMs: number | null;
  /** Null if the pipeline has none. */
  readonly schedule: {
    readonly cron: string;
    readonly timeZone: string;
    /** Null until a sidecar has computed it, and if there is none. */
    readonly nextRunAt: string | null;
    readonly lastRunAt: string | null;
    readonly lastUpdateId: string | null;
    /** Why it does not run; null if it does. */
    readonly message: string | null;
    readonly createdBy: string;
  } | null;
  /** Time of the database, by which schedules run. */
  readonly now: Date;
}

interface ScheduleRow {
  readonly scheduling_policy: ScheduleRecord['policy'];
  readonly trigger_interval_ms: number | null;
  readonly cron: string | null;
  readonly time_zone: string | null;
  readonly next_run_at: string | null;
  readonly last_run_at: string | null;
  readonly last_update_id: string | null;
  readonly message: string | null;
  readonly created_by: string | null;
  readonly now: Date;
}

/** The schedule of a pipeline that the caller may see; null if the pipeline is gone. */
export async function readSchedule(client: pg.ClientBase, pipelineId: string): Promise<ScheduleRecord | null> {
  const { rows } = await client.query<ScheduleRow>(
    `select p.scheduling_policy, p.trigger_interval_ms, s.cron, s.time_zone, ${isoTime('s.next_run_at')} as next_run_at,
            ${isoTime('s.last_run_at')} as last_run_at, s.last_update_id, s.message, s.created_by, clock_timestamp() as now
       from synced_tables._pipelines p left join synced_tables._schedules s using (pipeline_id) where p.pipeline_id = $1`,
    [pipelineId],
  );
  const [row] = rows;
  if (!row) return null;
  const { cron, time_zone: timeZone } = row;
  return {
    policy: row.scheduling_policy,
    triggerIntervalMs: row.trigger_interval_ms,
    schedule:
      cron === null || timeZone === null
        ? null
        : {
            cron,
            timeZone,
            nextRunAt: row.next_run_at,
            lastRunAt: row.last_run_at,
            lastUpdateId: row.last_update_id,
            message: row.message,
            createdBy: row.created_by ?? '',
          },
    now: row.now,
  };
}

/** Gives a pipeline a schedule in place of the one it has, with the rights of the acting role. */
export async function setSchedule(
  client: pg.ClientBase,
  schedule: { readonly pipelineId: string; readonly cron: string; readonly timeZone: string | null },
): Promise<void> {
  const { pipelineId, cron, timeZone } = schedule;
  await client.query(`select synced_tables.set_schedule($1, $2, coalesce($3, 'UTC'))`, [pipelineId, cron, timeZone]);
}

/** Takes the schedule of a pipeline away, with the rights of the acting role; one without stays as it is. */
export async function removeSchedule(client: pg.ClientBase, pipelineId: string): Promise<void> {
  await client.query('select synced_tables.remove_schedule($1)', [pipelineId]);
}

/**
 * Sets how often the pipeline of a table looks for changes, with the rights of the acting role.
 * @param ms null for the default of the settings
 */
export async function setTriggerInterval(client: pg.ClientBase, sqlName: string, ms: number | null): Promise<void> {
  await client.query('select synced_tables.set_trigger_interval($1, $2)', [sqlName, ms]);
}

/** What set_schedule would say of a schedule. */
export interface ScheduleCheck {
  /** What is wrong with the expression; null if nothing is. */
  readonly cronProblem: string | null;
  /** The zone as Postgres spells it; null if it is unknown. */
  readonly timeZone: string | null;
  /** Whether it names days that never come. */
  readonly neverComes: boolean;
  readonly now: Date;
}

export async function checkSchedule(client: pg.ClientBase, cron: string, timeZone: string): Promise<ScheduleCheck> {
  const { rows } = await client.query<{ problem: string | null; zone: string | null; never: boolean; now: Date }>(
    `select c.problem, (select n.name from pg_catalog.pg_timezone_names n where lower(n.name) = lower($2) limit 1) as zone,
            c.problem is null and synced_tables_internal._never_comes($1) as never, clock_timestamp() as now
       from (select synced_tables_internal._cron_problem($1) as problem offset 0) c`,
    [cron, timeZone],
  );
  const { problem = null, zone = null, never = false, now = new Date(0) } = rows[0] ?? {};
  return { cronProblem: problem, timeZone: zone, neverComes: never, now };
}
