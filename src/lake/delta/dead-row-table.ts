import { BIGINT, type DuckDBConnection, DuckDBDataChunk, UBIGINT } from '@duckdb/node-api';
import type { FileStore } from '../storage/file-store.js';
import { readDeletionVector } from './deletion-vector-reader.js';
import type { DeltaFile, DeltaSnapshot } from './delta-snapshot.js';

/** The engine's vector size: the largest chunk that it takes. */
const CHUNK_ROWS = 2048;

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
    for (const positions of vector.positions()) {
      for (let start = 0; start < positions.length; start += CHUNK_ROWS) {
        const rows = Array.from(positions.subarray(start, start + CHUNK_ROWS));
        const chunk = DuckDBDataChunk.create([UBIGINT, BIGINT], rows.length);
        chunk.setColumnValues(0, new Array<bigint>(rows.length).fill(BigInt(index)));
        chunk.setColumnValues(1, rows);
        appender.appendDataChunk(chunk);
      }
    }
  }
  appender.closeSync();
}
