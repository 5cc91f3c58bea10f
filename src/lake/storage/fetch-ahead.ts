import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HeldPart, PartPass, SourceFile } from '../relation/relation.js';
import type { FileStat } from './file-store.js';

export interface SpoolLimits {
  /** Bytes of fetched files that one table being read may have on the disk. A larger file is fetched alone. */
  readonly bytesMax: number;
  /** Files of one table that are fetched at once. */
  readonly fetchesMax: number;
}

/** A file of a store and its place on the local disk. */
export interface SpoolFile {
  readonly path: string;
  readonly stat: FileStat;
  readonly destination: string;
  /** See `SourceFile`. */
  readonly isText?: true;
}

/** Fetched files as their readers know them. */
export function sourceFiles(files: readonly SpoolFile[]): SourceFile[] {
  return files.map(({ path, destination, isText }) => {
    return { path, data: destination, ...(isText ? { isText } : {}) };
  });
}

/** A SELECT and the files that it reads. */
export interface SpoolPart {
  readonly select: string;
  readonly files: readonly SpoolFile[];
}

export interface FetchAheadOptions {
  readonly parts: readonly SpoolPart[];
  readonly limits: SpoolLimits;
  /** Brings one file to its destination. */
  readonly fetch: (file: SpoolFile, signal: AbortSignal) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

interface Fetched {
  readonly part: SpoolPart;
  readonly bytes: number;
  readonly arrived: Promise<void>;
}

/**
 * Fetches the files of parts in order, as far ahead of the readers as the limits allow, and deletes them afterwards.
 * Room is reserved for a whole part at once, first come first served: readers hold only earlier parts, so room becomes
 * free if every reader gives a part back before it requests another.
 */
export class FetchAhead implements PartPass {
  readonly #options: FetchAheadOptions;
  readonly #ended = new AbortController();
  /** Parts whose fetch has started and that no reader has received yet, in order. */
  readonly #ahead: Fetched[] = [];
  /** Readers waiting for room, in order. */
  #waiting: (() => void)[] = [];
  #begun = 0;
  #handedOut = 0;
  #bytes = 0;
  #fetching = 0;
  readonly #slots: (() => void)[] = [];
  /** All parts whose files are present or being fetched. */
  readonly #present = new Set<Fetched>();

  constructor(options: FetchAheadOptions) {
    this.#options = options;
    const { signal } = options;
    if (signal?.aborted) this.#end(signal.reason);
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#fill();
  }

  readonly #onAbort = () => this.#end(this.#options.signal?.reason);

  async next(): Promise<HeldPart | null> {
    const place = this.#handedOut;
    if (place >= this.#options.parts.length) return null;
    this.#handedOut++;
    while (this.#begun <= place) {
      this.#ended.signal.throwIfAborted();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const fetched = this.#ahead.find(({ part }) => part === this.#options.parts[place]);
    if (!fetched) throw new Error('a part was handed out twice');
    this.#ahead.splice(this.#ahead.indexOf(fetched), 1);
    try {
      await fetched.arrived;
    } catch (error) {
      await this.#release(fetched);
      throw error;
    }
    const files = sourceFiles(fetched.part.files);
    return { select: fetched.part.select, files, [Symbol.asyncDispose]: () => this.#release(fetched) };
  }

  /** Stops all fetches and removes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#end(new Error('the pass is over'));
    for (const fetched of [...this.#present]) await this.#release(fetched);
  }

  #end(reason: unknown): void {
    this.#ended.abort(reason);
    this.#wakeReaders();
  }

  #fill(): void {
    const { parts, limits } = this.#options;
    for (; this.#begun < parts.length && !this.#ended.signal.aborted; this.#begun++) {
      const part = parts[this.#begun];
      if (!part) break;
      const bytes = part.files.reduce((sum, file) => sum + file.stat.sizeBytes, 0);
      if (this.#bytes > 0 && this.#bytes + bytes > limits.bytesMax) break;
      this.#bytes += bytes;
      const arrived = settleAll(part.files.map((file) => this.#fetch(file)));
      // The reader that gets the part sees the failure.
      arrived.catch(() => {});
      const fetched = { part, bytes, arrived };
      this.#ahead.push(fetched);
      this.#present.add(fetched);
    }
    this.#wakeReaders();
  }

  #wakeReaders(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  async #fetch(file: SpoolFile): Promise<void> {
    const { signal } = this.#ended;
    // The slot is passed on without being freed, so that nobody gets in between.
    if (this.#fetching < this.#options.limits.fetchesMax) this.#fetching++;
    else await new Promise<void>((resolve) => this.#slots.push(resolve));
    try {
      signal.throwIfAborted();
      await mkdir(dirname(file.destination), { recursive: true });
      await this.#options.fetch(file, signal);
    } finally {
      const next = this.#slots.shift();
      if (next) next();
      else this.#fetching--;
    }
  }

  async #release(fetched: Fetched): Promise<void> {
    if (!this.#present.delete(fetched)) return;
    await fetched.arrived.catch(() => {});
    for (const { destination } of fetched.part.files) await rm(destination, { force: true });
    this.#bytes -= fetched.bytes;
    this.#fill();
  }
}

/** Waits for all, even after a failure: nothing may still be writing when files are removed. */
async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
