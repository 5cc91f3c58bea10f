import { randomUUID } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { syncedTablesError } from '../../core/errors.js';
import type { RemoteParts } from '../relation/relation.js';
import { FetchAhead, type SpoolFile, type SpoolLimits, type SpoolPart } from './fetch-ahead.js';
import type { FileStat, FileStore } from './file-store.js';

/** 1 GiB, eight files at once. */
const SPOOL_DEFAULT: SpoolLimits = { bytesMax: 1024 * 1024 * 1024, fetchesMax: 8 };

/** Covers the footer of nearly all files with one request. */
const FOOTER_BYTES_FIRST = 64 * 1024;
/** Parquet ends with the length of the footer, four bytes, and four letters. */
const TRAILER_BYTES = 8;

export interface SpoolFolderOptions {
  readonly store: FileStore;
  /** Folder below which a new one is made. */
  readonly scratchFolder: string;
  readonly limits?: SpoolLimits | undefined;
  readonly tableName: string;
}

/** The local folder for one table's files on their way from a store to the engine. */
export class SpoolFolder implements AsyncDisposable {
  readonly #store: FileStore;
  readonly #folder: string;
  readonly #tableName: string;
  readonly limits: SpoolLimits;
  #files = 0;

  private constructor(options: SpoolFolderOptions, folder: string) {
    this.#store = options.store;
    this.#folder = folder;
    this.#tableName = options.tableName;
    this.limits = options.limits ?? SPOOL_DEFAULT;
  }

  static async open(options: SpoolFolderOptions): Promise<SpoolFolder> {
    const folder = join(options.scratchFolder, `spool-${randomUUID()}`);
    await mkdir(folder, { recursive: true });
    return new SpoolFolder(options, folder);
  }

  /** Assigns a file its local path; it keeps its name, which the engine quotes in errors. */
  place(path: string, stat: FileStat): SpoolFile {
    return { path, stat, destination: join(this.#folder, String(this.#files++), basename(path)) };
  }

  /**
   * Creates files with the footers of `files`, and holes for their rows, while `use` runs: enough for the engine to
   * read columns and counts.
   */
  async withFooters<Result>(
    files: readonly SpoolFile[],
    use: (paths: readonly string[]) => Promise<Result>,
  ): Promise<Result> {
    const folder = join(this.#folder, `footers-${this.#files++}`);
    const stubs = files.map((file, index) => ({
      select: '',
      files: [{ ...file, destination: join(folder, String(index), basename(file.path)) }],
    }));
    const fetch = (file: SpoolFile, signal: AbortSignal) => this.#fetchFooter(file, signal);
    // Holes take no space, so no limit of bytes applies.
    const limits = { bytesMax: Number.POSITIVE_INFINITY, fetchesMax: this.limits.fetchesMax };
    const pass = new FetchAhead({ parts: stubs, limits, fetch });
    try {
      while ((await pass.next()) !== null);
      return await use(stubs.map((stub) => stub.files[0]?.destination ?? ''));
    } finally {
      await pass[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Passes over SELECTs that read files of this folder. */
  remoteParts(parts: readonly SpoolPart[]): RemoteParts {
    const { limits } = this;
    const fetch = (file: SpoolFile, signal: AbortSignal) => this.#fetch(file, { signal });
    const bytes = parts.flatMap((part) => part.files).reduce((sum, file) => sum + file.stat.sizeBytes, 0);
    const fitsSpool = bytes <= limits.bytesMax || parts.length <= 1;
    return {
      fitsSpool,
      begin: (signal) => new FetchAhead({ parts, limits, fetch, signal }),
      requireFit: () => {
        if (fitsSpool) return;
        const table = this.#tableName;
        throw syncedTablesError('SPOOL_TOO_SMALL', { table, bytes, limit: limits.bytesMax });
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #fetchFooter(file: SpoolFile, signal: AbortSignal): Promise<void> {
    const { sizeBytes } = file.stat;
    const fetched = Math.min(FOOTER_BYTES_FIRST, sizeBytes);
    await this.#fetch(file, { signal, offset: sizeBytes - fetched });
    const needed = Math.min(await footerBytes(file), sizeBytes);
    if (needed <= fetched) return;
    await rm(file.destination);
    await this.#fetch(file, { signal, offset: sizeBytes - needed });
  }

  async #fetch(file: SpoolFile, options: { signal: AbortSignal; offset?: number }): Promise<void> {
    const { path, stat, destination } = file;
    const isThere = await this.#store.download?.(path, { destination, stat, ...options });
    if (isThere) return;
    throw syncedTablesError('SOURCE_FILE_MISSING', { file: path, table: this.#tableName, version: 'being read' });
  }
}

/** Length of the footer with its trailer, from the file's last bytes; 0 if it is too short for that. */
async function footerBytes({ destination, stat }: SpoolFile): Promise<number> {
  if (stat.sizeBytes < TRAILER_BYTES) return 0;
  const handle = await open(destination, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, stat.sizeBytes - TRAILER_BYTES);
    return buffer.readUInt32LE(0) + TRAILER_BYTES;
  } finally {
    await handle.close();
  }
}
