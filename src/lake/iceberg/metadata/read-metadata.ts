import { gunzipSync } from 'node:zlib';
import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { FileStat, FileStore } from '../../storage/file-store.js';
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
export function readMetadata(root: string, options: MetadataFiles): Promise<TableMetadata> {
  return metadataReader(root, options)();
}

/**
 * Reads the newest metadata file each time, but the same file only once: a table that is followed looks often, and its
 * metadata may be long.
 */
export function metadataReader(root: string, options: MetadataFiles): () => Promise<TableMetadata> {
  let kept: readonly ReadFile[] = [];
  const read = (files: readonly string[]) => Promise.all(files.map((file) => readUnlessKept(file, kept, options)));
  return async () => {
    kept = await readLocated(() => locateMetadata(options.store, root), read);
    return newestOf(kept, root, options);
  };
}

/** A writer that expires old metadata may remove a file between the listing and the reading: others are there then. */
async function readLocated<Result>(
  locate: () => Promise<string[]>,
  read: (files: readonly string[]) => Promise<Result>,
): Promise<Result> {
  for (let files = await locate(); ; ) {
    try {
      return await read(files);
    } catch (error) {
      if (asSyncedTablesError(error)?.code !== 'SOURCE_FILE_MISSING') throw error;
      const others = await locate();
      if (others.every((file) => files.includes(file))) throw error;
      files = others;
    }
  }
}

interface ReadFile {
  readonly file: string;
  /** Before it was read. */
  readonly stat: FileStat | null;
  readonly metadata: TableMetadata;
  readonly updatedAtMs: number;
}

async function readUnlessKept(file: string, kept: readonly ReadFile[], options: MetadataFiles): Promise<ReadFile> {
  const stat = await options.store.stat(file);
  const known = kept.find((each) => each.file === file);
  if (known && stat !== null && isUntouched(known.stat, stat)) return known;
  return { file, stat, ...(await readMetadataFile(file, options)) };
}

/** Metadata files are written once; a writer that does otherwise is noticed by the time. */
function isUntouched(before: FileStat | null, { sizeBytes, modifiedAtMs, etag }: FileStat): boolean {
  if (before === null || (before.etag ?? null) !== (etag ?? null)) return false;
  return before.sizeBytes === sizeBytes && before.modifiedAtMs === modifiedAtMs;
}

function newestOf(read: readonly ReadFile[], root: string, options: MetadataFiles): TableMetadata {
  const [newest] = [...read].sort((a, b) => b.updatedAtMs - a.updatedAtMs);
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
