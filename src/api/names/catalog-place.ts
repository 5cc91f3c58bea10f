import { type CatalogRecord, readCatalog, readCatalogs } from '../../postgres/registry/api/catalogs.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import { firstAnswer, isUnreachable } from '../places/ask-databases.js';
import type { Caller } from '../places/caller.js';

/** A registered database catalog, and where it is. */
export interface CatalogPlace extends CatalogRecord {
  readonly instance: ApiInstance;
}

/**
 * The database catalog with that name; null if none of the caller's instances has it.
 * @throws what an instance that is down said, if no other has it: that one might
 */
export async function findCatalog(context: ApiContext, caller: Caller, name: string): Promise<CatalogPlace | null> {
  const homes = context.instances.of(caller).map((instance) => ({ instance, database: instance.home }));
  return firstAnswer(homes, async ({ instance, database }) => {
    const found = await database.asService((client) => readCatalog(client, name));
    return found && { ...found, instance };
  });
}

/** Like `findCatalog`, to look for a table: one of an instance that is down is not found, as its tables are not. */
export async function findReachableCatalog(
  context: ApiContext,
  caller: Caller,
  name: string,
): Promise<CatalogPlace | null> {
  try {
    return await findCatalog(context, caller, name);
  } catch (error) {
    if (isUnreachable(error)) return null;
    throw error;
  }
}

/** The database catalogs of an instance, by name. */
export async function listCatalogs(instance: ApiInstance): Promise<CatalogPlace[]> {
  const catalogs = await instance.home.asService(readCatalogs);
  return catalogs.map((catalog) => ({ ...catalog, instance }));
}

/** The catalog that lists show for objects without one: the first registered for the database, else its name. */
export async function catalogOfDatabase(instance: ApiInstance, database: string): Promise<string> {
  return (await listCatalogs(instance)).find((catalog) => catalog.database === database)?.name ?? database;
}
