import { resolve } from 'node:path';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import { openDeltaTable } from '../delta/delta-table.js';
import { canonicalRoot } from '../delta/log/log-path.js';
import { type RatifiedLog, ratifiedLog } from '../delta/log/ratified-log.js';
import type { Engine } from '../engine/duckdb-engine.js';
import type { DeclaredTable, LakeTable } from '../lake-table.js';
import type { SpoolLimits } from '../storage/fetch-ahead.js';
import type { FileStore } from '../storage/file-store.js';
import { type FileStoreSettings, hasOwnCredentials, openFileStore } from '../storage/file-stores.js';
import { isStorageUrl, storagePath } from '../storage/storage-url.js';
import { TemporaryCredentials } from '../storage/temporary-credentials.js';
import type { Catalog } from './catalog.js';
import { unityBrowser } from './unity-browser.js';
import { UnityClient, type UnityClientOptions, type UnityTable } from './unity-client.js';
import { unityIceberg } from './unity-iceberg.js';
import { openNestedView, resolveName } from './view-catalog.js';

export interface UnityCatalogOptions {
  readonly client: UnityClientOptions;
  /** Name of the catalog on the server, if it differs from the one in the settings. */
  readonly remoteName?: string | undefined;
  readonly allowOutsidePaths: boolean;
  readonly partitionTimeZone: string;
  readonly storage: FileStoreSettings;
  readonly spool: SpoolLimits;
  readonly engine: Engine;
  /** Opens a table of any catalog by its full name: what views read. */
  readonly openTable: (fullName: string) => Promise<LakeTable>;
}

/** Types of tables whose rows are the files in their own location. */
const FILE_TABLES: ReadonlySet<string> = new Set([
  'MANAGED',
  'EXTERNAL',
  'STREAMING_TABLE',
  'MANAGED_SHALLOW_CLONE',
  'EXTERNAL_SHALLOW_CLONE',
]);

/** A name that no schema and no table has. */
const NOWHERE = 'synced_tables_doctor';

/** Stores with separate credentials, one per table: more than a sidecar follows. */
const STORES_KEPT = 1_000;

/** Names are those of a Unity Catalog server, Databricks' own or the open-source one. */
export function unityCatalog(options: UnityCatalogOptions): Catalog {
  const client = new UnityClient(options.client);
  const stores = new Map<string, FileStore>();
  // Its client asks for nothing before a table is opened.
  const icebergOf = (remoteName: string) => unityIceberg(options, remoteName);
  let iceberg: ReturnType<typeof icebergOf> | null = null;
  return {
    async open(name: TableName) {
      const sourceName = `${name.catalog}.${name.schema}.${name.table}`;
      const remote = `${options.remoteName ?? name.catalog}.${name.schema}.${name.table}`;
      const table = await client.getTable(remote, sourceName);
      if (table.table_type === 'VIEW' && table.view_definition) {
        return openServerView({ ...options, name, sourceName, table, sql: table.view_definition });
      }
      if (table.data_source_format === 'ICEBERG') {
        iceberg ??= icebergOf(options.remoteName ?? name.catalog);
        const opened = await iceberg(name);
        if (opened !== null) return { ...opened, declared: declaredTable(table) };
      }
      const location = requireDelta(table, sourceName);
      const path = storagePath(location, sourceName);
      const root = canonicalRoot(isStorageUrl(path) ? path : resolve(path));
      const key = `${table.table_id ?? ''} ${root}`;
      const store = stores.get(key) ?? (await openStore(client, { ...options, root, table, sourceName }));
      stores.set(key, store);
      for (const [oldest] of stores) if (stores.size > STORES_KEPT) stores.delete(oldest);
      const place = { ...name, catalog: options.remoteName ?? name.catalog };
      const ratified = isCatalogManaged(table)
        ? ratifiedLogOf(client, { store, root, table, place, sourceName })
        : null;
      const delta = { ...options, root, tableName: sourceName };
      const opened = openDeltaTable(ratified ? { ...delta, store: ratified.store, ratified } : { ...delta, store });
      return { ...opened, declared: declaredTable(table) };
    },
    async probe(name) {
      // A table that does not exist: a server that says so accepts our credentials.
      const table = `${options.remoteName ?? name}.${NOWHERE}.${NOWHERE}`;
      await client.getTable(table, `${name}.*.*`).catch((error: unknown) => {
        if (asSyncedTablesError(error)?.code !== 'SOURCE_TABLE_NOT_FOUND') throw error;
      });
    },
    browser: (name) => unityBrowser({ client, catalog: name, remoteName: options.remoteName ?? name }),
  };
}

