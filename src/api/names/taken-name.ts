import type { TableName } from '../../core/names.js';
import { isCatalogRegistered } from '../../postgres/registry/api/catalogs.js';
import { isTableRegistered } from '../../postgres/registry/api/registered-tables.js';
import { isSyncedTableNamed } from '../../postgres/registry/api/synced-tables.js';
import type { ApiContext } from '../places/api-context.js';
import { fullNameOf } from './table-name.js';

// Whether a name is taken, regardless of the caller: a name taken by something they cannot see is still not
// available. Names that differ in case only are the same.

/** What already has a three-part name in a standard catalog; null if nothing has. */
export async function findTakenName(context: ApiContext, name: TableName): Promise<'synced' | 'registered' | null> {
  for (const instance of context.instances.all()) {
    for (const database of instance.databases()) {
      const isSynced = await database.asService((client) => isSyncedTableNamed(client, name));
      if (isSynced) return 'synced';
    }
    const isRegistered = await instance.home.asService((client) => isTableRegistered(client, fullNameOf(name)));
    if (isRegistered) return 'registered';
  }
  return null;
}

/** Whether a catalog with that name is registered on any instance or configured in the settings. */
export async function isCatalogTaken(context: ApiContext, name: string): Promise<boolean> {
  const folded = name.toLowerCase();
  if (Object.keys(context.settings.catalogs).some((each) => each.toLowerCase() === folded)) return true;
  for (const instance of context.instances.all()) {
    if (await instance.home.asService((client) => isCatalogRegistered(client, name))) return true;
  }
  return false;
}
