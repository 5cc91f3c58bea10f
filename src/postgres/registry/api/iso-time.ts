/** SQL for a timestamp as clients read it: `2026-01-01T00:00:00.123Z`. */
export function isoTime(expression: string): string {
  return `to_char(${expression} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}
