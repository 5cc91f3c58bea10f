import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { explainOpenFiles } from '../../core/reasons/open-files.js';
import {
  type DownloadOptions,
  entryOrder,
  type FileEntry,
  type FileStat,
  type FileStore,
  firstEntries,
} from './file-store.js';
import {
  explainRequestError,
  type ObjectClient,
  type ObjectLocation,
  type ObjectPage,
  ObjectRequestError,
} from './object-client.js';
import { requireLocation } from './storage-url.js';
import { writeBody } from './write-body.js';

/** A request that failed and is about to be repeated. */
export interface StoreRetry {
  readonly path: string;
  readonly reason: string;
  /** The attempt that failed, counted from 1. */
  readonly attempt: number;
  readonly delayMs: number;
}

export interface Patience {
  /** Maximum number of attempts for a request. */
  readonly attemptsMax: number;
  /** How long an answer, or the next bytes of it, may take. */
  readonly timeoutMs: number;
}

export interface ObjectStoreOptions {
  readonly client: ObjectClient;
  readonly patience: Patience;
  readonly onRetry?: (retry: StoreRetry) => void;
  /** Where the client finds a path; by default that is a URL of an object store. */
  readonly locate?: (path: string) => ObjectLocation;
  /** Waits between attempts; injectable for tests. */
  readonly wait?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** In [0, 1). */
  readonly random?: () => number;
}

interface BodyRange {
  readonly offset: number;
  readonly length: number;
  readonly etag: string | null;
  /** Whether the object is known to have all of these bytes; otherwise it may end earlier. */
  readonly isWhole: boolean;
}

const FIRST_DELAY_MS = 200;
const DELAY_MS_MAX = 10_000;
/** Maximum size of one page of a listing; all stores accept it. */
const PAGE_KEYS = 1_000;

/**
 * Files of an object store. Transient failures are repeated with growing pauses and reported; a body that breaks off is
 * continued from there, provided the object is still the same.
 *
 * Every method throws OBJECT_STORE_UNREACHABLE, OBJECT_STORE_ACCESS_DENIED, OBJECT_STORE_BUCKET_NOT_FOUND,
 * OBJECT_STORE_REFUSED, OBJECT_CHANGED, OBJECT_STORE_CLIENT_MISSING.
 */
export class ObjectStore implements FileStore {
  readonly #options: ObjectStoreOptions;
  readonly #wait: NonNullable<ObjectStoreOptions['wait']>;
  readonly #random: () => number;
  readonly #locate: (path: string) => ObjectLocation;

  constructor(options: ObjectStoreOptions) {
    this.#options = options;
    this.#locate = options.locate ?? requireLocation;
    this.#wait = options.wait ?? ((ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }));
    this.#random = options.random ?? Math.random;
  }

  async list(folder: string, after = '', limit = Number.POSITIVE_INFINITY): Promise<FileEntry[] | null> {
    const entries: FileEntry[] = [];
    const { key } = this.#locate(folder);
    const prefix = key === '' ? '' : `${key}/`;
    let next: string | null = null;
    let isEmpty = true;
    do {
      const page: ObjectPage = await this.#page(folder, { after: after ? prefix + after : null, next });
      const listed = [
        ...page.files.map((name) => ({ name: name.slice(prefix.length), isFolder: false })),
        ...page.folders.map((name) => ({ name: name.slice(prefix.length, -1), isFolder: true })),
      ];
      for (const entry of listed) if (entry.name !== '' && entryOrder(entry) > after) entries.push(entry);
      isEmpty &&= listed.length === 0;
      next = page.next;
    } while (next !== null && entries.length < limit);
    // A folder is only a common prefix of names; an empty page after `after` does not mean that it is missing.
    if (isEmpty && (!after || !(await this.hasFolder(folder)))) return null;
    return firstEntries(entries, limit);
  }

  async hasFolder(folder: string): Promise<boolean> {
    const page = await this.#page(folder, { after: null, next: null, keysMax: 1 });
    return page.files.length + page.folders.length > 0;
  }

  stat(path: string): Promise<FileStat | null> {
    return this.#objectStat(path);
  }

