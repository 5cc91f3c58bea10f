import type { DataChunk } from '@duckdb/node-bindings';

/** Where tuples are written. */
export interface TupleBlock {
  readonly view: DataView;
  /** The same memory. */
  readonly bytes: Uint8Array;
  /** For each row of the chunk, where its next value begins. */
  readonly cursors: Uint32Array;
}

/**
 * Writes one column of a chunk: first all values are measured, so that tuples have their places, then they are written,
 * column after column.
 */
export interface ColumnWriter {
  /** Takes over the column of the next chunk, and adds the bytes of each of its values, with their length, to `sizes`. */
  take(chunk: DataChunk, column: number, rows: number, sizes: Float64Array): void;
  /** Writes the values of the rows from `from` to before `to`, and moves their cursors on. */
  write(block: TupleBlock, from: number, to: number): void;
  /** A value that may be too long for a block; null for one that certainly is not. Absent where none is. */
  longValue?(row: number): LongValue | null;
}

/** A value that is copied piece by piece. */
export interface LongValue {
  readonly length: number;
  /** Its bytes from `from` to before `to`. */
  piece(from: number, to: number): Uint8Array;
}

/** The length of a value, before it; -1 stands for null. */
export const LENGTH_BYTES = 4;
const NULL_LENGTH = -1;

export function writeNull({ view, cursors }: TupleBlock, row: number): void {
  const at = cursors[row] as number;
  view.setInt32(at, NULL_LENGTH);
  cursors[row] = at + LENGTH_BYTES;
}
