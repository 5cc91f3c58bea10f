import { type CatalogRecord, readCatalog, readCatalogs } from '../../postgres/registry/api/catalogs.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';

/** A registered database catalog, and where it is. */
export interface CatalogPlace extends CatalogRecord {
  readonly instance: ApiInstance;
}

/** The database catalog with that name; null if none of the caller's instances has it. */
export async function findCatalog(context: ApiContext, caller: Caller, name: string): Promise<CatalogPlace | null> {
  for (const instance of context.instances.of(caller)) {
    const found = await instance.home.asService((client) => readCatalog(client, name));
    if (found) return { ...found, instance };
  }
  return null;
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
