import { findCatalog } from '../../names/catalog-place.js';
import { parseTableName, sqlNameOf } from '../../names/table-name.js';
import type { ApiContext } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { type DatabasePlace, databasesOf } from '../../places/database-place.js';
import { lookUpSyncedTable } from '../../synced-tables/synced-table-place.js';

interface EventPlaces {
  readonly places: readonly DatabasePlace[];
  /** The table that is asked for, as the SQL functions take it; null for any. */
  readonly syncedTable: string | null;
}

/**
 * The databases that may have the events that are asked for. A table may be gone: then its catalog says where it was, or
 * it is looked for everywhere.
 * @throws API_NAME_INVALID, API_INSTANCE_NOT_FOUND
 */
export async function placesOfEvents(
  context: ApiContext,
  caller: Caller,
  query: {
    readonly instance?: string | undefined;
    readonly database?: string | undefined;
    readonly table?: string | undefined;
  },
): Promise<EventPlaces> {
  const { instance, database, table } = query;
  if (instance) context.instances.find(caller, instance);
  const places = databasesOf(context, caller).filter(
    (place) => (!instance || place.instance.name === instance) && (!database || place.database.name === database),
  );
  if (!table) return { places, syncedTable: null };
  const name = parseTableName(table);
  const placed = await lookUpSyncedTable(context, caller, name);
  const registered = placed === null ? await findCatalog(context, caller, name.catalog) : null;
  const isThere = (place: DatabasePlace): boolean => {
    if (placed) return place.database === placed.database;
    if (registered) return place.instance === registered.instance && place.database.name === registered.database;
    return place.database.name === name.catalog;
  };
  const found = places.filter(isThere);
  const isKnown = placed !== null || registered !== null || found.length > 0;
  return { places: isKnown ? found : places, syncedTable: sqlNameOf(name) };
}
