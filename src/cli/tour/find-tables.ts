import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type SyncedTablesError, syncedTablesError } from '../../core/errors.js';

/** The table of the sample that shows most. */
const FAVOURITE = 'gold.user_profiles';
const LOG = '_delta_log';

/**
 * The Delta tables of a lake as `schema.table`, in the order in which they are worth trying.
 * @throws LAKE_WITHOUT_TABLES
 */
export async function findTables(lake: string): Promise<string[]> {
  const tables: string[] = [];
  for (const schema of await entriesOf(lake)) {
    for (const table of await entriesOf(join(lake, schema))) {
      if ((await entriesOf(join(lake, schema, table))).includes(LOG)) tables.push(`${schema}.${table}`);
    }
  }
  if (tables.length === 0) throw await nothingFound(lake);
  const rank = (table: string) => (table === FAVOURITE ? 0 : 1);
  return tables.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** A folder that is one level off is the likeliest mistake. */
async function nothingFound(lake: string): Promise<SyncedTablesError> {
  const entries = await entriesOf(lake);
  const logs = await Promise.all(entries.map(async (name) => (await entriesOf(join(lake, name))).includes(LOG)));
  const [near] = entries.filter((_, place) => logs[place]);
  let found = 'it has no such folder';
  if (entries.length === 0) found = 'it is empty, or no folder that can be read';
  if (near !== undefined) found = `${join(lake, near)} is a table, but has no schema above it`;
  if (entries.includes(LOG)) found = 'it is a table itself';
  return syncedTablesError('LAKE_WITHOUT_TABLES', { lake, found });
}

/** Names in a folder; none if it cannot be read. */
async function entriesOf(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
