import { syncedTablesError } from '../../../core/errors.js';
import type { FileStore } from '../../storage/file-store.js';

export interface TableFile {
  readonly store: FileStore;
  readonly tableName: string;
  /** Path of the store. */
  readonly path: string;
  /** For messages: which state of the table needs it. */
  readonly version: bigint | string;
}

/**
 * A file of a table's metadata, whole.
 * @throws SOURCE_FILE_MISSING, SOURCE_FILE_CHANGED, OBJECT_CHANGED
 */
export async function readTableFile({ store, tableName, path, version }: TableFile): Promise<Buffer> {
  const stat = await store.stat(path);
  const bytes = stat && (await store.readRange(path, 0, stat.sizeBytes, stat.etag ?? null));
  if (bytes === null) throw syncedTablesError('SOURCE_FILE_MISSING', { file: path, table: tableName, version });
  return bytes;
}
