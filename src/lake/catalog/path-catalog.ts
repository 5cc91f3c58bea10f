import { join, resolve } from 'node:path';
import { syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import { openDeltaTable } from '../delta/delta-table.js';
import type { Engine } from '../engine/duckdb-engine.js';
import type { FileStore } from '../storage/file-store.js';
import type { Catalog } from './catalog.js';

export interface PathCatalogOptions {
  /** Folder that holds one folder a schema, with one folder a table in it. */
  readonly root: string;
  readonly allowOutsidePaths: boolean;
  readonly partitionTimeZone: string;
  readonly store: FileStore;
  readonly engine: Engine;
}

/** Names are folders: catalog.schema.table is `<root>/<schema>/<table>`. */
export function pathCatalog(options: PathCatalogOptions): Catalog {
  const root = resolve(options.root);
  return {
    async open(name: TableName) {
      const fullName = `${name.catalog}.${name.schema}.${name.table}`;
      const folder = join(root, name.schema, name.table);
      const entries = await options.store.list(folder);
      if (!entries?.some((entry) => entry.name === '_delta_log' && entry.isFolder)) {
        const reason = entries ? `${folder} holds no _delta_log` : `there is no folder ${folder}`;
        throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table: fullName, reason });
      }
      return openDeltaTable({ ...options, root: folder, tableName: fullName });
    },
  };
}
