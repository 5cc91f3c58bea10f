import { syncedTablesError } from '../../core/errors.js';
import { type FormerTable, readFormerTable } from '../../postgres/registry/api/former-tables.js';
import { deleteSyncedTable } from '../../postgres/registry/api/synced-tables.js';
import { findReachableCatalog } from '../names/catalog-place.js';
import { fullNameOf, parseTableName } from '../names/table-name.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import { firstAnswer } from '../places/ask-databases.js';
import type { Caller } from '../places/caller.js';
import { type DatabasePlace, databasesOf } from '../places/database-place.js';
import { lookUpSyncedTable, unknownTable } from './synced-table-place.js';

interface PlacedFormer extends DatabasePlace {
  readonly former: FormerTable;
}

/**
 * Stops syncing a table; with `purge` its data goes too, also that of a former synced table.
 * @returns its name, and the instance it was found on
 * @throws API_NAME_INVALID, SYNCED_TABLE_NOT_FOUND; FORMER_SYNCED_TABLE without `purge`, and what delete_synced_table raises
 */
export async function deleteTableByName(
  context: ApiContext,
  caller: Caller,
  fullName: string,
  purge: boolean,
): Promise<{ readonly fullName: string; readonly instance: ApiInstance }> {
  const placed = await lookUpSyncedTable(context, caller, parseTableName(fullName));
  if (placed) {
    const { database, record, instance } = placed;
    await database.asCaller(caller, (client) => deleteSyncedTable(client, record.sqlName, purge));
    return { fullName: placed.fullName, instance };
  }
  const found = await lookUpFormerTable(context, caller, fullName);
  if (!found) throw await unknownTable(context, caller, fullName);
  if (!purge) throw syncedTablesError('FORMER_SYNCED_TABLE', { target: fullName });
  await found.database.asCaller(caller, (client) => deleteSyncedTable(client, found.former.sqlName, true));
  return { fullName, instance: found.instance };
}

/** The former synced table with a three-part name that the caller may see; null if there is none. */
async function lookUpFormerTable(context: ApiContext, caller: Caller, fullName: string): Promise<PlacedFormer | null> {
  const name = parseTableName(fullName);
  const ask = async (place: DatabasePlace): Promise<PlacedFormer | null> => {
    const role = await place.database.roleNameOf(caller);
    const former = await place.database.asService((client) => readFormerTable(client, role, name));
    return former && { ...place, former };
  };
  const catalog = await findReachableCatalog(context, caller, name.catalog);
  if (catalog) {
    const database = catalog.instance.database(catalog.database);
    return database && ask({ instance: catalog.instance, database });
  }
  const askNamed = async (place: DatabasePlace) => {
    const found = await ask(place);
    const isNamed = found?.former.catalog === name.catalog || place.database.name === name.catalog;
    return isNamed ? found : null;
  };
  return firstAnswer(databasesOf(context, caller), askNamed, ({ former }) => former.catalog === name.catalog);
}

/** Like `deleteTableByName`, where a table may also be none that was ever synced: false if nothing of that name was. */
export async function deleteIfSynced(
  context: ApiContext,
  caller: Caller,
  fullName: string,
  purge: boolean,
): Promise<boolean> {
  const name = parseTableName(fullName);
  if ((await lookUpSyncedTable(context, caller, name)) === null) {
    if ((await lookUpFormerTable(context, caller, fullNameOf(name))) === null) return false;
  }
  await deleteTableByName(context, caller, fullName, purge);
  return true;
}
