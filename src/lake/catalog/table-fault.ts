import { asSyncedTablesError } from '../../core/errors.js';

/** A catalog may refuse one table and give others. */
const NOT_OF_TABLE = /^(OBJECT_STORE_|CATALOG_(?!ACCESS_DENIED))/;

/**
 * Lets only faults of a single table pass, such as a log that cannot be read: where tables are listed, that one is listed
 * without its columns. A store or a catalog that does not answer is an error.
 */
export function requireFaultOfTable(error: unknown): void {
  const code = asSyncedTablesError(error)?.code;
  if (code === undefined || NOT_OF_TABLE.test(code)) throw error;
}

/** For a table in a list: null, so that it is listed without its columns, where the fault is its own. */
export function withoutColumns(error: unknown): null {
  requireFaultOfTable(error);
  return null;
}
