import { syncedTablesError } from '../../core/errors.js';
import type { FileStore } from '../storage/file-store.js';
import type { DeltaSnapshot } from './delta-snapshot.js';

/** Requests under way at once; object stores answer many side by side. */
const CHECKS_AT_ONCE = 16;

/**
 * Looks at every live file before a row is read, so that a damaged table is refused at once and by name.
 * @throws SOURCE_FILE_MISSING, SOURCE_FILE_CORRUPT if a file is not of the size that the log says
 */
export async function checkFileSizes(store: FileStore, snapshot: DeltaSnapshot): Promise<void> {
  const files = snapshot.files.values();
  const check = async () => {
    for (const file of files) {
      const found = await store.stat(file.path);
      if (!found) {
        throw syncedTablesError('SOURCE_FILE_MISSING', {
          file: file.path,
          table: snapshot.tableName,
          version: snapshot.version,
        });
      }
      if (file.sizeBytes && found.sizeBytes !== file.sizeBytes) {
        throw syncedTablesError('SOURCE_FILE_CORRUPT', {
          file: file.path,
          table: snapshot.tableName,
          reason: `it has ${found.sizeBytes} bytes, the log says ${file.sizeBytes}`,
        });
      }
    }
  };
  await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, check));
}
