import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { syncedTablesError } from '../../core/errors.js';
import type { FileStat, FileStore } from '../storage/file-store.js';
import {
  explainRequestError,
  type ObjectClient,
  type ObjectLocation,
  type ObjectPage,
  type ObjectRange,
  ObjectRequestError,
} from '../storage/object-client.js';
import { ObjectStore, type Patience, type StoreRetry } from '../storage/object-store.js';

/** Where a file can be read for a while. Whoever has the address may read it: it is in no message and in no log. */
export interface SharedUrl {
  readonly url: string;
  /** Milliseconds since 1970; null if the server does not say. */
  readonly expiresAtMs: number | null;
}

/** By the names that the files have here. */
export type SharedUrls = ReadonlyMap<string, SharedUrl>;

export interface SharedFilesOptions {
  readonly urls: SharedUrls;
  /** Asks for new addresses; some may be missing in the answer. */
  readonly renew: () => Promise<SharedUrls>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A new address is asked for this long before the old one ends: a file that is being fetched has time to arrive. */
const RENEW_BEFORE_MS = 60_000;

/** The files of one answer of a sharing server, with addresses that are renewed before and when they end. */
export class SharedFiles {
  readonly #renew: () => Promise<SharedUrls>;
  readonly #now: () => number;
  readonly #urls = new Map<string, SharedUrl & { readonly renewAtMs: number }>();
  /** Whether there will be no other addresses than these. */
  #areLast = false;
  /** One request for all waiting readers. */
  #pending: Promise<void> | null = null;

  constructor({ urls, renew, now = Date.now }: SharedFilesOptions) {
    this.#renew = renew;
    this.#now = now;
    this.#take(urls);
  }

  /** Null for a file that the answer did not name. */
  async url(name: string): Promise<string | null> {
    const known = this.#urls.get(name);
    if (known === undefined) return null;
    const isGood = () => known.expiresAtMs === null || this.#now() < known.expiresAtMs;
    if (this.#now() < known.renewAtMs || (this.#areLast && isGood())) return known.url;
    try {
      await this.#ask();
    } catch (error) {
      // What is there may do until the end.
      if (!isGood()) throw error;
      this.#areLast = true;
    }
    return this.#urls.get(name)?.url ?? null;
  }

  /** Another address than one that was refused; null if there is none. */
  async renewed(name: string, refused: string): Promise<string | null> {
    if (this.#urls.get(name)?.url === refused) await this.#ask();
    const url = this.#urls.get(name)?.url ?? null;
    return url === refused ? null : url;
  }

  #ask(): Promise<void> {
    this.#pending ??= this.#renew()
      .then((urls) => this.#take(urls))
      .finally(() => {
        this.#pending = null;
      });
    return this.#pending;
  }

  /** Old addresses stay where the answer has no new one: they may still be good. */
  #take(urls: SharedUrls): void {
    const now = this.#now();
    for (const [name, found] of urls) {
      const { expiresAtMs } = found;
      // Short-lived ones are used for half their time.
      const renewAtMs =
        expiresAtMs === null
          ? Number.POSITIVE_INFINITY
          : Math.max(expiresAtMs - RENEW_BEFORE_MS, now + (expiresAtMs - now) / 2);
      this.#urls.set(name, { ...found, renewAtMs });
    }
  }
}

export interface SharedStoreOptions {
  readonly files: SharedFiles;
  /** What the names of files are below. */
  readonly root: string;
  readonly patience: Patience;
  readonly onRetry?: ((retry: StoreRetry) => void) | undefined;
  readonly fetch?: typeof fetch | undefined;
}

/** The files of an answer as a store: each is read by its address, in messages it has its name. */
export function sharedFileStore({
  files,
  root,
  patience,
  onRetry,
  fetch: request = fetch,
}: SharedStoreOptions): FileStore {
  return new ObjectStore({
    client: new SharedObjectClient(files, request),
    patience,
    ...(onRetry === undefined ? {} : { onRetry }),
    locate: (path) => ({ scheme: 'shared', authority: '', key: path.slice(root.length + 1) }),
  });
}

/**
 * Stores answer so to an address whose time is over: S3 and Azure with 403, Google's with 400; some that forget it, with
 * 401 or 410.
 */
const OVER: ReadonlySet<number> = new Set([400, 401, 403, 410]);
const RANGE_NOT_THERE = 416;

class SharedObjectClient implements ObjectClient {
  readonly #files: SharedFiles;
  readonly #request: typeof fetch;

