import { resolve } from 'node:path';
import { syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import type { Engine } from '../engine/duckdb-engine.js';
import type { FilesDefinition } from '../files/files-options.js';
import { openFilesTable } from '../files/files-table.js';
import type { LakeTable } from '../lake-table.js';
import type { SpoolLimits } from '../storage/fetch-ahead.js';
import type { FileStore } from '../storage/file-store.js';
import { type FileStoreSettings, openFileStore } from '../storage/file-stores.js';
import { isStorageUrl, storagePath } from '../storage/storage-url.js';
import type { Catalog } from './catalog.js';
import { listedBrowser } from './listed-browser.js';

export interface ListedFiles extends FilesDefinition {
  readonly primaryKey: readonly string[] | null;
  readonly comment: string | null;
}

export interface FilesCatalogOptions {
  /** Name of the catalog in the settings. */
  readonly catalog: string;
  /** Folder, or object store URL of one, below which the files are. */
  readonly root: string;
  /** By `schema.table`. */
  readonly tables: ReadonlyMap<string, ListedFiles>;
  readonly allowOutsidePaths: boolean;
  readonly partitionTimeZone: string;
  readonly storage: FileStoreSettings;
  readonly spool: SpoolLimits;
  readonly engine: Engine;
}

/** Names are those of the settings, each of some files. */
export function filesCatalog(options: FilesCatalogOptions): Catalog {
  const { catalog, tables, storage } = options;
  let opened: FileStore | null = null;
  const openRoot = (tableName: string) => {
    const place = storagePath(options.root, tableName);
    const root = isStorageUrl(place) ? place.replace(/\/+$/, '') : resolve(place);
    const within = options.allowOutsidePaths ? null : { folder: root, tableName };
    opened ??= openFileStore(root, storage, { within });
    return { root, store: opened };
  };
  const open = (schema: string, table: string): LakeTable => {
    const tableName = `${catalog}.${schema}.${table}`;
    const definition = tables.get(`${schema}.${table}`);
    if (definition === undefined) {
      const reason = 'its catalog names no files for it';
      throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table: tableName, reason });
    }
    const { primaryKey } = definition;
    const declared = { primaryKey, timeseriesKey: null, properties: {}, columns: [] };
    return openFilesTable({ ...options, ...definition, ...openRoot(tableName), tableName, declared });
  };
  const listed = new Map(
    [...tables].map(([name, { format, path, primaryKey, comment }]) => {
      const location = `${options.root.replace(/\/+$/, '')}/${path}`;
      return [name, { type: 'EXTERNAL', format: format.toUpperCase(), location, comment, primaryKey }] as const;
    }),
  );
  return {
    open: async ({ schema, table }: TableName) => open(schema, table),
    async probe(name) {
      const { root, store } = openRoot(`${name}.*.*`);
      if (!(await store.hasFolder(root))) throw syncedTablesError('CATALOG_ROOT_MISSING', { root, catalog: name });
    },
    browser: () => listedBrowser(listed, async (schema, table) => open(schema, table).describe()),
  };
}
