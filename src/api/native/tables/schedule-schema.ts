import { z } from 'zod';
import { maybe } from '../../wire/wire-fields.js';

const plannedRun = z.object({
  at: z.string(),
  local: z.string().describe('In the zone of the schedule, with its offset from UTC'),
  is_clock_change: z
    .boolean()
    .describe('Whether clocks change on that day; a time that they skip is made up right after it'),
});

const nextRuns = z.array(plannedRun).describe('The next five');

export const scheduleReply = z.object({
  pipeline_id: z.string(),
  scheduling_policy: z.enum(['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS']),
  schedule: z
    .object({
      cron: z.string(),
      time_zone: z.string(),
      next_run_at: z.string().nullable().describe('Null until a sidecar has computed it, and if there is none'),
      next_runs: nextRuns,
      last_run_at: z.string().nullable(),
      last_update_id: z.string().nullable(),
      message: z.string().nullable().describe('Why it does not run; null if it does'),
      created_by: z.string(),
    })
    .nullable()
    .describe('Null if the pipeline of the table has none'),
  trigger_interval_ms: z
    .int()
    .nullable()
    .describe('How often a CONTINUOUS pipeline looks for changes; null for the default of the settings'),
  default_trigger_interval_ms: z.int(),
});

const cron = z.string().max(1_000).describe('Five fields, or six with seconds in front');
const timeZone = maybe(z.string().max(1_000)).describe('A name such as Europe/Berlin; UTC unless given');

export const scheduleInput = z.object({ cron, time_zone: timeZone });

export const triggerIntervalInput = z.object({
  trigger_interval_ms: z
    .int()
    .min(-2_147_483_648)
    .max(2_147_483_647)
    .nullable()
    .describe('10 to 3600000; null for the default of the settings'),
});

export const schedulePreviewInput = z.object({
  cron,
  time_zone: timeZone,
  after: maybe(z.iso.datetime({ offset: true })).describe('The time after which runs are computed; now unless given'),
});

export const schedulePreviewReply = z.object({
  problem: z
    .object({ error_code: z.string(), message: z.string(), remedy: z.string() })
    .nullable()
    .describe('Why it could not be set, or would never run'),
  time_zone: z.string().nullable().describe('As Postgres spells it; null if it is unknown'),
  next_runs: nextRuns,
});

export type ScheduleReply = z.output<typeof scheduleReply>;
export type SchedulePreviewReply = z.output<typeof schedulePreviewReply>;
