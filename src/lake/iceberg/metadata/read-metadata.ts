import { gunzipSync } from 'node:zlib';
import { syncedTablesError } from '../../../core/errors.js';
import type { FileStore } from '../../storage/file-store.js';
import { locateMetadata } from './locate-metadata.js';
import { parseLosslessJson } from './lossless-json.js';
import { readTableFile } from './read-file.js';
import { parseTableMetadata, type TableMetadata } from './table-metadata.js';

/** Far more than the snapshots of years take. */
const METADATA_BYTES_MAX = 1024 * 1024 * 1024;

export interface MetadataFiles {
  readonly store: FileStore;
  readonly tableName: string;
}

/**
 * Reads the newest metadata file in a table's folder.
 * @throws SOURCE_TABLE_NOT_FOUND, ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE, SOURCE_FILE_MISSING
 */
export async function readMetadata(root: string, options: MetadataFiles): Promise<TableMetadata> {
  const files = await locateMetadata(options.store, root);
  const read = await Promise.all(files.map((file) => readMetadataFile(file, options)));
  const [newest] = read.sort((a, b) => b.updatedAtMs - a.updatedAtMs);
  if (newest) return newest.metadata;
  const reason = `${root} holds no metadata of an Iceberg table`;
  throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table: options.tableName, reason });
}

async function readMetadataFile(
  file: string,
  { store, tableName }: MetadataFiles,
): Promise<{ metadata: TableMetadata; updatedAtMs: number }> {
  const bytes = await readTableFile({ store, tableName, path: file, version: 'newest' });
  let json: unknown;
  try {
    const isCompressed = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const text = isCompressed ? gunzipSync(bytes, { maxOutputLength: METADATA_BYTES_MAX }) : bytes;
    json = parseLosslessJson(text.toString('utf8'));
  } catch (error) {
    const reason = 'it is not JSON, or ends too early';
    throw syncedTablesError('ICEBERG_METADATA_CORRUPT', { file, table: tableName, reason }, error);
  }
  return { metadata: parseTableMetadata(json, { file, tableName }), updatedAtMs: updatedAtMs(json) };
}

function updatedAtMs(json: unknown): number {
  const updated = (json as { 'last-updated-ms'?: unknown } | null)?.['last-updated-ms'];
  return typeof updated === 'number' ? updated : 0;
}
