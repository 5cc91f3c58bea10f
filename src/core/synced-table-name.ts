import { syncedTablesError } from './errors.js';
import { postgresTableName } from './names.js';

const PART = /^[A-Za-z0-9_]{1,63}$/;

/**
 * Reads the name of a synced table as Postgres reads identifiers: unquoted parts are folded to lower case. Returns it
 * as the status view shows it. Same rule as `synced_tables_internal._parse_name` in sql/.
 * @throws SYNCED_TABLE_NAME_INVALID unless it has two parts of letters, digits and underscores
 */
export function parseSyncedTableName(name: string): string {
  const parts = [...name.matchAll(/(?:^|\.)(?:"([^"]*)"|([^".]*))/g)];
  const [schema, table] = parts.map(([, quoted, plain]) => quoted ?? plain?.toLowerCase() ?? '');
  const isWhole = parts.map(([text]) => text).join('') === name;
  if (!isWhole || parts.length !== 2 || !schema || !table || !PART.test(schema) || !PART.test(table)) {
    throw syncedTablesError('SYNCED_TABLE_NAME_INVALID', { name });
  }
  return postgresTableName(schema, table);
}
