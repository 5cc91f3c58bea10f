import type { DuckDBConnection } from '@duckdb/node-api';
import { type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { type DamagedFile, damagedFileOf, damagedFooterOf } from '../relation/damaged-file.js';
import type { SourceFile } from '../relation/relation.js';

/**
 * Reads the footers of files.
 * @throws SOURCE_FILE_CORRUPT in place of the engine's error if one of them is damaged
 */
export function namingDamagedFooter<Result>(
  connection: DuckDBConnection,
  table: string,
  footers: readonly SourceFile[],
  read: () => Promise<Result>,
): Promise<Result> {
  return read().catch(async (error: unknown) => {
    throw corrupt(table, await damagedFooterOf(error, connection, footers), error) ?? error;
  });
}

/**
 * Reads rows of files that are on the local disk.
 * @throws SOURCE_FILE_CORRUPT in place of the engine's error if one of them is damaged
 */
export function namingDamagedFile<Result>(
  connection: DuckDBConnection,
  table: string,
  files: readonly SourceFile[],
  read: () => Promise<Result>,
): Promise<Result> {
  return read().catch(async (error: unknown) => {
    throw corrupt(table, await damagedFileOf(error, connection, { parts: [''], files: [files] }), error) ?? error;
  });
}

function corrupt(table: string, damaged: DamagedFile | null, cause: unknown): SyncedTablesError | null {
  if (damaged === null) return null;
  return syncedTablesError('SOURCE_FILE_CORRUPT', { file: damaged.path, table, reason: damaged.reason }, cause);
}
