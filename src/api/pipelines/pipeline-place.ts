import { syncedTablesError } from '../../core/errors.js';
import { findCatalog } from '../names/catalog-place.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiDatabase } from '../places/api-database.js';
import type { Caller } from '../places/caller.js';
import { databasesOf } from '../places/database-place.js';

/**
 * The database that a pipeline writes to: that of a database catalog, or the one with that name; without a catalog, the
 * home database if there is only one instance.
 * @throws PIPELINE_CATALOG_UNCLEAR
 */
export async function choosePipelineDatabase(
  context: ApiContext,
  caller: Caller,
  pipeline: { readonly name: string; readonly catalog: string | undefined },
): Promise<ApiDatabase> {
  const { name, catalog } = pipeline;
  const unclear = (reason: string) => syncedTablesError('PIPELINE_CATALOG_UNCLEAR', { pipeline: name, reason });
  if (catalog === undefined) {
    const [only, ...others] = context.instances.of(caller);
    if (only && others.length === 0) return only.home;
    throw unclear('no catalog is given, and there is more than one instance');
  }
  const registered = await findCatalog(context, caller, catalog);
  if (registered) {
    const database = registered.instance.database(registered.database);
    if (database) return database;
  }
  const [only, ...others] = databasesOf(context, caller).filter(({ database }) => database.name === catalog);
  if (only && others.length === 0) return only.database;
  throw unclear(only ? `several instances have a database ${catalog}` : `no database belongs to catalog ${catalog}`);
}
