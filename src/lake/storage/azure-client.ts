import { Readable } from 'node:stream';
import type { BlobServiceClient } from '@azure/storage-blob';
import type { FileStat } from './file-store.js';
import { loadClient } from './load-client.js';
import {
  explainRequestError,
  type ListOptions,
  type ObjectClient,
  type ObjectLocation,
  type ObjectPage,
  type ObjectRange,
  ObjectRequestError,
  statusOf,
} from './object-client.js';
import type { StoreCredentials, TemporaryCredentials } from './temporary-credentials.js';

export interface AzureSettings {
  /** Address of the account's blob service, for emulators; default: that of the account in the URL. */
  readonly endpoint?: string | undefined;
  readonly accountKey?: string | undefined;
  readonly sasToken?: string | undefined;
}

type Sdk = typeof import('@azure/storage-blob');

/** Each request is made once, because the caller repeats it. */
const ONCE = { retryOptions: { maxTries: 1 } };

/** Azure Data Lake Storage Gen2 and Blob Storage, through the blob service that both offer. */
export class AzureObjectClient implements ObjectClient {
  readonly #settings: AzureSettings;
  readonly #temporary: TemporaryCredentials | null;
  /** By account; a temporary token is part of the key. */
  #services = new Map<string, Promise<BlobServiceClient>>();

  constructor(settings: AzureSettings, temporary: TemporaryCredentials | null) {
    this.#settings = settings;
    this.#temporary = temporary;
  }

  async stat(location: ObjectLocation, signal: AbortSignal): Promise<FileStat | null> {
    try {
      const found = await (await this.#blob(location)).getProperties({ abortSignal: signal });
      return {
        sizeBytes: found.contentLength ?? 0,
        modifiedAtMs: found.lastModified?.getTime() ?? 0,
        etag: found.etag ?? null,
      };
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw explainRequestError(error);
    }
  }

  async read(location: ObjectLocation, range: ObjectRange, signal: AbortSignal): Promise<Readable | null> {
    const answer = new AbortController();
    const abort = () => answer.abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      const found = await (await this.#blob(location)).download(range.offset, range.length ?? undefined, {
        abortSignal: answer.signal,
        maxRetryRequests: 0,
        ...(range.etag === null ? {} : { conditions: { ifMatch: range.etag } }),
      });
      return found.readableStreamBody as Readable;
    } catch (error) {
      const explained = explainRequestError(error);
      if (statusOf(error) === 416) return Readable.from([]);
      if (statusOf(error) === 404 && explained.kind !== 'noBucket') return null;
      throw explained;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async list(location: ObjectLocation, options: ListOptions, signal: AbortSignal): Promise<ObjectPage> {
    const { container } = splitAuthority(location);
    try {
      const service = await this.#connect(location);
      const pages = service
        .getContainerClient(container)
        .listBlobsByHierarchy('/', { prefix: location.key, abortSignal: signal })
        .byPage({
          maxPageSize: options.keysMax,
          ...(options.next === null ? {} : { continuationToken: options.next }),
        });
      const { value: page } = await pages.next();
      if (!page) return { files: [], folders: [], next: null };
      return {
        files: page.segment.blobItems.map(({ name }: { name: string }) => name),
        folders: (page.segment.blobPrefixes ?? []).map(({ name }: { name: string }) => name),
        next: page.continuationToken || null,
      };
    } catch (error) {
      throw explainRequestError(error);
    }
  }

  async #blob(location: ObjectLocation) {
    const service = await this.#connect(location);
    return service.getContainerClient(splitAuthority(location).container).getBlobClient(location.key);
  }

  async #connect(location: ObjectLocation): Promise<BlobServiceClient> {
    const temporary = (await this.#temporary?.get()) ?? null;
    const { account } = splitAuthority(location);
    const key = `${account} ${temporary?.azureSas ?? temporary?.azureToken ?? ''}`;
    const known = this.#services.get(key);
    if (known) return known;
    const made = this.#open(location, temporary);
    // Services with an expired token are useless.
    if (temporary !== null) this.#services = new Map();
    this.#services.set(key, made);
    return made;
  }

  async #open(location: ObjectLocation, temporary: StoreCredentials | null): Promise<BlobServiceClient> {
    const needed = { packages: '@azure/storage-blob @azure/identity', url: `${location.scheme}://` };
    const sdk: Sdk = await loadClient(() => import('@azure/storage-blob'), needed);
    const { account, host } = splitAuthority(location);
    const url = this.#settings.endpoint ?? `https://${host.replace('.dfs.', '.blob.')}`;
    const sas = temporary?.azureSas ?? (temporary === null ? this.#settings.sasToken : undefined);
    if (sas !== undefined) return new sdk.BlobServiceClient(`${url}?${sas.replace(/^\?/, '')}`, undefined, ONCE);
    const { accountKey } = this.#settings;
    if (temporary === null && accountKey !== undefined) {
      return new sdk.BlobServiceClient(url, new sdk.StorageSharedKeyCredential(account, accountKey), ONCE);
    }
    if (temporary !== null) {
      const token = temporary.azureToken;
      if (token === undefined) throw new ObjectRequestError('denied', 'the catalog gave no credentials for Azure');
      const expiresOnTimestamp = temporary.expiresAtMs ?? Number.MAX_SAFE_INTEGER;
      return new sdk.BlobServiceClient(url, { getToken: async () => ({ token, expiresOnTimestamp }) }, ONCE);
    }
    const identity = await loadClient(() => import('@azure/identity'), needed);
    return new sdk.BlobServiceClient(url, new identity.DefaultAzureCredential(), ONCE);
  }
}

/** `container@account.dfs.core.windows.net` */
function splitAuthority({ authority }: ObjectLocation): { container: string; account: string; host: string } {
  const [container = '', host = ''] = authority.split('@');
  return { container, host, account: host.split('.')[0] ?? '' };
}
