import type { DataChunk } from '@duckdb/node-bindings';
import { type ColumnWriter, LENGTH_BYTES, NULL_LENGTH, type TupleBlock } from './column-writer.js';
import { isNull, noMemory, vectorMemory } from './vector-memory.js';

/** Forms whose values have the same number of bytes in the engine as in Postgres. */
const WIDTHS = { bool: 1, int2: 2, int4: 4, float4: 4, int8: 8, float8: 8, time: 8, interval: 16, uuid: 16 } as const;

export type FixedForm = keyof typeof WIDTHS;

/**
 * The words of a number that are its exponent: with all bits set, and others besides, it is no number. There are many of those;
 * Postgres reads each from a text as the same one, so that rows which are compared by their bytes do not differ.
 */
const EXPONENTS = { float4: 0x7f80_0000, float8: 0x7ff0_0000 } as const;
const NOT_A_NUMBER = { float4: 0x7fc0_0000, float8: 0x7ff8_0000 } as const;
/** Of the sign. */
const UNSIGNED = 0x7fff_ffff;

/** Values of a fixed number of bytes, which Postgres has the other way round. */
export class FixedWriter implements ColumnWriter {
  readonly #width: 1 | 2 | 4 | 8 | 16;
  /**
   * The engine has the months, days and microseconds of an interval in this order and Postgres in the other, so that all
   * are turned round at once. A UUID is an integer whose sign is turned so that it sorts like its text.
   */
  readonly #flip: number;
  readonly #float: 'float4' | 'float8' | null;
  #memory = noMemory;

  constructor(form: FixedForm) {
    this.#width = WIDTHS[form];
    this.#flip = form === 'uuid' ? 0x8000_0000 : 0;
    this.#float = form === 'float4' || form === 'float8' ? form : null;
  }

  take(chunk: DataChunk, column: number, rows: number, sizes: Float64Array): void {
    this.#memory = vectorMemory(chunk, column, rows, this.#width);
    const { validity } = this.#memory;
    for (let row = 0; row < rows; row++) {
      (sizes[row] as number) += LENGTH_BYTES + (isNull(validity, row) ? 0 : this.#width);
    }
  }

  write(block: TupleBlock, from: number, to: number): void {
    if (this.#float !== null) this.#mendNumbers(this.#float, from, to);
    this.#writeValues(block, from, to);
  }

  /** Gives each value that is no number the bits that Postgres has for it. */
  #mendNumbers(float: 'float4' | 'float8', from: number, to: number): void {
    const width = this.#width;
    const exponent = EXPONENTS[float];
    const { data } = this.#memory;
    for (let row = from; row < to; row++) {
      const first = row * width + width - 4;
      const word = data.getInt32(first, true) & UNSIGNED;
      if (word < exponent || (word === exponent && (width === 4 || data.getInt32(first - 4, true) === 0))) continue;
      data.setInt32(first, NOT_A_NUMBER[float], true);
      if (width === 8) data.setInt32(first - 4, 0, true);
    }
  }

  #writeValues({ view, cursors }: TupleBlock, from: number, to: number): void {
    const width = this.#width;
    const flip = this.#flip;
    const { data, validity } = this.#memory;
    for (let row = from; row < to; row++) {
      const at = cursors[row] as number;
      const value = at + LENGTH_BYTES;
      if (isNull(validity, row)) {
        view.setInt32(at, NULL_LENGTH);
        cursors[row] = value;
        continue;
      }
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
        view.setInt32(value, data.getInt32(source + 12, true) ^ flip);
        view.setInt32(value + 4, data.getInt32(source + 8, true));
        view.setInt32(value + 8, data.getInt32(source + 4, true));
        view.setInt32(value + 12, data.getInt32(source, true));
      }
      cursors[row] = value + width;
    }
  }

  longValue(): null {
    return null;
  }
}
