import type { DataChunk } from '@duckdb/node-bindings';
import { BLOCK_BYTES, takeBlock } from '../../../core/blocks.js';
import { type ColumnWriter, LENGTH_BYTES, type TupleBlock } from './column-writer.js';
import { viewOf } from './vector-memory.js';

/** The number of columns, before the values of each tuple. */
const COUNT_BYTES = 2;
/** More than any value has that is no text. */
const SHORT_VALUE_MAX = 64;

/**
 * Makes tuples of COPY's binary format from the chunks of a result, as Postgres documents it under "Binary Format" of COPY.
 * A chunk is turned column by column; no row and no value becomes a JavaScript object.
 */
export class TupleEncoder {
  readonly #writers: readonly ColumnWriter[];
  #sizes = new Float64Array(0);
  #cursors = new Uint32Array(0);
  #rows = 0;

  constructor(writers: readonly ColumnWriter[]) {
    this.#writers = writers;
  }

  /**
   * Takes over a chunk of `rows` rows. The blocks of the last one must have been taken.
   * @returns the bytes of its tuples
   */
  take(chunk: DataChunk, rows: number): number {
    if (this.#sizes.length < rows) {
      this.#sizes = new Float64Array(rows);
      this.#cursors = new Uint32Array(rows);
    }
    this.#rows = rows;
    const sizes = this.#sizes.fill(COUNT_BYTES, 0, rows);
    for (const [column, writer] of this.#writers.entries()) writer.take(chunk, column, rows, sizes);
    let bytes = 0;
    for (let row = 0; row < rows; row++) bytes += sizes[row] as number;
    return bytes;
  }

  /** The tuples of the chunk, in blocks (see `takeBlock`). */
  *blocks(): Generator<Buffer> {
    for (let from = 0; from < this.#rows; ) {
      const to = this.#endOfBlock(from, this.#rows);
      if (to === from) yield* this.#longTuple(from);
      else yield this.#block(from, to);
      from = Math.max(to, from + 1);
    }
  }

  /** The row before which a block that begins with `from` is full; `from` if its tuple alone does not fit. */
  #endOfBlock(from: number, rows: number): number {
    let bytes = 0;
    for (let row = from; row < rows; row++) {
      this.#cursors[row] = bytes;
      bytes += this.#sizes[row] as number;
      if (bytes > BLOCK_BYTES) return row;
    }
    return rows;
  }

  /** Writes the rows from `from` to before `to`, whose cursors stand at their beginnings. */
  #block(from: number, to: number): Buffer {
    const bytes = takeBlock();
    const block: TupleBlock = { view: viewOf(bytes), bytes, cursors: this.#cursors };
    for (let row = from; row < to; row++) {
      const at = this.#cursors[row] as number;
      block.view.setInt16(at, this.#writers.length);
      this.#cursors[row] = at + COUNT_BYTES;
    }
    for (const writer of this.#writers) writer.write(block, from, to);
    return bytes.subarray(0, this.#cursors[to - 1]);
  }

  /** A tuple that does not fit a block: its values one after another, the long ones piece by piece. */
  *#longTuple(row: number): Generator<Buffer> {
    const cursors = this.#cursors;
    let bytes = takeBlock();
    let view = viewOf(bytes);
    view.setInt16(0, this.#writers.length);
    cursors[row] = COUNT_BYTES;
    const next = () => {
      const full = bytes.subarray(0, cursors[row]);
      bytes = takeBlock();
      view = viewOf(bytes);
      cursors[row] = 0;
      return full;
    };
    for (const writer of this.#writers) {
      const long = writer.longValue?.(row) ?? null;
      const most = LENGTH_BYTES + (long === null ? SHORT_VALUE_MAX : long.length);
      if ((cursors[row] as number) + Math.min(most, BLOCK_BYTES) > BLOCK_BYTES) yield next();
      if (long === null || most <= BLOCK_BYTES) {
        writer.write({ view, bytes, cursors }, row, row + 1);
        continue;
      }
      view.setInt32(cursors[row] as number, long.length);
      cursors[row] = (cursors[row] as number) + LENGTH_BYTES;
      for (let done = 0; done < long.length; ) {
        const at = cursors[row] as number;
        const piece = long.piece(done, Math.min(long.length, done + BLOCK_BYTES - at));
        bytes.set(piece, at);
        cursors[row] = at + piece.length;
        done += piece.length;
        if (cursors[row] === BLOCK_BYTES) yield next();
      }
    }
    yield bytes.subarray(0, cursors[row]);
  }
}
