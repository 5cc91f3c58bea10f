import type { Field } from '../core/data-type.js';
import { asSyncedTablesError, SyncedTablesError } from '../core/errors.js';
import { NUL_ERROR_MARK } from '../lake/engine/copy-value.js';
import { explainEngineError } from '../sync/load-errors.js';

/** Says in catalogued words why rows could not be read, as a sync does; values are never part of a message. */
export function explainReadError(error: unknown, table: string, columns: readonly Field[]): SyncedTablesError {
  const known = asSyncedTablesError(error);
  if (known) return known;
  const nulColumn = new RegExp(`${NUL_ERROR_MARK}(\\d+);`).exec(error instanceof Error ? error.message : '')?.[1];
  if (nulColumn === undefined) return explainEngineError(error, table);
  return new SyncedTablesError(
    'CHARACTER_NOT_IN_REPERTOIRE',
    `Column "${columns[Number(nulColumn)]?.name}" of source table ${table} holds NUL characters, which Postgres cannot store.`,
    'Remove them in the source, or read with --invalid-characters strip, which leaves them out.',
    error,
  );
}
