// Schedules of jobs are written as Quartz writes them; schedules here as cron does, with seconds in front.

const FIELDS = [
  { what: 'second', last: 59 },
  { what: 'minute', last: 59 },
  { what: 'hour', last: 23 },
  { what: 'day of the month', last: 31 },
  { what: 'month', last: 12 },
  { what: 'day of the week', last: 6 },
] as const;
const DAY_OF_WEEK = 5;

const ITEM = /^(?<first>\*|\?|\d{1,2}|[A-Z]{3})(?:-(?<last>\d{1,2}|[A-Z]{3}))?(?:\/(?<step>\d{1,2}))?$/;

/** What is wrong with an expression that is none, or cannot be kept. */
export class QuartzProblem extends Error {}

/**
 * The cron expression that means the same as one of Quartz: days of the week count from 1 there, and `5/15` begins at 5.
 * What neither form nor values of fields tell is left to whoever sets the schedule.
 * @throws QuartzProblem
 */
export function cronOfQuartz(expression: string): string {
  const fields = expression.trim().toUpperCase().split(/\s+/);
  if (fields.length !== 6 && fields.length !== 7) {
    throw new QuartzProblem(`it has ${fields.length} fields instead of 6, or 7 with a year`);
  }
  if (fields[6] !== undefined && fields[6] !== '*') throw new QuartzProblem('a year other than * is not supported');
  return FIELDS.map((field, index) => {
    const items = (fields[index] ?? '').split(',');
    return items.map((item) => translate(item, field, index === DAY_OF_WEEK)).join(',');
  }).join(' ');
}

function translate(item: string, { what, last: lastValue }: (typeof FIELDS)[number], isWeekday: boolean): string {
  const { first, last, step } = ITEM.exec(item)?.groups ?? {};
  if (first === undefined) throw new QuartzProblem(`"${item}" cannot be its ${what} (L, W and # are not supported)`);
  const shift = (value: string) => (isWeekday && /^\d+$/.test(value) ? weekday(value) : value);
  if (first === '*' || first === '?') return step === undefined ? first : `*/${step}`;
  if (last !== undefined) return `${shift(first)}-${shift(last)}${step === undefined ? '' : `/${step}`}`;
  return step === undefined ? shift(first) : `${shift(first)}-${lastValue}/${step}`;
}

function weekday(value: string): string {
  const day = Number(value);
  if (day < 1 || day > 7) throw new QuartzProblem(`"${value}" cannot be its day of the week, which is 1 (Sunday) to 7`);
  return String(day - 1);
}
