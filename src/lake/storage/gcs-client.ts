import { Readable } from 'node:stream';
import type { Storage } from '@google-cloud/storage';
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

export interface GcsSettings {
  /** Of an emulator; default: Google's. */
  readonly endpoint?: string | undefined;
  /** Service account's key file; without it the client's own chain (application default credentials). */
  readonly keyFile?: string | undefined;
}

const NEEDED = { packages: '@google-cloud/storage google-auth-library', url: 'gs://' };

/** Google Cloud Storage. */
export class GcsObjectClient implements ObjectClient {
  readonly #settings: GcsSettings;
  readonly #temporary: TemporaryCredentials | null;
  #storage: { readonly token: string | null; readonly storage: Promise<Storage> } | null = null;

  constructor(settings: GcsSettings, temporary: TemporaryCredentials | null) {
    this.#settings = settings;
    this.#temporary = temporary;
  }

  async stat(location: ObjectLocation): Promise<FileStat | null> {
    try {
      const [found] = await (await this.#file(location)).getMetadata();
      return {
        sizeBytes: Number(found.size ?? 0),
        modifiedAtMs: Date.parse(found.updated ?? '') || 0,
        etag: found.generation === undefined ? null : String(found.generation),
      };
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw explainRequestError(error);
    }
  }

  async read(location: ObjectLocation, range: ObjectRange, signal: AbortSignal): Promise<Readable | null> {
    const { offset, length, etag } = range;
    const file = await this.#file(location, etag);
    const stream = file.createReadStream({
      start: offset,
      ...(length === null ? {} : { end: offset + length - 1 }),
      // There is no checksum for part of an object.
      validation: false,
      decompress: false,
    });
    try {
      return await answered(stream, signal);
    } catch (error) {
      stream.destroy();
      const status = statusOf(error);
      if (status === 416) return Readable.from([]);
      // A missing generation was replaced by another, or deleted with the object.
      if (status === 404 && etag !== null) throw new ObjectRequestError('changed', 'HTTP 404', error);
      if (status === 404) return null;
      throw explainRequestError(error);
    }
  }

  async list({ authority, key }: ObjectLocation, options: ListOptions): Promise<ObjectPage> {
    try {
      const storage = await this.#connect();
      const [, , answer] = await storage.bucket(authority).getFiles({
        prefix: key,
        delimiter: '/',
        autoPaginate: false,
        maxResults: options.keysMax,
        ...(options.next === null ? {} : { pageToken: options.next }),
        ...(options.after === null ? {} : { startOffset: options.after }),
      });
      const page = answer as { items?: { name: string }[]; prefixes?: string[]; nextPageToken?: string };
      return {
        files: (page.items ?? []).map(({ name }) => name),
        folders: page.prefixes ?? [],
        next: page.nextPageToken ?? null,
      };
    } catch (error) {
      if (statusOf(error) === 404) throw new ObjectRequestError('noBucket', 'HTTP 404', error);
      throw explainRequestError(error);
    }
  }

  /** The newest generation of an object, or the given one. */
  async #file({ authority, key }: ObjectLocation, generation: string | null = null) {
    const storage = await this.#connect();
    return storage.bucket(authority).file(key, generation === null ? {} : { generation });
  }

  async #connect(): Promise<Storage> {
    const temporary = (await this.#temporary?.get()) ?? null;
    const token = temporary?.gcpToken ?? null;
    if (this.#storage === null || this.#storage.token !== token) {
      this.#storage = { token, storage: this.#open(temporary) };
    }
    return this.#storage.storage;
  }

  async #open(temporary: StoreCredentials | null): Promise<Storage> {
    const sdk = await loadClient(() => import('@google-cloud/storage'), NEEDED);
    const { endpoint, keyFile } = this.#settings;
    const base = {
      // The caller repeats requests, in the same way for all stores.
      retryOptions: { autoRetry: false, maxRetries: 0 },
      // By default the client sends credentials only to Google's own address; emulators need none.
      ...(endpoint === undefined
        ? {}
        : { apiEndpoint: endpoint, useAuthWithCustomEndpoint: temporary !== null || keyFile !== undefined }),
    };
    if (temporary === null) return new sdk.Storage({ ...base, ...(keyFile === undefined ? {} : { keyFile }) });
    const { gcpToken } = temporary;
    if (gcpToken === undefined) throw new ObjectRequestError('denied', 'the catalog gave no credentials for Google');
    const { OAuth2Client } = await loadClient(() => import('google-auth-library'), NEEDED);
    const authClient = new OAuth2Client();
    authClient.setCredentials({ access_token: gcpToken });
    return new sdk.Storage({ ...base, authClient });
  }
}

/** The stream, once the store has answered with an object. */
function answered(stream: Readable, signal: AbortSignal): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      signal.removeEventListener('abort', abort);
      stream.off('error', fail);
      stream.off('readable', begin);
      stream.off('end', begin);
    };
    const begin = () => {
      settle();
      resolve(stream);
    };
    const fail = (error: unknown) => {
      settle();
      // A failed stream may emit further errors.
      stream.on('error', () => {});
      reject(error);
    };
    const abort = () => fail(signal.reason);
    stream.once('error', fail);
    stream.once('readable', begin);
    stream.once('end', begin);
    signal.addEventListener('abort', abort, { once: true });
  });
}
