import { resolve } from 'node:path';
import type { TableName } from '../../core/names.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { openIcebergTable } from '../iceberg/iceberg-table.js';
import { describeMetadata } from '../iceberg/snapshot/iceberg-details.js';
import type { DeclaredTable } from '../lake-table.js';
import type { SpoolLimits } from '../storage/fetch-ahead.js';
import type { FileStore } from '../storage/file-store.js';
import { type FileStoreSettings, hasOwnCredentials, openFileStore } from '../storage/file-stores.js';
import { isStorageUrl, storagePath } from '../storage/storage-url.js';
import { TemporaryCredentials } from '../storage/temporary-credentials.js';
import type { Catalog } from './catalog.js';
import { restBrowser } from './rest-browser.js';
import { type LoadedTable, metadataOf, RestCatalogClient, type RestClientOptions } from './rest-client.js';
import { configFor, credentialsOf, s3SettingsOf } from './rest-storage.js';

export interface RestCatalogOptions {
  readonly client: RestClientOptions;
  readonly allowOutsidePaths: boolean;
  readonly storage: FileStoreSettings;
  readonly spool: SpoolLimits;
  readonly engine: Engine;
}

/** How long what the catalog said when a table was opened is good for its first reader. */
const FRESH_MS = 5_000;

/** Names are those of an Iceberg REST catalog: schemas are its namespaces of one level. */
export function restCatalog(options: RestCatalogOptions): Catalog {
  const client = new RestCatalogClient(options.client);
  return {
    async open(name: TableName) {
      const tableName = `${name.catalog}.${name.schema}.${name.table}`;
      const load = () => client.loadTable(name.schema, name.table, tableName);
      const first = await load();
      const metadata = metadataOf(first, tableName);
      const place = storagePath(metadata.location, tableName);
      const root = isStorageUrl(place) ? place : resolve(place);
      const store = openStore({ ...options, root, tableName, first, load });
      const table = {
        ...options,
        store,
        root,
        tableName,
        load: firstThen(metadata, async () => metadataOf(await load(), tableName)),
      };
      const described = describeMetadata(metadata, tableName);
      const declared: DeclaredTable = {
        primaryKey: described.identifierColumns.length > 0 ? described.identifierColumns : null,
        timeseriesKey: null,
        properties: Object.fromEntries(described.properties),
        columns: described.columns.map((column) => {
          return { name: column.name, type: null, comment: described.comments.get(column.name) ?? null };
        }),
      };
      return { ...openIcebergTable(table), declared };
    },
    async probe(name) {
      // Whoever may list anything has credentials that are accepted.
      await client.listNamespaces({ size: 1, token: null }, `${name}.*.*`);
    },
    browser: (name) => restBrowser({ client, catalog: name }),
  };
}

/** What was just read need not be asked for again. */
function firstThen<Value>(first: Value, read: () => Promise<Value>): () => Promise<Value> {
  const readAt = performance.now();
  let isGiven = false;
  return async () => {
    if (isGiven || performance.now() - readAt > FRESH_MS) return read();
    isGiven = true;
    return first;
  };
}

/** Credentials of the settings come first, then those of the catalog, then what the store's client finds itself. */
function openStore(options: {
  readonly root: string;
  readonly tableName: string;
  readonly first: LoadedTable;
  readonly load: () => Promise<LoadedTable>;
  readonly storage: FileStoreSettings;
  readonly allowOutsidePaths: boolean;
}): FileStore {
  const { root, tableName, first, load, storage } = options;
  const within = options.allowOutsidePaths ? null : { folder: root, tableName };
  if (!isStorageUrl(root)) return openFileStore(root, storage, { within });
  const config = configFor(first, root);
  const settings = { ...storage, s3: s3SettingsOf(config, storage.s3) };
  const issued = credentialsOf(config, root);
  if (issued === null || hasOwnCredentials(root, storage)) return openFileStore(root, settings);
  const request = firstThen(issued, async () => credentialsOf(configFor(await load(), root), root) ?? issued);
  return openFileStore(root, settings, { temporary: new TemporaryCredentials({ request }) });
}
