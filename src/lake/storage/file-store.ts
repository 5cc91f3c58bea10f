import type { Watch } from '../relation/watch.js';

/** One file or folder entry, named relative to the folder that was listed. */
export interface FileEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

/** Sort key of entries: folders end with a slash, as in listings of object stores. */
export function entryOrder({ name, isFolder }: FileEntry): string {
  return isFolder ? `${name}/` : name;
}

/** The first entries by `entryOrder`. */
export function firstEntries(entries: FileEntry[], limit: number): FileEntry[] {
  if (limit === Number.POSITIVE_INFINITY) return entries;
  return entries.sort((a, b) => (entryOrder(a) < entryOrder(b) ? -1 : 1)).slice(0, limit);
}

export interface FileStat {
  readonly sizeBytes: number;
  /** Modification time in milliseconds since 1970. */
  readonly modifiedAtMs: number;
  /** Changes with the content; absent or null if the store has none. */
  readonly etag?: string | null;
  /**
   * True if the last thing that happened to the file was a write: more may follow. False if it was given its name
   * afterwards, as those do who publish whole files. Absent if the store shows only whole files.
   */
  readonly mayGrow?: boolean;
}

export interface DownloadOptions {
  /** Where the file is written: a path of the local disk that does not exist yet. */
  readonly destination: string;
  /** First byte wanted; the destination is as long as the file, with a hole before this offset. Default 0. */
  readonly offset?: number;
  /** The result of `stat`, if known: it is not requested again, and must still be true. */
  readonly stat?: FileStat;
  readonly signal?: AbortSignal;
}

/**
 * Where files of a lake are read from. Paths are absolute paths of the store, decoded (no percent escapes). A missing
 * file is `null`, never an exception; all other failures are thrown.
 */
export interface FileStore {
  /**
   * Entries of a folder in no particular order; null if there is no such folder.
   * @param after only entries that come after this text, by `entryOrder`
   * @param limit how many entries are wanted at most, the first by `entryOrder`; all if left out
   */
  list(folder: string, after?: string, limit?: number): Promise<FileEntry[] | null>;
  /** Whether there is a non-empty folder of that name. */
  hasFolder(folder: string): Promise<boolean>;
  stat(path: string): Promise<FileStat | null>;
  /**
   * Bytes [offset, offset + length) of a file as it was at one moment; shorter if the file ends before.
   * @param etag of an earlier status: the file must still be the same
   */
  readRange(path: string, offset: number, length: number, etag?: string | null): Promise<Buffer | null>;
  /**
   * Copies a file to the local disk; false if there is none. Absent if files are on the local disk under their paths
   * already: the engine reads those in place, all others must be fetched for it.
   */
  download?(path: string, options: DownloadOptions): Promise<boolean>;
  /**
   * Waits for something else, such as the engine, that reads files of this store under their paths. Absent if none can.
   * @throws SOURCE_READ_TIMEOUT if the disk stops answering meanwhile; what reads goes on waiting for it
   */
  whileAnswering?<Result>(reading: Promise<Result>): Promise<Result>;
  /**
   * Calls `onChange` with the name of an entry of the folder that may have changed, null if unknown. A hint: it may
   * come late, twice or never. Null if the folder cannot be watched. Absent if the store never can.
   */
  watch?(folder: string, onChange: (name: string | null) => void): Promise<Watch | null>;
}

/** Whether a file is what it was. True also if it is gone: what was read of it was whole. */
export function isSameFile(before: FileStat, after: FileStat | null): boolean {
  if (after === null) return true;
  return after.etag === before.etag && after.sizeBytes === before.sizeBytes;
}
