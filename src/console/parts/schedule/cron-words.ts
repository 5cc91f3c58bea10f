const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const DAY_NAMES = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/**
 * What a cron expression says, for those that say something simple: `hourly at minute 5`, `daily at 09:00`.
 * @returns the expression itself for all others
 */
export function cronWords(cron: string): string {
  const fields = cron.trim().toUpperCase().split(/\s+/);
  const [seconds, minute = '', hour = '', day = '', month = '', weekday = ''] =
    fields.length === 5 ? ['0', ...fields] : fields;
  if (seconds !== '0' || ![day, month].every(isAny)) return cron;
  const step = /^\*\/(\d+)$/.exec(minute)?.[1];
  if (step !== undefined && hour === '*' && isAny(weekday)) return `every ${step} minutes`;
  if (minute === '*' && hour === '*' && isAny(weekday)) return 'every minute';
  if (!/^\d{1,2}$/.test(minute)) return cron;
  if (hour === '*' && isAny(weekday)) return minute === '0' ? 'hourly' : `hourly at minute ${Number(minute)}`;
  const hours = /^\*\/(\d+)$/.exec(hour)?.[1];
  if (hours !== undefined && isAny(weekday)) return `every ${hours} hours at minute ${Number(minute)}`;
  if (!/^\d{1,2}$/.test(hour)) return cron;
  const time = `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
  if (isAny(weekday)) return `daily at ${time}`;
  if (weekday === 'MON-FRI' || weekday === '1-5') return `Monday to Friday at ${time}`;
  const named = weekday.split(',').map(dayName);
  return named.every((name) => name !== undefined) ? `${named.join(', ')} at ${time}` : cron;
}

function isAny(field: string): boolean {
  return field === '*' || field === '?';
}

function dayName(field: string): string | undefined {
  return /^[0-7]$/.test(field) ? DAYS[Number(field) % 7] : DAYS[DAY_NAMES.indexOf(field)];
}
