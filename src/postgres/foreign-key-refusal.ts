import { syncedTablesError } from '../core/errors.js';
import type { SyncedTable } from '../core/synced-table.js';
import { isPostgresError } from './session.js';

/** FOREIGN_KEY_REFERENCES_ROW for Postgres' refusal to delete a row that another table refers to; else the error itself. */
export function explainForeignKey(error: unknown, table: SyncedTable): unknown {
  if (!isPostgresError(error) || error.code !== '23503') return error;
  return syncedTablesError(
    'FOREIGN_KEY_REFERENCES_ROW',
    {
      target: table.fullName,
      table: table.source,
      constraint: error.constraint ?? 'unknown',
      referencing: `${error.schema ?? '?'}.${error.table ?? '?'}`,
    },
    error,
  );
}