  async readRange(path: string, offset: number, length: number, etag: string | null = null): Promise<Buffer | null> {
    if (length === 0) return (await this.stat(path)) && Buffer.alloc(0);
    const chunks: Buffer[] = [];
    const isThere = await this.#readBody(path, { offset, length, etag, isWhole: false }, async (chunk) => {
      chunks.push(chunk);
    });
    return isThere ? Buffer.concat(chunks) : null;
  }

  async download(path: string, { destination, offset = 0, signal, ...known }: DownloadOptions): Promise<boolean> {
    const stat = known.stat ?? (await this.#objectStat(path, signal));
    if (stat === null) return false;
    const { sizeBytes, etag = null } = stat;
    try {
      return await writeBody({ destination, offset, sizeBytes }, (write) =>
        this.#readBody(path, { offset, length: sizeBytes - offset, etag, isWhole: true }, write, signal),
      );
    } catch (error) {
      await rm(destination, { force: true });
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
        throw syncedTablesError('SPOOL_DISK_FULL', { path }, error);
      throw error;
    }
  }

  #objectStat(path: string, signal?: AbortSignal): Promise<FileStat | null> {
    const location = this.#locate(path);
    return this.#request(path, (timeout) => this.#options.client.stat(location, timeout), signal);
  }

  #page(folder: string, page: { after: string | null; next: string | null; keysMax?: number }): Promise<ObjectPage> {
    const location = this.#locate(folder);
    const key = location.key === '' ? '' : `${location.key}/`;
    const options = { keysMax: PAGE_KEYS, ...page };
    return this.#request(folder, (timeout) => this.#options.client.list({ ...location, key }, options, timeout));
  }

  /** Makes a request until it succeeds, at most as often as patience allows. */
  async #request<Answer>(
    path: string,
    request: (timeout: AbortSignal) => Promise<Answer>,
    signal?: AbortSignal,
  ): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      try {
        return await this.#withTimeout(request, signal);
      } catch (error) {
        signal?.throwIfAborted();
        await this.#pauseOrGiveUp(path, { error, attempt }, signal);
      }
    }
  }

  /**
   * Passes the bytes of a range to `take`, piece by piece in order, each once; false if there is no object. Only
   * consecutive attempts that brought no bytes count towards the limit.
   */
  async #readBody(
    path: string,
    range: BodyRange,
    take: (chunk: Buffer) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const location: ObjectLocation = this.#locate(path);
    const { offset, length, etag, isWhole } = range;
    let done = 0;
    let attempt = 0;
    while (done < length) {
      signal?.throwIfAborted();
      const before = done;
      let failure: { error: unknown } | null = null;
      try {
        const wanted = { offset: offset + done, length: length - done, etag };
        const body = await this.#withTimeout((timeout) => this.#options.client.read(location, wanted, timeout), signal);
        if (body === null) return false;
        for await (const chunk of this.#watched(body, signal)) {
          await take(chunk).catch((error: unknown) => {
            failure = { error };
            throw error;
          });
          done += chunk.length;
        }
        if (!isWhole) return true;
        if (done < length) throw new ObjectRequestError('transient', 'the answer ended too early');
      } catch (error) {
        signal?.throwIfAborted();
        // The disk failed, not the store.
        if (failure !== null) throw error;
        attempt = done > before ? 1 : attempt + 1;
        await this.#pauseOrGiveUp(path, { error, attempt }, signal);
      }
    }
    return true;
  }

  /** Ends a body that has stalled. */
  async *#watched(body: Readable, signal?: AbortSignal): AsyncGenerator<Buffer> {
    const { timeoutMs } = this.#options.patience;
    const stop = (reason: unknown) => body.destroy(reason instanceof Error ? reason : new Error('stopped'));
    const onAbort = () => stop(signal?.reason);
    const onSilence = () => stop(new ObjectRequestError('transient', `no byte for ${timeoutMs / 1000} s`));
    signal?.addEventListener('abort', onAbort, { once: true });
    let timer = setTimeout(onSilence, timeoutMs);
    try {
      for await (const chunk of body) {
        // Time spent on the disk does not count against the store.
        clearTimeout(timer);
        yield chunk as Buffer;
        timer = setTimeout(onSilence, timeoutMs);
      }
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      body.destroy();
    }
  }

  async #withTimeout<Answer>(
    request: (timeout: AbortSignal) => Promise<Answer>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const { timeoutMs } = this.#options.patience;
    const timeout = new AbortController();
    let end: (error: unknown) => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      end = (error) => {
        reject(error);
        timeout.abort(error);
      };
    });
    const onAbort = () => end(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(
      () => end(new ObjectRequestError('transient', `no answer within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    try {
      return await Promise.race([request(timeout.signal), ended]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #pauseOrGiveUp(path: string, failed: { error: unknown; attempt: number }, signal?: AbortSignal): Promise<void> {
    const known = asSyncedTablesError(failed.error);
    if (known) throw known;
    const failure = explainRequestError(failed.error);
    const { attempt } = failed;
    if (failure.kind !== 'transient' || attempt >= this.#options.patience.attemptsMax) {
      throw explainOpenFiles(failure) ?? catalogued(failure, path, attempt);
    }
    // Half of the pause is random, so that clients that failed at once do not come back at once.
    const longest = Math.min(DELAY_MS_MAX, FIRST_DELAY_MS * 2 ** (attempt - 1));
    const delayMs = Math.round(longest * (0.5 + this.#random() / 2));
    this.#options.onRetry?.({ path, reason: failure.message, attempt, delayMs });
    await this.#wait(delayMs, signal);
  }
}

function catalogued(failure: ObjectRequestError, path: string, attempts: number): SyncedTablesError {
  const details = { path, reason: failure.message };
  switch (failure.kind) {
    case 'transient':
      return syncedTablesError('OBJECT_STORE_UNREACHABLE', { ...details, attempts }, failure);
    case 'denied':
      return syncedTablesError('OBJECT_STORE_ACCESS_DENIED', details, failure);
    case 'noBucket':
      return syncedTablesError('OBJECT_STORE_BUCKET_NOT_FOUND', details, failure);
    case 'changed':
      return syncedTablesError('OBJECT_CHANGED', { path }, failure);
    case 'refused':
      return syncedTablesError('OBJECT_STORE_REFUSED', details, failure);
  }
}
