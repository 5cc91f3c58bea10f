import duckdb, { type DataChunk } from '@duckdb/node-bindings';

/** A column of a chunk, in memory of our own. */
export interface VectorMemory {
  /** Its values, as the engine lays them out. */
  readonly data: DataView;
  /** A bit for each row, set where it has a value; null if all have. */
  readonly validity: Uint8Array | null;
  /** What the addresses in `data` lie in: it must not be collected before they are read. */
  readonly chunk: DataChunk | null;
}

export const noMemory: VectorMemory = { data: new DataView(new ArrayBuffer(0)), validity: null, chunk: null };

/** Validity comes in words of the engine. */
const VALIDITY_WORD_BITS = 64;

/**
 * Copies a column out of a chunk.
 * @param width bytes of a value
 */
export function vectorMemory(chunk: DataChunk, column: number, rows: number, width: number): VectorMemory {
  const vector = duckdb.data_chunk_get_vector(chunk, column);
  const words = Math.ceil(rows / VALIDITY_WORD_BITS);
  return {
    data: viewOf(duckdb.vector_get_data(vector, rows * width)),
    // Declared as never null, yet it is for a vector without nulls.
    validity: (duckdb.vector_get_validity(vector, (words * VALIDITY_WORD_BITS) / 8) as Uint8Array | null) ?? null,
    chunk,
  };
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function isNull(validity: Uint8Array | null, row: number): boolean {
  return validity !== null && ((validity[row >> 3] as number) & (1 << (row & 7))) === 0;
}

const pointer = new DataView(new ArrayBuffer(8));

/** Copies `bytes` bytes at an address of the engine's memory, given as its two halves. */
export function memoryAt(low: number, high: number, bytes: number): Uint8Array {
  pointer.setUint32(0, low, true);
  pointer.setUint32(4, high, true);
  return duckdb.get_data_from_pointer(pointer.buffer as ArrayBuffer, 0, bytes);
}
