import { syncedTablesError } from '../../core/errors.js';
import type { ChangesOptions } from './change-relation.js';

/**
 * Refuses a range of versions that is none.
 * @param to the last version: the one that is asked for, or the newest
 * @throws SOURCE_HISTORY_REWRITTEN if the version that was applied is above the newest; CHANGE_RANGE_INVALID
 */
export function requireRange(table: string, { from, to: wanted }: ChangesOptions, to: bigint): void {
  if (from >= -1n && to >= from) return;
  if (wanted === undefined && from >= 0n) {
    const reason = `version ${from} was applied, but the newest is ${to}`;
    throw syncedTablesError('SOURCE_HISTORY_REWRITTEN', { table, reason });
  }
  const reason = 'the first version must not be above the second';
  throw syncedTablesError('CHANGE_RANGE_INVALID', { table, from, to, reason });
}
