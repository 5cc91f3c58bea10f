import { syncedTablesError } from '../../core/errors.js';
import { insertCatalog, noteCreatesDatabase, removeCatalog } from '../../postgres/registry/api/catalogs.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { ensureDatabase } from '../places/ensure-database.js';
import { type CatalogPlace, findCatalog } from './catalog-place.js';
import { withReservedName } from './reserved-name.js';
import { checkCatalogName } from './table-name.js';
import { isCatalogTaken } from './taken-name.js';

export interface CatalogRequest {
  readonly name: string;
  readonly instance: ApiInstance;
  readonly database: string;
  /** Whether to create a missing database; null if the request says nothing of it. */
  readonly createsDatabase: boolean | null;
}

/** @throws API_NAME_INVALID, DATABASE_CATALOG_NOT_FOUND */
export async function requireCatalog(context: ApiContext, caller: Caller, name: string): Promise<CatalogPlace> {
  const catalog = await findCatalog(context, caller, checkCatalogName(name));
  if (!catalog) throw syncedTablesError('DATABASE_CATALOG_NOT_FOUND', { catalog: name });
  return catalog;
}

/**
 * Registers a catalog for a database, for callers who may create objects in it; used by both services.
 * @throws API_NAME_INVALID, DATABASE_CATALOG_EXISTS, LOGICAL_DATABASE_NOT_FOUND, ACCESS_DENIED
 */
export async function createCatalog(
  context: ApiContext,
  caller: Caller,
  request: CatalogRequest,
): Promise<CatalogPlace> {
  const { instance } = request;
  const name = checkCatalogName(request.name);
  const place = { instance: instance.name, database: request.database };
  return withReservedName(context, { name: `catalog ${name}`, ...place }, async () => {
    if (await isCatalogTaken(context, name)) throw syncedTablesError('DATABASE_CATALOG_EXISTS', { catalog: name });
    const database = await ensureDatabase(caller, request, request.createsDatabase === true);
    const role = await database.asCaller(caller, async (client) => {
      const { rows } = await client.query<{ name: string; may: boolean }>(
        `select current_user as name, pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as may`,
      );
      const { name: roleName = '', may = false } = rows[0] ?? {};
      if (may) return roleName;
      throw syncedTablesError('ACCESS_DENIED', {
        reason: `role ${roleName} lacks CREATE on database ${database.name}`,
      });
    });
    const catalog = { name, database: database.name, role, createsDatabase: request.createsDatabase };
    const isRegistered = await instance.home.asService((client) => insertCatalog(client, catalog));
    if (!isRegistered) throw syncedTablesError('DATABASE_CATALOG_EXISTS', { catalog: name });
    return requireCatalog(context, caller, name);
  });
}

/**
 * Keeps what a client now says of creating the database, which is all that can change of a catalog.
 * @throws ACCESS_DENIED
 */
export async function changeCatalog(
  context: ApiContext,
  caller: Caller,
  { name, instance, createdBy }: CatalogPlace,
  createsDatabase: boolean | null,
): Promise<CatalogPlace> {
  const role = await instance.home.roleNameOf(caller);
  const isNoted = await instance.home.asService((client) =>
    noteCreatesDatabase(client, { name, role, createsDatabase }),
  );
  if (!isNoted) throw syncedTablesError('ACCESS_DENIED', { reason: `catalog ${name} was created by ${createdBy}` });
  return requireCatalog(context, caller, name);
}

/** Unregisters a catalog; its database and tables stay. @throws ACCESS_DENIED */
export async function deleteCatalog(catalog: CatalogPlace, caller: Caller): Promise<void> {
  const { home } = catalog.instance;
  const role = await home.roleNameOf(caller);
  if (await home.asService((client) => removeCatalog(client, catalog.name, role))) return;
  throw syncedTablesError('ACCESS_DENIED', { reason: `catalog ${catalog.name} was created by ${catalog.createdBy}` });
}
