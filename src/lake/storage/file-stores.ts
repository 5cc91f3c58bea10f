import { AzureObjectClient, type AzureSettings } from './azure-client.js';
import type { Confinement } from './confinement.js';
import type { FileStore } from './file-store.js';
import { GcsObjectClient, type GcsSettings } from './gcs-client.js';
import { openLocalFileStore } from './local-file-store.js';
import type { ObjectClient } from './object-client.js';
import { ObjectStore, type Patience, type StoreRetry } from './object-store.js';
import { S3ObjectClient, type S3Settings } from './s3-client.js';
import { parseLocation } from './storage-url.js';
import type { TemporaryCredentials } from './temporary-credentials.js';

export interface FileStoreSettings {
  readonly s3?: S3Settings | undefined;
  readonly azure?: AzureSettings | undefined;
  readonly gcs?: GcsSettings | undefined;
  readonly patience: Patience;
  readonly onRetry?: (retry: StoreRetry) => void;
}

/**
 * Creates the store for a location as `storagePath` returns it. Nothing is connected or loaded before its first
 * request.
 * @param access.temporary credentials that a catalog issued for this location, instead of those of the settings
 * @param access.within for the local disk: where links may lead; anywhere if left out
 */
export function openFileStore(
  path: string,
  settings: FileStoreSettings,
  access: { readonly temporary?: TemporaryCredentials; readonly within?: Confinement | null } = {},
): FileStore {
  const location = parseLocation(path);
  const { patience, onRetry } = settings;
  const { temporary = null, within = null } = access;
  if (!location) return openLocalFileStore({ root: path, timeoutMs: patience.timeoutMs, within });
  const client = openClient(location.scheme, settings, temporary);
  return new ObjectStore({ client, patience, ...(onRetry === undefined ? {} : { onRetry }) });
}

function openClient(scheme: string, settings: FileStoreSettings, temporary: TemporaryCredentials | null): ObjectClient {
  if (scheme === 'gs') return new GcsObjectClient(settings.gcs ?? {}, temporary);
  if (scheme === 'abfss') return new AzureObjectClient(settings.azure ?? {}, temporary);
  const s3 = settings.s3 ?? {};
  // R2 has only one region, and its host is in the URL.
  return new S3ObjectClient(scheme === 'r2' ? { ...s3, region: s3.region ?? 'auto' } : s3, temporary);
}

/** True if the settings hold credentials for this location, so that none need to be requested. */
export function hasOwnCredentials(path: string, settings: FileStoreSettings): boolean {
  const scheme = parseLocation(path)?.scheme;
  if (scheme === 'gs') return settings.gcs?.keyFile !== undefined;
  if (scheme === 'abfss') return settings.azure?.accountKey !== undefined || settings.azure?.sasToken !== undefined;
  return scheme !== undefined && settings.s3?.accessKeyId !== undefined;
}
