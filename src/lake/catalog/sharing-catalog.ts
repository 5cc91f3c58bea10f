import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import { openDeltaTable } from '../delta/delta-table.js';
import { canonicalRoot } from '../delta/log/log-path.js';
import type { Engine } from '../engine/duckdb-engine.js';
import type { LakeTable } from '../lake-table.js';
import type { SharedAnswer } from '../sharing/shared-answer.js';
import { openSharedTable } from '../sharing/shared-table.js';
import type { SpoolLimits } from '../storage/fetch-ahead.js';
import type { FileStore } from '../storage/file-store.js';
import { type FileStoreSettings, hasOwnCredentials, openFileStore } from '../storage/file-stores.js';
import { isStorageUrl, storagePath } from '../storage/storage-url.js';
import { TemporaryCredentials } from '../storage/temporary-credentials.js';
import type { Catalog } from './catalog.js';
import { sharingBrowser } from './sharing-browser.js';
import { SharingClient, type SharingClientOptions, type SharingTableClient } from './sharing-client.js';

export interface SharingCatalogOptions {
  readonly client: SharingClientOptions;
  readonly allowOutsidePaths: boolean;
  readonly partitionTimeZone: string;
  readonly storage: FileStoreSettings;
  readonly spool: SpoolLimits;
  readonly engine: Engine;
}

/** Stores with separate credentials, one per table: more than a sidecar follows. */
const STORES_KEPT = 1_000;

/** Answers of a server that has no credentials to give. */
const REFUSALS: ReadonlySet<string> = new Set([
  'SHARING_REQUEST_REFUSED',
  'SHARED_PLACE_REFUSED',
  'CATALOG_ACCESS_DENIED',
]);

/** Names are those of one share of a Delta Sharing server. */
export function sharingCatalog(options: SharingCatalogOptions): Catalog {
  const client = new SharingClient(options.client);
  const stores = new Map<string, FileStore>();
  const open = async (name: TableName): Promise<LakeTable> => {
    const tableName = `${name.catalog}.${name.schema}.${name.table}`;
    const api = client.table(name.schema, name.table, tableName);
    const answer = await api.metadata();
    const root = directoryOf(answer, tableName);
    if (root !== null) {
      const key = `${tableName} ${root}`;
      const store = stores.get(key) ?? (await openDirectory({ ...options, api, answer, root, tableName }));
      if (store !== null) {
        stores.set(key, store);
        for (const [oldest] of stores) if (stores.size > STORES_KEPT) stores.delete(oldest);
        return openDeltaTable({ ...options, store, root, tableName });
      }
    }
    const { share, catalog } = options.client;
    const { engine, partitionTimeZone, spool, storage } = options;
    return openSharedTable({
      api,
      engine,
      root: canonicalRoot(['delta-sharing:/', share, name.schema, name.table].join('/')),
      tableName,
      catalog,
      partitionTimeZone,
      spool,
      patience: storage.patience,
      onRetry: storage.onRetry,
    });
  };
  return {
    open,
    async probe(name) {
      await client.listSchemas({ size: 1, token: null }, `${name}.*.*`);
    },
    browser: (name) => sharingBrowser({ client, catalog: name }),
  };
}

/**
 * The place of a table that is to be read there; null if the server gives its files one by one, or must: it knows the
 * commits that a catalog has ratified, and files elsewhere would need other credentials.
 * @throws STORAGE_URL_INVALID
 */
function directoryOf({ place, protocols }: SharedAnswer, tableName: string): string | null {
  const { accessModes, location, auxiliaryLocations } = place;
  if (location === null || !accessModes.includes('dir')) return null;
  const isManaged = protocols.some(({ action }) => action.readerFeatures?.includes('catalogManaged'));
  if ((isManaged || auxiliaryLocations.length > 0) && accessModes.includes('url')) return null;
  return canonicalRoot(storagePath(location, tableName));
}

/**
 * The store of a table in its place. Whoever runs the server says where that is, so only what the server gives credentials
 * for is read, or what the settings of this catalog have keys for: never the disk, and never what is only ours.
 * @returns null if the server refuses, and gives the files one by one instead
 * @throws SHARED_PLACE_REFUSED, SHARING_REQUEST_REFUSED
 */
async function openDirectory(
  options: SharingCatalogOptions & {
    readonly api: SharingTableClient;
    readonly answer: SharedAnswer;
    readonly root: string;
    readonly tableName: string;
  },
): Promise<FileStore | null> {
  const { api, answer, root, tableName, storage } = options;
  const isUrlPossible = answer.place.accessModes.includes('url');
  const refuse = (reason: string) => syncedTablesError('SHARED_PLACE_REFUSED', { table: tableName, root, reason });
  if (!isStorageUrl(root)) {
    if (isUrlPossible) return null;
    throw refuse('it is not in an object store');
  }
  if (hasOwnCredentials(root, storage)) return openFileStore(root, storage);
  const ask = async () => {
    const found = await api.credentials();
    if (found === null) throw refuse('the server gives no credentials that its store takes');
    return found;
  };
  let given: Awaited<ReturnType<typeof ask>> | null = await ask().catch((error: unknown) => {
    if (isUrlPossible && REFUSALS.has(asSyncedTablesError(error)?.code ?? '')) return null;
    throw error;
  });
  if (given === null) return null;
  const request = async () => {
    const found = given ?? (await ask());
    given = null;
    return found;
  };
  return openFileStore(root, storage, { temporary: new TemporaryCredentials({ request }) });
}