  constructor(files: SharedFiles, request: typeof fetch) {
    this.#files = files;
    this.#request = request;
  }

  /** By the first byte: an address is signed for one method, and that is GET. */
  async stat({ key }: ObjectLocation, signal: AbortSignal): Promise<FileStat | null> {
    const response = await this.#get(key, 'bytes=0-0', signal);
    if (response === null) return null;
    // A byte that is read leaves the connection open for the next request.
    if (response.status === 206) await response.arrayBuffer();
    else await response.body?.cancel();
    const etag = response.headers.get('etag');
    const modifiedAtMs = Date.parse(response.headers.get('last-modified') ?? '') || 0;
    if (response.status === RANGE_NOT_THERE) return { sizeBytes: 0, modifiedAtMs, etag };
    const [, total] = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? [];
    const length = total ?? (response.status === 200 ? response.headers.get('content-length') : null);
    if (length === null) throw new ObjectRequestError('refused', 'the answer does not say how long the file is');
    return { sizeBytes: Number(length), modifiedAtMs, etag };
  }

  async read({ key }: ObjectLocation, range: ObjectRange, signal: AbortSignal): Promise<Readable | null> {
    const { offset, length, etag } = range;
    const response = await this.#get(key, `bytes=${offset}-${length === null ? '' : offset + length - 1}`, signal);
    if (response === null) return null;
    if (response.status === RANGE_NOT_THERE || response.body === null) {
      await response.body?.cancel();
      return Readable.from([]);
    }
    const found = response.headers.get('etag');
    const isOther = etag !== null && found !== null && found !== etag;
    if (isOther || !isRange(response, range)) {
      await response.body.cancel();
      if (isOther) throw new ObjectRequestError('changed', 'another file is there now');
      throw new ObjectRequestError('refused', 'the answer is not the part of the file that was asked for');
    }
    return Readable.fromWeb(response.body as ReadableStream);
  }

  async list(): Promise<ObjectPage> {
    return { files: [], folders: [], next: null };
  }

  /** Asks with a new address if the store refuses the one that is known. Null if there is no such file. */
  async #get(name: string, range: string, signal: AbortSignal): Promise<Response | null> {
    const url = await this.#files.url(name);
    if (url === null) return null;
    const first = await this.#send(url, range, signal);
    if (!OVER.has(first.status)) return judged(first);
    const other = await this.#files.renewed(name, url);
    if (other === null) return judged(first);
    await first.body?.cancel();
    return judged(await this.#send(other, range, signal));
  }

  async #send(url: string, range: string, signal: AbortSignal): Promise<Response> {
    try {
      return await this.#request(url, { headers: { range, 'accept-encoding': 'identity' }, signal });
    } catch (error) {
      // What the error says, and what it holds, may include the address.
      const { kind, message } = explainRequestError(error);
      throw new ObjectRequestError(kind, message);
    }
  }
}

function judged(response: Response): Response | null {
  const { status, ok } = response;
  if (ok || status === RANGE_NOT_THERE) return response;
  response.body?.cancel().catch(() => {}); // nobody reads it, and the status says all
  if (status === 404) return null;
  throw explainRequestError({ statusCode: status });
}

/** A store may answer with the whole file, which is right only if that was asked for. */
function isRange({ status, headers }: Response, { offset, length }: ObjectRange): boolean {
  if (status !== 206) return offset === 0 && (length === null || Number(headers.get('content-length')) <= length);
  const [, first] = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '') ?? [];
  return first === undefined || Number(first) === offset;
}

/**
 * The error for a table of which the server shares only the newest version, which is no longer the one being read.
 * @param version the version being read
 */
export function changedMeanwhile(table: string, version: bigint): Error {
  return syncedTablesError('SHARED_TABLE_CHANGED', { table, version });
}
