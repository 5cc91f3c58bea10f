import { countOf } from './count-of.js';

/**
 * The rows that something failed on. Those who may read the table are shown them; messages, events and logs, which more
 * people read, only say how many keys are known (docs/decisions/0021).
 */
export interface FailingRows {
  /** The column whose values are at fault; null if not exactly one is. */
  readonly column: string | null;
  /** Keys of a few of the rows, as `formatKey` writes them; empty if none is known. */
  readonly keys: readonly string[];
}

/** `; see failing_keys (2 keys)`, for messages; an empty text if no key is known. */
export function describeKeys({ keys }: Pick<FailingRows, 'keys'>): string {
  return keys.length === 0 ? '' : `; see failing_keys (${countOf(keys.length, 'key')})`;
}

/** Rows that fail because of their key. */
export function failingByKey(keyColumns: readonly string[], keys: readonly string[]): FailingRows {
  const [column = null, ...others] = keyColumns;
  return { column: others.length === 0 ? column : null, keys };
}
