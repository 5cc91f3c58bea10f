import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';

/**
 * The error for what earlier snapshots needed and the newest does not: a missing file of theirs means that they have
 * expired, whether the metadata says so already or not.
 */
export function asHistoryGone(
  error: unknown,
  { tableName: table, from: version }: { readonly tableName: string; readonly from: bigint },
): unknown {
  const known = asSyncedTablesError(error);
  if (known?.code !== 'SOURCE_FILE_MISSING') return error;
  const reason = known.message.replace(/\.$/, '');
  return syncedTablesError('ICEBERG_HISTORY_EXPIRED', { table, version, reason }, known);
}
