/** Maximum number of keys told of a failure. */
export const EXAMPLE_KEYS_MAX = 5;

/** How many characters of a column of a key are shown, if they are not all. */
const SHOWN_MAX = 200;

/**
 * `42`, or `(a, 42)` for a key of several columns; a NUL inside a key is shown as its escape, and of a long text the
 * beginning.
 */
export function formatKey(values: readonly string[]): string {
  const shown = values.map((value) => shortened(value).replaceAll('\0', '\\0'));
  return shown.length === 1 ? String(shown[0]) : `(${shown.join(', ')})`;
}

function shortened(value: string): string {
  if (value.length <= SHOWN_MAX) return value;
  // Not between the two halves of a character outside the basic plane.
  return `${value.slice(0, SHOWN_MAX).replace(/[\ud800-\udbff]$/, '')}…`;
}
