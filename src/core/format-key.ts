/** Maximum number of keys in a message. */
export const EXAMPLE_KEYS_MAX = 5;

/** `42`, or `(a, 42)` for a key of several columns; a NUL inside a key is shown as its escape. */
export function formatKey(values: readonly string[]): string {
  const shown = values.map((value) => value.replaceAll('\0', '\\0'));
  return shown.length === 1 ? String(shown[0]) : `(${shown.join(', ')})`;
}

/** `; rows with key 1, 2`, or an empty text if none is known. */
export function describeKeys(keys: readonly string[]): string {
  return keys.length === 0 ? '' : `; rows with key ${keys.join(', ')}`;
}