/**
 * A view of the server, run by our engine over the tables below, which are read with the rights of the catalog's token.
 * @throws VIEW_INVALID if its SQL is not what our engine knows, too
 */
function openServerView(
  options: UnityCatalogOptions & {
    readonly name: TableName;
    readonly sourceName: string;
    readonly table: UnityTable;
    readonly sql: string;
  },
): Promise<LakeTable> {
  const { engine, openTable, name, sourceName, table, sql, remoteName = name.catalog } = options;
  const resolve = (parts: readonly string[]) => {
    const [catalog = '', ...rest] = parts;
    // Its own catalog may have another name here.
    const ours = parts.length === 3 && catalog.toLowerCase() === remoteName.toLowerCase();
    return resolveName(ours ? rest : parts, name);
  };
  return openNestedView({ name: sourceName, sql, resolve, engine, openTable, declared: declaredTable(table) });
}

/** @throws SOURCE_FORMAT_UNSUPPORTED, SOURCE_TABLE_NOT_FOUND */
function requireDelta(table: UnityTable, sourceName: string): string {
  const type = table.table_type ?? 'EXTERNAL';
  const format = table.data_source_format ?? 'UNKNOWN';
  if (!FILE_TABLES.has(type)) {
    const words = table.data_source_format ? `${type} over ${format}` : type;
    throw syncedTablesError('SOURCE_FORMAT_UNSUPPORTED', { table: sourceName, format: words });
  }
  if (format !== 'DELTA') throw syncedTablesError('SOURCE_FORMAT_UNSUPPORTED', { table: sourceName, format });
  if (table.storage_location) return table.storage_location;
  const reason = 'the catalog server names no storage location for it';
  throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table: sourceName, reason });
}

/** Whether the catalog decides which commits of the table count (protocol: "Catalog-managed tables"). */
function isCatalogManaged({ properties }: UnityTable): boolean {
  return properties?.['delta.feature.catalogManaged'] === 'supported';
}

/** @throws CATALOG_ANSWER_INVALID */
function ratifiedLogOf(
  client: UnityClient,
  opened: {
    readonly store: FileStore;
    readonly root: string;
    readonly table: UnityTable;
    readonly place: TableName;
    readonly sourceName: string;
  },
): RatifiedLog {
  const { store, root, table, place, sourceName } = opened;
  const tableId = table.table_id;
  if (!tableId) {
    const reason = 'it has no table_id';
    throw syncedTablesError('CATALOG_ANSWER_INVALID', { catalog: place.catalog, table: sourceName, reason });
  }
  return ratifiedLog({ store, root, ask: () => client.ratifiedCommits(place, tableId, sourceName) });
}

/** Credentials of the settings come first, then those of the catalog, then what the store's client finds itself. */
async function openStore(
  client: UnityClient,
  options: {
    readonly root: string;
    readonly table: UnityTable;
    readonly sourceName: string;
    readonly storage: FileStoreSettings;
    readonly allowOutsidePaths: boolean;
  },
): Promise<FileStore> {
  const { root, table, sourceName, storage } = options;
  const tableId = table.table_id;
  const within = options.allowOutsidePaths ? null : { folder: root, tableName: sourceName };
  if (!isStorageUrl(root) || !tableId || hasOwnCredentials(root, storage)) {
    return openFileStore(root, storage, { within });
  }
  const first = await client.temporaryCredentials(tableId, sourceName);
  if (first === null) return openFileStore(root, storage);
  let given: typeof first | null = first;
  const request = async () => {
    const found = given ?? (await client.temporaryCredentials(tableId, sourceName)) ?? first;
    given = null;
    return found;
  };
  return openFileStore(root, storage, { temporary: new TemporaryCredentials({ request }) });
}

function declaredTable(table: UnityTable): DeclaredTable {
  const key = table.table_constraints?.find((constraint) => constraint.primary_key_constraint)?.primary_key_constraint;
  const times = key?.timeseries_columns ?? [];
  return {
    // A time series column is part of the constraint, but not of what identifies a row.
    primaryKey: key ? key.child_columns.filter((name) => !times.includes(name)) : null,
    timeseriesKey: times[0] ?? null,
    properties: table.properties ?? {},
    columns: (table.columns ?? []).map(({ name, type_text: type, comment }) => ({
      name,
      type: type ?? null,
      comment: comment ?? null,
    })),
  };
}
