import type { TableName } from '../../core/names.js';
import type { ApiContext } from '../places/api-context.js';
import { fullNameOf } from './table-name.js';

// Whether a name is taken, regardless of the caller: a name taken by something they cannot see is still not available.

/** What already has a three-part name in a standard catalog; null if nothing has. */
export async function findTakenName(context: ApiContext, name: TableName): Promise<'synced' | 'registered' | null> {
  for (const instance of context.instances.all()) {
    for (const database of instance.databases()) {
      const { rowCount } = await database.asService((client) =>
        client.query(
          `select from synced_tables._tables t join synced_tables._table_specs s using (table_id)
            where s.catalog_name = $1 and t.schema_name = $2 and t.table_name = $3`,
          [name.catalog, name.schema, name.table],
        ),
      );
      if (rowCount !== 0) return 'synced';
    }
    const { rowCount } = await instance.home.asService((client) =>
      client.query('select from synced_tables._registered_tables where table_full_name = $1', [fullNameOf(name)]),
    );
    if (rowCount !== 0) return 'registered';
  }
  return null;
}

/** Whether a catalog with that name is registered on any instance or configured in the settings. */
export async function isCatalogTaken(context: ApiContext, name: string): Promise<boolean> {
  if (Object.hasOwn(context.settings.catalogs, name)) return true;
  for (const instance of context.instances.all()) {
    const { rowCount } = await instance.home.asService((client) =>
      client.query('select from synced_tables._catalogs where catalog_name = $1', [name]),
    );
    if (rowCount !== 0) return true;
  }
  return false;
}
