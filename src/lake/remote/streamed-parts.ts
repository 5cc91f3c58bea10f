import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncedTablesError } from '../../core/errors.js';
import type { HeldPart, PartPass, RemoteParts } from '../relation/relation.js';
import type { RowFormat, RowProducer, RowSink } from './row-source.js';

export interface StreamedPartsOptions {
  readonly tableName: string;
  /** Folder below which files are made. */
  readonly scratchFolder: string;
  /** Bytes of files at once. */
  readonly bytesMax: number;
  readonly format: RowFormat;
  readonly begin: () => readonly RowProducer[];
  /** The SELECT of the rows of a file. */
  readonly select: (file: string, longest: number) => string;
  /** A SELECT of no rows, which is the only part if there are none. */
  readonly selectNone: string;
}

/** Large enough to read fast, small enough for several to fit any spool. */
const PART_BYTES = 16 * 1024 * 1024;
const PARTS_OF_SPOOL = 64;
/** Rows wait in memory for so many bytes to be written at once. */
const WRITE_BYTES = 256 * 1024;

/** Parts that arise as rows arrive: each is a file of some of them, removed once it was read. */
export function streamedParts(options: StreamedPartsOptions): RemoteParts {
  return {
    fitsSpool: true,
    isStreamed: true,
    begin: (signal, holdsAll = false) => new StreamedPass({ ...options, holdsAll }, signal),
    requireFit: () => {},
  };
}

interface WrittenPart {
  readonly file: string;
  readonly bytes: number;
  readonly longest: number;
}

type PassOptions = StreamedPartsOptions & { readonly holdsAll: boolean };

class StreamedPass implements PartPass {
  readonly #options: PassOptions;
  readonly #folder: string;
  readonly #ended = new AbortController();
  readonly #ready: WrittenPart[] = [];
  /** Bytes of the files that are there, and of those being written. */
  #bytes = 0;
  #files = 0;
  #blocked = 0;
  #running: number;
  #failure: { readonly error: unknown } | null = null;
  #waitingReaders: (() => void)[] = [];
  /** Apart from readers: producers that woke each other while there is no room would never let anything else happen. */
  #waitingProducers: (() => void)[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #finished: Promise<unknown>;

  constructor(options: PassOptions, signal?: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#folder = join(options.scratchFolder, `rows-${randomUUID()}`);
    const producers = options.begin();
    this.#running = producers.length;
    if (signal?.aborted) this.#ended.abort(signal.reason);
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#finished = Promise.all(producers.map((produce) => this.#run(produce)));
  }

