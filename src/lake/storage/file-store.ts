/** One file or folder entry, named relative to the folder that was listed. */
export interface FileEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

export interface FileStat {
  readonly sizeBytes: number;
  /** Modification time in milliseconds since 1970. */
  readonly modifiedAtMs: number;
}

/**
 * Where files of a lake are read from. Paths are absolute paths of the store, decoded (no percent escapes).
 * A missing file is `null`, never an exception; anything else that goes wrong is thrown.
 */
export interface FileStore {
  /** Entries of a folder in no particular order; null if there is no such folder. */
  list(folder: string): Promise<FileEntry[] | null>;
  stat(path: string): Promise<FileStat | null>;
  readBytes(path: string): Promise<Buffer | null>;
  /** Bytes [offset, offset + length) of a file; shorter if the file ends before. */
  readRange(path: string, offset: number, length: number): Promise<Buffer | null>;
  /**
   * Calls `onChange` with the name of an entry of the folder that may have changed, null if that is not known.
   * A hint: it may come late, twice or never. Null if the folder cannot be watched. Absent where no store can tell.
   */
  watch?(folder: string, onChange: (name: string | null) => void): Disposable | null;
}
