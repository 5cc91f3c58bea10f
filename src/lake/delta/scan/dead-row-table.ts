import type { DuckDBConnection } from '@duckdb/node-api';
import { appendPositions } from '../../deletion-vectors/append-positions.js';
import type { FileStore } from '../../storage/file-store.js';
import { readDeletionVector } from '../deletion-vectors/deletion-vector-reader.js';
import type { DeltaFile, DeltaSnapshot } from '../snapshot/delta-snapshot.js';

/**
 * Creates a table with the deleted rows of `files`: `file_index` is the file's place in the list, `position` the
 * row's place in the file. One vector is in memory at a time, compressed; the table itself may spill to disk.
 */
export async function createDeadRowTable(
  connection: DuckDBConnection,
  table: string,
  source: { readonly store: FileStore; readonly snapshot: DeltaSnapshot; readonly files: readonly DeltaFile[] },
): Promise<void> {
  await connection.run(`create table ${table} (file_index ubigint, position bigint)`);
  const [schema, name] = table.split('.') as [string, string];
  const appender = await connection.createAppender(name, schema);
  for (const [index, file] of source.files.entries()) {
    if (!file.deletionVector) continue;
    const vector = await readDeletionVector({
      store: source.store,
      root: source.snapshot.root,
      tableName: source.snapshot.tableName,
      dataFile: file.path,
      descriptor: file.deletionVector,
      version: source.snapshot.version,
    });
    appendPositions(appender, [index], vector);
  }
  appender.closeSync();
}
