import { resolve } from 'node:path';
import { syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import { openDeltaTable } from '../delta/delta-table.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { openIcebergTable } from '../iceberg/iceberg-table.js';
import { isIcebergFolder } from '../iceberg/metadata/locate-metadata.js';
import { metadataReader } from '../iceberg/metadata/read-metadata.js';
import type { SpoolLimits } from '../storage/fetch-ahead.js';
import type { FileStore } from '../storage/file-store.js';
import { type FileStoreSettings, openFileStore } from '../storage/file-stores.js';
import { isStorageUrl, storagePath } from '../storage/storage-url.js';
import type { Catalog } from './catalog.js';
import { foreignFormat } from './foreign-format.js';
import { pathBrowser } from './path-browser.js';

export interface PathCatalogOptions {
  /** Folder, or object store URL of one, that holds one folder per schema with one folder per table in it. */
  readonly root: string;
  readonly allowOutsidePaths: boolean;
  readonly partitionTimeZone: string;
  readonly storage: FileStoreSettings;
  readonly spool: SpoolLimits;
  readonly engine: Engine;
}

/** Names are folders: catalog.schema.table is `<root>/<schema>/<table>`. */
export function pathCatalog(options: PathCatalogOptions): Catalog {
  const { storage } = options;
  let opened: FileStore | null = null;
  const confinement = (root: string, tableName: string) =>
    options.allowOutsidePaths ? null : { folder: root, tableName };
  const openRoot = (wantedFor: string) => {
    const place = storagePath(options.root, wantedFor);
    const root = isStorageUrl(place) ? place : resolve(place);
    opened ??= openFileStore(root, storage, { within: confinement(root, wantedFor) });
    return { root, store: opened };
  };
  return {
    async open(name: TableName) {
      const fullName = `${name.catalog}.${name.schema}.${name.table}`;
      const { root, store: shared } = openRoot(fullName);
      const folder = `${root === '/' ? '' : root}/${name.schema}/${name.table}`;
      // Each on its own: where the disk of one table hangs, that of another may not.
      const store = isStorageUrl(root)
        ? shared
        : openFileStore(folder, storage, { within: confinement(root, fullName) });
      if (!(await store.hasFolder(`${folder}/_delta_log`))) {
        if (await isIcebergFolder(store, folder)) {
          const load = metadataReader(folder, { store, tableName: fullName });
          const table = { ...options, store, root: folder, tableName: fullName };
          return openIcebergTable({ ...table, load, commitsByFile: true });
        }
        const isThere = await store.hasFolder(folder);
        const format = isThere ? await foreignFormat(store, folder) : null;
        if (format !== null) throw syncedTablesError('SOURCE_FORMAT_UNSUPPORTED', { table: fullName, format });
        const reason = isThere
          ? `${folder} holds neither _delta_log nor metadata of an Iceberg table`
          : `there is no folder ${folder}`;
        throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table: fullName, reason });
      }
      return openDeltaTable({ ...options, store, root: folder, tableName: fullName });
    },
    async probe(name) {
      const { root, store } = openRoot(`${name}.*.*`);
      if (!(await store.hasFolder(root))) throw syncedTablesError('CATALOG_ROOT_MISSING', { root, catalog: name });
      // A folder that exists may still be unreadable.
      if (!isStorageUrl(root)) await store.list(root);
    },
    browser: (name) => pathBrowser({ ...options, catalog: name, openRoot: () => openRoot(`${name}.*.*`) }),
  };
}
