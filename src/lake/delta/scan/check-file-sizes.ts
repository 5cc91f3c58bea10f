import { checkFiles } from '../../data-files/check-files.js';
import type { FileStat, FileStore } from '../../storage/file-store.js';
import type { DeltaSnapshot } from '../snapshot/delta-snapshot.js';

/**
 * Checks every live file before any row is read, so that a damaged table is refused at once, naming the file.
 * @returns the store's status of each file, by path
 * @throws SOURCE_FILE_MISSING, SOURCE_FILE_CORRUPT if a file does not have the size that the log states
 */
export async function checkFileSizes(
  store: FileStore,
  snapshot: DeltaSnapshot,
): Promise<ReadonlyMap<string, FileStat>> {
  const { tableName, version } = snapshot;
  const files = snapshot.files.map((file) => ({ file, version }));
  return checkFiles(store, files, { tableName, missing: 'SOURCE_FILE_MISSING' });
}
