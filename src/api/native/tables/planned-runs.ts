import { planNextRuns } from '../../../queue/schedules.js';

/** A run that a schedule will have. */
export interface PlannedRun {
  /** ISO 8601 in UTC. */
  readonly at: string;
  /** Date and time in the zone of the schedule, with its offset from UTC: `2026-03-29T03:00:00+02:00`. */
  readonly local: string;
  /** Whether clocks change on that day, so that a run may be an hour later than the expression says. */
  readonly is_clock_change: boolean;
}

const RUNS_SHOWN = 5;
const DAY_MS = 86_400_000;

/** The next runs of a schedule that is valid. */
export function plannedRuns(schedule: { readonly cron: string; readonly timeZone: string }, after: Date): PlannedRun[] {
  const { cron, timeZone } = schedule;
  return planNextRuns(cron, timeZone, after, RUNS_SHOWN).map((at) => ({
    at: at.toISOString(),
    local: localTime(at, timeZone),
    is_clock_change: changesClocks(at, timeZone),
  }));
}

function localTime(at: Date, timeZone: string): string {
  const offset = offsetMinutes(at, timeZone);
  const [date = ''] = new Date(at.getTime() + offset * 60_000).toISOString().split('.');
  const two = (number: number) => String(Math.floor(number)).padStart(2, '0');
  const size = Math.abs(offset);
  return `${date}${offset < 0 ? '-' : '+'}${two(size / 60)}:${two(size % 60)}`;
}

/** Whether the offset differs between the midnights around a time in its zone. */
function changesClocks(at: Date, timeZone: string): boolean {
  const offset = offsetMinutes(at, timeZone) * 60_000;
  const midnight = Math.floor((at.getTime() + offset) / DAY_MS) * DAY_MS - offset;
  const [before, after] = [midnight, midnight + DAY_MS].map((time) => offsetMinutes(new Date(time), timeZone));
  return before !== after;
}

/** How far a zone is ahead of UTC. */
function offsetMinutes(at: Date, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' }).formatToParts(at);
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  const [, sign, hours, minutes] = /^GMT(?:([+-])(\d\d):(\d\d)(?::\d\d)?)?$/.exec(name) ?? [];
  const size = Number(hours ?? 0) * 60 + Number(minutes ?? 0);
  return sign === '-' ? -size : size;
}
