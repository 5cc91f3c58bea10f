import { syncedTablesError } from '../../core/errors.js';
import { findCatalog } from '../names/catalog-place.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { databasesOf } from '../places/database-place.js';
import type { CreateRequest } from './create-request.js';

/** Where a synced table is to be created. */
export interface Place {
  readonly instance: ApiInstance;
  readonly database: string;
  /** Whether the name's catalog is a standard one: then the name has to be stored. */
  readonly isStandard: boolean;
}

/**
 * The database that the name and the request lead to (docs/reference/databricks-api.md#synced-tables).
 * @throws CATALOG_PLACE_MISSING, CATALOG_PLACE_DIFFERS
 */
export async function choosePlace(context: ApiContext, caller: Caller, request: CreateRequest): Promise<Place> {
  const { name, instance, database } = request;
  const catalog = await findCatalog(context, caller, name.catalog);
  if (catalog) {
    checkSame(name.catalog, 'instance', catalog.instance.name, instance?.name);
    checkSame(name.catalog, 'database', catalog.database, database);
    return { instance: catalog.instance, database: catalog.database, isStandard: false };
  }
  if (request.catalogMayBeDatabase && database === undefined) {
    const found = databasesOf(context, caller).filter((place) => place.database.name === name.catalog);
    const wanted = instance === undefined ? found : found.filter((place) => place.instance === instance);
    const [only] = wanted;
    if (only && wanted.length === 1) return { instance: only.instance, database: name.catalog, isStandard: false };
  }
  const missing = [
    ...(instance === undefined ? ['database_instance_name'] : []),
    ...(database === undefined ? ['logical_database_name'] : []),
  ];
  if (instance === undefined || database === undefined) {
    throw syncedTablesError('CATALOG_PLACE_MISSING', { catalog: name.catalog, field: missing.join(' and ') });
  }
  return { instance, database, isStandard: true };
}

function checkSame(catalog: string, what: string, found: string, wanted: string | undefined): void {
  if (wanted === undefined || wanted === found) return;
  throw syncedTablesError('CATALOG_PLACE_DIFFERS', { catalog, what, found, wanted });
}
