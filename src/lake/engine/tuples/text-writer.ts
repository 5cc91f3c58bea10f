import type { DataChunk } from '@duckdb/node-bindings';
import { NUL_ERROR_MARK } from '../nul-error.js';
import { type ColumnWriter, LENGTH_BYTES, type LongValue, type TupleBlock, writeNull } from './column-writer.js';
import { isNull, memoryAt, noMemory, vectorMemory, viewOf } from './vector-memory.js';

/**
 * A text or blob of the engine has its length in four bytes, and then itself if it has up to twelve, else its first four
 * and its address.
 */
const WIDTH = 16;
const INLINE_MAX = 12;
const INLINE_AT = 4;
const ADDRESS_AT = 8;
/**
 * Texts that lie one behind the other are copied at once. Between two there may be so many bytes that are nobody's: fewer
 * than a page has, so that all that is read lies in a page of one of the two.
 */
const GAP_MAX = 64;
/** At most so many bytes of texts are copied at once. */
const RUN_BYTES_MAX = 4 * 2 ** 20;
/** Copying fewer by a loop is faster than a call. */
const LOOP_BYTES_MAX = 192;

const WORD = 2 ** 32;

/** Texts that lie one behind the other in the memory of the engine. */
interface Run {
  /** The row after the last of them. */
  end: number;
  address: number;
  bytes: DataView;
}

/** `text`, `bytea` and `jsonb`. */
export class TextWriter implements ColumnWriter {
  /** The number of a column in which a NUL character is an error; null where it is none. */
  readonly #nulColumn: number | null;
  /** The version of the form before each value; null for none. */
  readonly #version: number | null;
  #rows = 0;
  #memory = noMemory;

  constructor(form: 'text' | 'bytea' | 'jsonb', nulColumn: number | null) {
    this.#version = form === 'jsonb' ? 1 : null;
    this.#nulColumn = nulColumn;
  }

  get #extra(): 0 | 1 {
    return this.#version === null ? 0 : 1;
  }

  take(chunk: DataChunk, column: number, rows: number, sizes: Float64Array): void {
    this.#rows = rows;
    this.#memory = vectorMemory(chunk, column, rows, WIDTH);
    const { data, validity } = this.#memory;
    const extra = this.#extra;
    for (let row = 0; row < rows; row++) {
      (sizes[row] as number) += LENGTH_BYTES + (isNull(validity, row) ? 0 : extra + data.getUint32(row * WIDTH, true));
    }
  }

  write(block: TupleBlock, from: number, to: number): void {
    const { view, bytes, cursors } = block;
    const { data, validity } = this.#memory;
    const version = this.#version;
    const extra = this.#extra;
    let run: Run = { end: from, address: 0, bytes: data };
    for (let row = from; row < to; row++) {
      if (isNull(validity, row)) {
        writeNull(block, row);
        continue;
      }
      const at = cursors[row] as number;
      const length = data.getUint32(row * WIDTH, true);
      view.setInt32(at, length + extra);
      if (version !== null) view.setUint8(at + LENGTH_BYTES, version);
      const start = at + LENGTH_BYTES + extra;
      cursors[row] = start + length;
      let hasNul: boolean;
      if (length <= INLINE_MAX) {
        hasNul = copyBytes(data, row * WIDTH + INLINE_AT, view, start, length);
      } else {
        if (row >= run.end) run = this.#runFrom(row, to);
        const source = this.#addressOf(row) - run.address;
        if (length <= LOOP_BYTES_MAX) {
          hasNul = copyBytes(run.bytes, source, view, start, length);
        } else {
          const text = new Uint8Array(run.bytes.buffer, run.bytes.byteOffset + source, length);
          bytes.set(text, start);
          hasNul = this.#nulColumn !== null && text.includes(0);
        }
      }
      if (hasNul) this.#refuseNul();
    }
  }

  #refuseNul(): void {
    if (this.#nulColumn !== null) throw new Error(`${NUL_ERROR_MARK}${this.#nulColumn};`);
  }

  /** @param row that of a text too long to be inline */
  #runFrom(row: number, to: number): Run {
    const { data, validity } = this.#memory;
    const address = this.#addressOf(row);
    let last = address + data.getUint32(row * WIDTH, true);
    let end = row + 1;
    for (; end < to; end++) {
      if (isNull(validity, end)) continue;
      const length = data.getUint32(end * WIDTH, true);
      if (length <= INLINE_MAX) continue;
      const next = this.#addressOf(end);
      if (next < last || next - last > GAP_MAX || next + length - address > RUN_BYTES_MAX) break;
      last = next + length;
    }
    const at = row * WIDTH + ADDRESS_AT;
    const copy = memoryAt(data.getUint32(at, true), data.getUint32(at + 4, true), last - address);
    return { end, address, bytes: viewOf(copy) };
  }

  /** Addresses have at most 48 bits in use, which a double has exactly. */
  #addressOf(row: number): number {
    const { data } = this.#memory;
    const at = row * WIDTH + ADDRESS_AT;
    return data.getUint32(at + 4, true) * WORD + data.getUint32(at, true);
  }

  #checked(text: Uint8Array): Uint8Array {
    if (this.#nulColumn !== null && text.includes(0)) this.#refuseNul();
    return text;
  }

  longValue(row: number): LongValue | null {
    const { data, validity } = this.#memory;
    if (row >= this.#rows || isNull(validity, row)) return null;
    const length = data.getUint32(row * WIDTH, true);
    if (length <= INLINE_MAX) return null;
    const address = this.#addressOf(row);
    const version = this.#version === null ? null : Uint8Array.of(this.#version);
    return {
      length: length + this.#extra,
      piece: (from, to) => {
        if (version === null) return this.#checked(textAt(address, from, to));
        return from === 0 ? version : textAt(address, from - 1, to - 1);
      },
    };
  }
}

/** Bytes of which one is zero, as "Hacker's Delight" finds it in section 6.1. */
const ONES = 0x0101_0101;
const HIGHS = 0x8080_8080;

function textAt(address: number, from: number, to: number): Uint8Array {
  const start = address + from;
  return memoryAt(start % WORD, Math.floor(start / WORD), to - from);
}

/** @returns whether one of the bytes is zero */
function copyBytes(from: DataView, source: number, to: DataView, at: number, length: number): boolean {
  let n = 0;
  let zeros = 0;
  for (; n + 4 <= length; n += 4) {
    const word = from.getInt32(source + n);
    zeros |= (word - ONES) & ~word & HIGHS;
    to.setInt32(at + n, word);
  }
  for (; n < length; n++) {
    const byte = from.getUint8(source + n);
    if (byte === 0) zeros = 1;
    to.setUint8(at + n, byte);
  }
  return zeros !== 0;
}
