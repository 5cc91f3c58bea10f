// Times and durations as people read them.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `3 s`, `1 min 20 s`, `4 h 5 min`, `2 days`; below a second `250 ms`. */
export function durationText(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return twoUnits(whole, MINUTE, 'min', 1, 's');
  if (whole < DAY) return twoUnits(whole, HOUR, 'h', MINUTE, 'min');
  const days = Math.floor(whole / DAY);
  const unit = days === 1 ? 'day' : 'days';
  return days >= 10 ? `${days} ${unit}` : twoUnits(whole, DAY, unit, HOUR, 'h');
}

function twoUnits(seconds: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${largeUnit}${rest === 0 ? '' : ` ${rest} ${smallUnit}`}`;
}

/** One unit is enough where many are listed: `3 s`, `4 h`. */
export function roughDuration(seconds: number): string {
  if (seconds < MINUTE) return `${Math.floor(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} days`;
}

/** @param now milliseconds */
export function agoText(moment: Date, now: number): string {
  const seconds = (now - moment.getTime()) / 1000;
  // Clocks of server and browser differ a little.
  if (Math.abs(seconds) < 2) return 'now';
  return seconds < 0 ? `in ${roughDuration(-seconds)}` : `${roughDuration(seconds)} ago`;
}

// Made once for each zone: it takes a hundred times as long as formatting, and a list shows a thousand times.
const exact = { local: exactIn({}), utc: exactIn({ timeZone: 'UTC' }) };
let zone: keyof typeof exact = 'local';

export function setZone(next: keyof typeof exact): void {
  zone = next;
}

function exactIn(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long', ...options });
}

/** `2026-12-02 03:00 +01:00`, of a whole minute as the API writes it: `2026-12-02T03:00:00+01:00`. */
export function localTime(text: string): string {
  return text.replace('T', ' ').replace(/:00([+-])/, ' $1');
}

/** Date, time to the second and zone. */
export function exactTime(moment: Date): string {
  return exact[zone].format(moment);
}
