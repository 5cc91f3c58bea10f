import type { Caller } from '../places/caller.js';
import type { PlacedTable } from './synced-table-place.js';

/**
 * Stops syncing a table, with the caller's rights.
 * @param purge whether to delete the Postgres table too
 */
export async function deleteSyncedTable({ database, record }: PlacedTable, caller: Caller, purge: boolean) {
  await database.asCaller(caller, (client) =>
    client.query('select synced_tables.delete_synced_table($1, purge => $2)', [record.sqlName, purge]),
  );
}
