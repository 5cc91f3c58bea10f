import { syncedTablesError } from '../../core/errors.js';
import { type FileStat, type FileStore, isSameFile } from '../storage/file-store.js';

/** A data file as a table's metadata names it. */
export interface StatedFile {
  /** Absolute, decoded path of the store. */
  readonly path: string;
  /** As the metadata says; null if it does not. */
  readonly sizeBytes: number | null;
}

/** Concurrent requests; object stores answer many in parallel. */
const CHECKS_AT_ONCE = 16;

/**
 * Checks files before any row is read, so that a damaged table is refused at once, naming the file.
 * @param options.missing the code for a file that is not there
 * @returns the store's status of each file, by path
 * @throws SOURCE_FILE_CORRUPT if a file does not have the size that the metadata states; what `missing` says
 */
export async function checkFiles(
  store: FileStore,
  files: readonly { readonly file: StatedFile; readonly version: bigint }[],
  options: { tableName: string; missing: 'SOURCE_FILE_MISSING' | 'DELTA_CHANGE_FILE_MISSING' },
): Promise<ReadonlyMap<string, FileStat>> {
  const { tableName, missing } = options;
  const stats = new Map<string, FileStat>();
  const waiting = files.values();
  const check = async () => {
    for (const { file, version } of waiting) {
      const found = stats.get(file.path) ?? (await store.stat(file.path));
      if (!found) throw syncedTablesError(missing, { file: file.path, table: tableName, version });
      if (file.sizeBytes && found.sizeBytes !== file.sizeBytes) {
        throw syncedTablesError('SOURCE_FILE_CORRUPT', {
          file: file.path,
          table: tableName,
          reason: `it has ${found.sizeBytes} bytes, the table says ${file.sizeBytes}`,
        });
      }
      stats.set(file.path, found);
    }
  };
  await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, check));
  return stats;
}

/**
 * Checks that files of the disk are still what they were. A file that is gone was read before: nobody minds.
 * @throws SOURCE_FILE_CHANGED
 */
export async function requireSameFiles(store: FileStore, stats: ReadonlyMap<string, FileStat>): Promise<void> {
  const waiting = stats.entries();
  const check = async () => {
    for (const [file, before] of waiting) {
      if (!isSameFile(before, await store.stat(file))) throw syncedTablesError('SOURCE_FILE_CHANGED', { file });
    }
  };
  await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, check));
}
