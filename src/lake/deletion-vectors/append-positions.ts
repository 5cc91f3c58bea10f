import { BIGINT, type DuckDBAppender, DuckDBDataChunk, UBIGINT } from '@duckdb/node-api';
import type { DeletionVector } from './deletion-vector.js';

/** The engine's vector size: the largest chunk it accepts. */
const CHUNK_ROWS = 2048;

/** Appends a row `(…keys ubigint, position bigint)` for every position of a vector. */
export function appendPositions(appender: DuckDBAppender, keys: readonly number[], vector: DeletionVector): void {
  const types = [...keys.map(() => UBIGINT), BIGINT];
  for (const positions of vector.positions()) {
    for (let start = 0; start < positions.length; start += CHUNK_ROWS) {
      const rows = Array.from(positions.subarray(start, start + CHUNK_ROWS));
      const chunk = DuckDBDataChunk.create(types, rows.length);
      for (const [column, key] of keys.entries()) {
        chunk.setColumnValues(column, new Array<bigint>(rows.length).fill(BigInt(key)));
      }
      chunk.setColumnValues(keys.length, rows);
      appender.appendDataChunk(chunk);
    }
  }
}
