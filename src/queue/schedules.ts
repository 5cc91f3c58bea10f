import { Cron } from 'croner';
import type pg from 'pg';
import {
  msUntilNextRun,
  type NextRun,
  readWaitingSchedules,
  runSchedule,
  writeFirstRun,
} from '../postgres/registry/schedules.js';

/**
 * Requests every update whose time has come, once, however many sidecars look: advancing the schedule and requesting
 * are one transaction, and only one sidecar still finds the time that it read. Runs missed while no sidecar ran are
 * made up once: the next run is computed from now. The clock is the database's, so sidecars' clocks need not agree.
 * @returns milliseconds until the next run; null if there is none
 */
export async function runSchedules(client: pg.Client): Promise<number | null> {
  for (const schedule of await readWaitingSchedules(client)) {
    const next = planNextRun(schedule.cron, schedule.timeZone, schedule.now);
    if (schedule.dueAt === null) await writeFirstRun(client, schedule, next);
    else await runSchedule(client, schedule, next);
  }
  return msUntilNextRun(client);
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

/** The first runs of a schedule after a time, fewer if there are no more. */
export function planNextRuns(cron: string, timeZone: string, after: Date, count: number): Date[] {
  const runs: Date[] = [];
  while (runs.length < count) {
    const { at } = planNextRun(cron, timeZone, runs.at(-1) ?? after);
    if (at === null) break;
    runs.push(at);
  }
  return runs;
}