  readonly #onAbort = () => {
    this.#end(this.#signal?.reason);
  };

  async next(): Promise<HeldPart | null> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure.error;
      this.#ended.signal.throwIfAborted();
      const part = this.#ready.shift();
      if (part !== undefined) return this.#hold(part);
      if (this.#running === 0) return this.#holdNothing();
      if (this.#options.holdsAll && this.#blocked === this.#running) throw this.#tooSmall();
      await new Promise<void>((resolve) => this.#waitingReaders.push(resolve));
    }
  }

  /** Stops reading, and removes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#end(new Error('the pass is over'));
    await this.#finished;
    await rm(this.#folder, { recursive: true, force: true });
  }

  #hold({ file, bytes, longest }: WrittenPart): HeldPart {
    let isHeld = true;
    return {
      select: this.#options.select(file, longest),
      // Whose lines are wrong, an error says; the file is ours.
      files: [],
      [Symbol.asyncDispose]: async () => {
        if (!isHeld) return;
        isHeld = false;
        await rm(file, { force: true });
        this.#bytes -= bytes;
        this.#wakeProducers();
      },
    };
  }

  /** Whoever needs all rows as one SELECT needs one of no rows, too. */
  #holdNothing(): HeldPart | null {
    if (this.#files > 0) return null;
    this.#files++;
    return { select: this.#options.selectNone, files: [], [Symbol.asyncDispose]: async () => {} };
  }

  async #run(produce: RowProducer): Promise<void> {
    const { signal } = this.#ended;
    const writer = new PartWriter(this.#options, {
      begin: (longest) => this.#place(longest),
      grew: (bytes) => {
        this.#bytes += bytes;
      },
      ended: (part) => {
        this.#ready.push(part);
        this.#wakeReaders();
      },
    });
    try {
      await mkdir(this.#folder, { recursive: true });
      signal.throwIfAborted();
      await produce(writer, signal);
      await writer.end();
    } catch (error) {
      // What is aborted on purpose is no failure, and the first one is the one to report.
      if (!signal.aborted) this.#failure ??= { error };
      this.#end(error);
      await writer.abandon();
    } finally {
      this.#running--;
      this.#wakeReaders();
    }
  }

  /** The path of a new file, once there is room for more. */
  async #place(bytes: number): Promise<string> {
    const { bytesMax } = this.#options;
    while (this.#bytes > 0 && this.#bytes + bytes > bytesMax) {
      this.#ended.signal.throwIfAborted();
      this.#blocked++;
      // Who holds all parts waits for this, too.
      this.#wakeReaders();
      await new Promise<void>((resolve) => this.#waitingProducers.push(resolve));
      this.#blocked--;
    }
    this.#ended.signal.throwIfAborted();
    return join(this.#folder, `${this.#files++}`);
  }

  #tooSmall(): Error {
    const { tableName: table, bytesMax: limit } = this.#options;
    return syncedTablesError('SPOOL_TOO_SMALL', { table, bytes: `more than ${limit}`, limit });
  }

  #end(reason: unknown): void {
    this.#ended.abort(reason);
    this.#wakeReaders();
    this.#wakeProducers();
  }

  #wakeReaders(): void {
    for (const wake of this.#waitingReaders.splice(0)) wake();
  }

  #wakeProducers(): void {
    for (const wake of this.#waitingProducers.splice(0)) wake();
  }
}

interface Spool {
  begin(bytes: number): Promise<string>;
  grew(bytes: number): void;
  ended(part: WrittenPart): void;
}

/** Writes the rows of one producer into file after file. */
class PartWriter implements RowSink {
  readonly #format: RowFormat;
  readonly #partBytes: number;
  readonly #spool: Spool;
  #handle: FileHandle | null = null;
  #file = '';
  #bytes = 0;
  #longest = 0;
  #hasRows = false;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor({ format, bytesMax }: StreamedPartsOptions, spool: Spool) {
    this.#format = format;
    this.#partBytes = Math.min(PART_BYTES, Math.ceil(bytesMax / PARTS_OF_SPOOL));
    this.#spool = spool;
  }

  async append(rows: Uint8Array, longest: number): Promise<void> {
    if (this.#handle === null) await this.#begin();
    this.#put(this.#hasRows ? this.#format.between : this.#format.opening);
    this.#pending.push(rows);
    this.#pendingBytes += rows.byteLength;
    this.#hasRows = true;
    this.#longest = Math.max(this.#longest, longest);
    if (this.#pendingBytes >= Math.min(WRITE_BYTES, this.#partBytes)) await this.#flush();
    if (this.#bytes >= this.#partBytes) await this.end();
  }

  async end(): Promise<void> {
    if (this.#handle === null) return;
    this.#put(this.#format.closing);
    await this.#flush();
    await this.#close();
    this.#spool.ended({ file: this.#file, bytes: this.#bytes, longest: this.#longest });
  }

  async abandon(): Promise<void> {
    await this.#close();
  }

  async #begin(): Promise<void> {
    this.#file = await this.#spool.begin(this.#partBytes);
    this.#handle = await open(this.#file, 'wx', 0o600);
    this.#bytes = 0;
    this.#longest = 0;
    this.#hasRows = false;
  }

  #put(text: string): void {
    if (text === '') return;
    this.#pending.push(Buffer.from(text));
    this.#pendingBytes += text.length;
  }

  async #flush(): Promise<void> {
    const bytes = this.#pendingBytes;
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (bytes === 0) return;
    await this.#handle?.writev(pending);
    this.#bytes += bytes;
    this.#spool.grew(bytes);
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }
}
