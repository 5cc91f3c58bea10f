import type { DataChunk } from '@duckdb/node-bindings';
import { type ColumnWriter, LENGTH_BYTES, type TupleBlock, writeNull } from './column-writer.js';
import { isNull, noMemory, vectorMemory } from './vector-memory.js';

/** A numeric of Postgres has digits of base 10,000; `numeric_send` in its sources describes the form. */
const BASE = 10_000;
const BASE_DIGITS = 4;
/** Number of digits, weight of the first, sign, number of decimals; two bytes each, as has each digit. */
const HEADER_BYTES = 8;
const DIGIT_BYTES = 2;
const NEGATIVE = 0x4000;
/** Digits of the longest decimal, 38 decimal digits, where its point divides one. */
const DIGITS_MAX = 11;

const WORD = 2 ** 32;

/** Bytes of a decimal in the engine, by its precision. */
function widthOf(precision: number): 2 | 4 | 8 | 16 {
  if (precision <= 4) return 2;
  if (precision <= 9) return 4;
  return precision <= 18 ? 8 : 16;
}

/** Decimals, which the engine keeps as integers of 10^-scale. */
export class NumericWriter implements ColumnWriter {
  readonly #width: 2 | 4 | 8 | 16;
  readonly #scale: number;
  /** Digits after the point. */
  readonly #fractionDigits: number;
  /** What the last digit after the point has of the integer, and the factor that makes a digit of it. */
  readonly #partBase: number;
  readonly #partFactor: number;
  #memory = noMemory;
  /** For each row the digits from the last to the first, their number, and the sign. */
  #digits = new Uint16Array(0);
  #counts = new Uint8Array(0);
  #signs = new Uint16Array(0);
  /** The absolute value of a long integer, in words from the least. */
  readonly #words = new Uint32Array(4);

  constructor(precision: number, scale: number) {
    this.#width = widthOf(precision);
    this.#scale = scale;
    this.#fractionDigits = Math.ceil(scale / BASE_DIGITS);
    const part = scale % BASE_DIGITS;
    this.#partBase = part === 0 ? BASE : 10 ** part;
    this.#partFactor = BASE / this.#partBase;
  }

  take(chunk: DataChunk, column: number, rows: number, sizes: Float64Array): void {
    this.#memory = vectorMemory(chunk, column, rows, this.#width);
    if (this.#counts.length < rows) {
      this.#digits = new Uint16Array(rows * DIGITS_MAX);
      this.#counts = new Uint8Array(rows);
      this.#signs = new Uint16Array(rows);
    }
    const { validity } = this.#memory;
    for (let row = 0; row < rows; row++) {
      if (isNull(validity, row)) {
        (sizes[row] as number) += LENGTH_BYTES;
        continue;
      }
      this.#divide(row);
      (sizes[row] as number) += LENGTH_BYTES + HEADER_BYTES + DIGIT_BYTES * (this.#counts[row] as number);
    }
  }

  /** Finds the digits of a value. */
  #divide(row: number): void {
    const { data } = this.#memory;
    const at = row * this.#width;
    if (this.#width === 2) this.#divideNumber(row, data.getInt16(at, true));
    else if (this.#width === 4) this.#divideNumber(row, data.getInt32(at, true));
    else {
      const high = data.getInt32(at + this.#width - 4, true);
      const low = data.getUint32(at, true);
      if (this.#width === 8 && high >= -0x20_0000 && high < 0x20_0000) this.#divideNumber(row, high * WORD + low);
      else this.#divideLong(row, at, high < 0);
    }
  }

  /** @param value an integer that a double has exactly */
  #divideNumber(row: number, value: number): void {
    this.#signs[row] = value < 0 ? NEGATIVE : 0;
    const first = row * DIGITS_MAX;
    let rest = Math.abs(value);
    let count = 0;
    if (this.#fractionDigits > 0) {
      const quotient = Math.floor(rest / this.#partBase);
      this.#digits[first] = (rest - quotient * this.#partBase) * this.#partFactor;
      rest = quotient;
      count = 1;
    }
    while (rest > 0 || count < this.#fractionDigits) {
      const quotient = Math.floor(rest / BASE);
      this.#digits[first + count++] = rest - quotient * BASE;
      rest = quotient;
    }
    this.#counts[row] = count;
  }

  #divideLong(row: number, at: number, isNegative: boolean): void {
    this.#signs[row] = isNegative ? NEGATIVE : 0;
    let words = this.#absoluteWords(at, isNegative);
    const first = row * DIGITS_MAX;
    let count = 0;
    if (this.#fractionDigits > 0) {
      this.#digits[first] = this.#remainder(words, this.#partBase) * this.#partFactor;
      count = 1;
    }
    for (;;) {
      while (words > 0 && this.#words[words - 1] === 0) words--;
      if (words === 0 && count >= this.#fractionDigits) break;
      this.#digits[first + count++] = this.#remainder(words, BASE);
    }
    this.#counts[row] = count;
  }

  /** @returns the number of words */
  #absoluteWords(at: number, isNegative: boolean): number {
    const { data } = this.#memory;
    const words = this.#width / 4;
    // Negated as two's complements are: inverted, plus one.
    let carry = isNegative ? 1 : 0;
    for (let n = 0; n < words; n++) {
      const word = data.getUint32(at + 4 * n, true);
      const sum = (isNegative ? ~word >>> 0 : word) + carry;
      this.#words[n] = sum;
      carry = sum >= WORD ? 1 : 0;
    }
    return words;
  }

  /** Divides the words by `divisor`, and returns the remainder. */
  #remainder(words: number, divisor: number): number {
    let remainder = 0;
    for (let n = words - 1; n >= 0; n--) {
      const dividend = remainder * WORD + (this.#words[n] as number);
      const quotient = Math.floor(dividend / divisor);
      this.#words[n] = quotient;
      remainder = dividend - quotient * divisor;
    }
    return remainder;
  }

  write(block: TupleBlock, from: number, to: number): void {
    const { view, cursors } = block;
    const { validity } = this.#memory;
    for (let row = from; row < to; row++) {
      if (isNull(validity, row)) {
        writeNull(block, row);
        continue;
      }
      const at = cursors[row] as number;
      const count = this.#counts[row] as number;
      view.setInt32(at, HEADER_BYTES + DIGIT_BYTES * count);
      view.setInt16(at + 4, count);
      view.setInt16(at + 6, count - this.#fractionDigits - 1);
      view.setUint16(at + 8, this.#signs[row] as number);
      view.setInt16(at + 10, this.#scale);
      let next = at + LENGTH_BYTES + HEADER_BYTES;
      for (let n = row * DIGITS_MAX + count - 1; n >= row * DIGITS_MAX; n--) {
        view.setUint16(next, this.#digits[n] as number);
        next += DIGIT_BYTES;
      }
      cursors[row] = next;
    }
  }
}
