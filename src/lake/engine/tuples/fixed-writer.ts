import type { DataChunk } from '@duckdb/node-bindings';
import { type ColumnWriter, LENGTH_BYTES, type TupleBlock, writeNull } from './column-writer.js';
import { isNull, noMemory, vectorMemory } from './vector-memory.js';

/** Turns the values of a chunk, in the order of bytes of the engine, into what Postgres has for them. */
export type Conversion = (data: DataView, rows: number) => void;

/** Values with the same number of bytes in the engine as in Postgres, which has them the other way round. */
export class FixedWriter implements ColumnWriter {
  readonly #width: 1 | 2 | 4 | 8 | 16;
  readonly #convert: Conversion | null;
  #memory = noMemory;

  constructor(width: 1 | 2 | 4 | 8 | 16, convert: Conversion | null) {
    this.#width = width;
    this.#convert = convert;
  }

  take(chunk: DataChunk, column: number, rows: number, sizes: Float64Array): void {
    this.#memory = vectorMemory(chunk, column, rows, this.#width);
    const { data, validity } = this.#memory;
    this.#convert?.(data, rows);
    for (let row = 0; row < rows; row++) {
      (sizes[row] as number) += LENGTH_BYTES + (isNull(validity, row) ? 0 : this.#width);
    }
  }

  write(block: TupleBlock, from: number, to: number): void {
    const { view, cursors } = block;
    const width = this.#width;
    const { data, validity } = this.#memory;
    for (let row = from; row < to; row++) {
      if (isNull(validity, row)) {
        writeNull(block, row);
        continue;
      }
      const at = cursors[row] as number;
      const value = at + LENGTH_BYTES;
      const source = row * width;
      view.setInt32(at, width);
      // One loop for all: a function for each width would be a call for each value.
      if (width === 8) {
        view.setInt32(value, data.getInt32(source + 4, true));
        view.setInt32(value + 4, data.getInt32(source, true));
      } else if (width === 4) {
        view.setInt32(value, data.getInt32(source, true));
      } else if (width === 1) {
        view.setUint8(value, data.getUint8(source));
      } else if (width === 2) {
        view.setInt16(value, data.getInt16(source, true));
      } else {
        view.setInt32(value, data.getInt32(source + 12, true));
        view.setInt32(value + 4, data.getInt32(source + 8, true));
        view.setInt32(value + 8, data.getInt32(source + 4, true));
        view.setInt32(value + 12, data.getInt32(source, true));
      }
      cursors[row] = value + width;
    }
  }
}
