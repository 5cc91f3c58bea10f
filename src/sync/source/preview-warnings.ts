import { countOf } from '../../core/count-of.js';
import { errorCatalogue } from '../../core/error-catalogue.js';
import { SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { KeyPreview } from './key-scan.js';
import type { RowPreview } from './preview-rows.js';

/** One for each column that holds NUL characters. */
export function nulWarnings(table: string, { nulColumns }: RowPreview): SyncedTablesError[] {
  return nulColumns.map(({ column, rows }) => {
    const message = `Column "${column}" of source table ${table} holds NUL characters, which Postgres cannot store, in ${countOf(rows, 'row')}.`;
    return new SyncedTablesError(
      'CHARACTER_NOT_IN_REPERTOIRE',
      message,
      errorCatalogue.CHARACTER_NOT_IN_REPERTOIRE.remedy,
    );
  });
}

/** Rows that the key leaves out; null if there are none. */
export function nullKeyWarning(table: string, key: KeyPreview): SyncedTablesError | null {
  if (key.rowsWithNull === 0n) return null;
  return syncedTablesError('PRIMARY_KEY_HAS_NULLS', { rows: key.rowsWithNull, table, columns: key.columns.join(', ') });
}

/** Keys of several rows; null if there are none. */
export function duplicateKeyWarning(table: string, key: KeyPreview): SyncedTablesError | null {
  if (key.duplicateKeys === 0n) return null;
  const message = `In source table ${table} ${key.duplicateKeys} primary keys (${key.columns.join(', ')}) occur in several rows, ${key.duplicateRows} in all.`;
  const { remedy } = errorCatalogue.PRIMARY_KEY_CONSTRAINT_VIOLATION;
  return new SyncedTablesError('PRIMARY_KEY_CONSTRAINT_VIOLATION', message, remedy);
}
