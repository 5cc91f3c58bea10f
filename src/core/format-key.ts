/** `42`, or `(a, 42)` for a key of several columns; a NUL inside a key is shown as its escape. */
export function formatKey(values: readonly string[]): string {
  const shown = values.map((value) => value.replaceAll('\0', '\\0'));
  return shown.length === 1 ? String(shown[0]) : `(${shown.join(', ')})`;
}
