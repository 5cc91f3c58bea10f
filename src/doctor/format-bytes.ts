const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `512 MB`, `1.5 GB`: in steps of 1024, as Postgres writes sizes. */
export function formatBytes(bytes: number): string {
  let rest = bytes;
  let unit = 0;
  while (rest >= 1024 && unit < UNITS.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  const digits = rest < 10 && unit > 0 ? 1 : 0;
  return `${rest.toFixed(digits)} ${UNITS[unit]}`;
}
