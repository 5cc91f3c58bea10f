import { asSyncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import type { LakeTable } from '../lake-table.js';
import type { Catalog } from './catalog.js';
import { type RestCatalogOptions, restCatalog } from './rest-catalog.js';
import { type UnityClientOptions, withoutApiPath } from './unity-client.js';

/** Where a Unity Catalog server has its Iceberg REST catalog: Databricks' own, and the open-source one. */
const PATHS = ['/api/2.1/unity-catalog/iceberg-rest', '/api/2.1/unity-catalog/iceberg'];

/**
 * Opens Iceberg tables of a Unity Catalog server, which gives their metadata and credentials by another API than the rest.
 * @param remoteName of the catalog on the server
 * @returns null for a server that has none of it
 */
export function unityIceberg(
  options: Omit<RestCatalogOptions, 'client'> & { readonly client: UnityClientOptions },
  remoteName: string,
): (name: TableName) => Promise<LakeTable | null> {
  const catalogs = PATHS.map((path) => {
    const client = { ...options.client, uri: withoutApiPath(options.client.uri) + path, warehouse: remoteName };
    return restCatalog({ ...options, client });
  });
  let known: Catalog | null = null;
  return async (name) => {
    for (const catalog of known === null ? catalogs : [known]) {
      try {
        const table = await catalog.open(name);
        known = catalog;
        return table;
      } catch (error) {
        // What a server says that has no such API.
        if (known !== null || asSyncedTablesError(error)?.code !== 'CATALOG_ANSWER_INVALID') throw error;
      }
    }
    return null;
  };
}
