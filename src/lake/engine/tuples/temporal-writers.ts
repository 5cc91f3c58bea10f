import type { DataChunk } from '@duckdb/node-bindings';
import { type ColumnWriter, LENGTH_BYTES, NULL_LENGTH, type TupleBlock } from './column-writer.js';
import { isNull, noMemory, vectorMemory } from './vector-memory.js';

/** Days from 1970-01-01, where the engine counts from, to 2000-01-01, where Postgres does. */
const EPOCH_DAYS = 10_957;

/** The ends of what four bytes hold. */
const INT_MAX = 0x7fff_ffff;
const INT_MIN = -0x8000_0000;

/**
 * To the engine, the greatest integer and its negative are infinities. In files of the lakehouse they are the last day or
 * microsecond, and the one before the engine's first (see `temporal-text.ts`).
 */
abstract class TemporalWriter implements ColumnWriter {
  readonly #width: 4 | 8;
  protected readonly hasInfinities: boolean;
  #memory = noMemory;

  constructor(width: 4 | 8, hasInfinities: boolean) {
    this.#width = width;
    this.hasInfinities = hasInfinities;
  }

  take(chunk: DataChunk, column: number, rows: number, sizes: Float64Array): void {
    this.#memory = vectorMemory(chunk, column, rows, this.#width);
    const { validity } = this.#memory;
    for (let row = 0; row < rows; row++) {
      (sizes[row] as number) += LENGTH_BYTES + (isNull(validity, row) ? 0 : this.#width);
    }
  }

  write({ view, cursors }: TupleBlock, from: number, to: number): void {
    const width = this.#width;
    const { data, validity } = this.#memory;
    for (let row = from; row < to; row++) {
      const at = cursors[row] as number;
      const value = at + LENGTH_BYTES;
      if (isNull(validity, row)) {
        view.setInt32(at, NULL_LENGTH);
        cursors[row] = value;
        continue;
      }
      view.setInt32(at, width);
      this.writeValue(view, value, data, row * width);
      cursors[row] = value + width;
    }
  }

  protected abstract writeValue(to: DataView, at: number, from: DataView, source: number): void;

  longValue(): null {
    return null;
  }
}

/** Before the first day of Postgres, which refuses it, and far enough from the least integer for any difference. */
const EARLIEST_DAY = -2_000_000_000;

/** `date`: days. */
export class DateWriter extends TemporalWriter {
  constructor(hasInfinities: boolean) {
    super(4, hasInfinities);
  }

  protected writeValue(to: DataView, at: number, from: DataView, source: number): void {
    const day = from.getInt32(source, true);
    if (this.hasInfinities && (day === INT_MAX || day === -INT_MAX)) to.setInt32(at, day > 0 ? INT_MAX : INT_MIN);
    else to.setInt32(at, Math.max(day, EARLIEST_DAY) - EPOCH_DAYS);
  }
}

const WORD = 2 ** 32;
const EPOCH_MICROSECONDS = EPOCH_DAYS * 86_400_000_000;
const EPOCH_HIGH = Math.floor(EPOCH_MICROSECONDS / WORD);
const EPOCH_LOW = EPOCH_MICROSECONDS % WORD;
/** The same for microseconds: the upper half of one. */
const EARLIEST_HIGH = -1_900_000_000;

/** `timestamp` and `timestamptz`: microseconds. */
export class TimestampWriter extends TemporalWriter {
  constructor(hasInfinities: boolean) {
    super(8, hasInfinities);
  }

  protected writeValue(to: DataView, at: number, from: DataView, source: number): void {
    const low = from.getUint32(source, true);
    const high = from.getInt32(source + 4, true);
    if (this.hasInfinities && high === INT_MAX && low === WORD - 1) write(to, at, INT_MAX, WORD - 1);
    else if (this.hasInfinities && high === INT_MIN && low === 1) write(to, at, INT_MIN, 0);
    else if (high < EARLIEST_HIGH) write(to, at, EARLIEST_HIGH, 0);
    else write(to, at, high - EPOCH_HIGH - (low < EPOCH_LOW ? 1 : 0), low - EPOCH_LOW);
  }
}

/** @param low modulo 2^32 */
function write(to: DataView, at: number, high: number, low: number): void {
  to.setInt32(at, high);
  to.setInt32(at + 4, low);
}
