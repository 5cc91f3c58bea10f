import { Readable } from 'node:stream';
import { type DuckDBConnection, type DuckDBDataChunk, type DuckDBResult, ResultReturnType } from '@duckdb/node-api';
import { BLOCK_BYTES } from '../../../core/blocks.js';
import type { CopySelects, CopyStream } from '../copy-stream.js';
import type { BinaryColumn } from './binary-form.js';
import { COPY_HEADER, COPY_TRAILER } from './copy-frame.js';
import { TupleEncoder } from './tuple-encoder.js';
import { tupleWriters } from './tuple-writers.js';

export interface TupleOptions {
  readonly columns: readonly BinaryColumn[];
  /** The rows are few enough to be in memory at once, which takes less time. */
  readonly isSmall?: boolean;
  /** Ends the statement that is running. */
  readonly signal?: AbortSignal;
}

/** An interrupt that comes between two statements is forgotten when the next one starts: it is repeated this often. */
const INTERRUPT_MS = 50;

/** The engine reads on while the tuples of a chunk are made, unless the next may be too large to be in memory beside it. */
const AHEAD_BYTES_MAX = 2 * 2 ** 20;

/**
 * Runs `selects`, whose columns are COPY values in format `binary` (see `copyValue`), and delivers their rows as COPY's
 * binary format. That takes half of what the engine needs to write text, and Postgres reads it in two thirds of the time.
 *
 * @param connection used by nobody else until `finished` settles
 */
export function openTupleStream(
  connection: DuckDBConnection,
  selects: string | CopySelects,
  options: TupleOptions,
): CopyStream {
  const run = new TupleRun(connection, typeof selects === 'string' ? oneSelect(selects) : selects, options);
  return { bytes: new TupleBytes(run), finished: run.finished };
}

/** The next chunk; its failure counts as handled, since whoever takes it may come later. */
function fetch(result: DuckDBResult): Promise<DuckDBDataChunk | null> {
  const chunk = result.fetchChunk();
  chunk.catch(() => {});
  return chunk;
}

function unread(): Error {
  return new Error('nobody reads the rows any more');
}

/** As the engine says it. */
function interrupted(): Error {
  return new Error('INTERRUPT Error: Interrupted!');
}

async function* oneSelect(select: string): CopySelects {
  yield select;
}

/** The tuples of SELECTs, once. */
class TupleRun {
  /** See `CopyStream`. */
  readonly finished: Promise<bigint>;
  readonly blocks: AsyncGenerator<Buffer, void, void>;
  readonly #connection: DuckDBConnection;
  readonly #selects: CopySelects;
  readonly #options: TupleOptions;
  readonly #reject: (error: unknown) => void;
  #encoder: TupleEncoder | null = null;
  #isStarted = false;
  #isStopped = false;
  #isSettled = false;
  #interrupting: NodeJS.Timeout | null = null;

  constructor(connection: DuckDBConnection, selects: CopySelects, options: TupleOptions) {
    this.#connection = connection;
    this.#selects = selects;
    this.#options = options;
    let settle = { resolve: (_: bigint) => {}, reject: (_: unknown) => {} };
    this.finished = new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
    // The consumer learns of a failure through `finished`; until then it must not count as unhandled.
    this.finished.catch(() => {});
    this.#reject = settle.reject;
    this.blocks = this.#settling(settle.resolve);
  }

  /** Nobody takes blocks any more. Fulfils when the connection is free. */
  async end(): Promise<void> {
    if (this.#isStarted) {
      this.#stop();
      await this.blocks.return();
    } else {
      // A generator that never ran has nothing to clean up, and would not say that it is over.
      await this.#selects.return();
      this.#reject(unread());
    }
  }

  /** Ends the statement that is running. */
  readonly #stop = (): void => {
    this.#isStopped = true;
    if (this.#isSettled || this.#interrupting) return;
    this.#connection.interrupt();
    this.#interrupting = setInterval(() => this.#connection.interrupt(), INTERRUPT_MS);
  };

  async *#settling(resolve: (rows: bigint) => void): AsyncGenerator<Buffer, void, void> {
    this.#isStarted = true;
    const { signal } = this.#options;
    signal?.addEventListener('abort', this.#stop, { once: true });
    if (signal?.aborted) this.#stop();
    try {
      const rows = yield* this.#tuples();
      resolve(rows);
    } catch (error) {
      this.#reject(error);
    } finally {
      // After a return there was neither.
      this.#reject(unread());
      this.#isSettled = true;
      signal?.removeEventListener('abort', this.#stop);
      if (this.#interrupting) clearInterval(this.#interrupting);
    }
  }

  async *#tuples(): AsyncGenerator<Buffer, bigint, void> {
    yield COPY_HEADER;
    let rows = 0n;
    try {
      for (let step = await this.#selects.next(0n); step.done !== true; ) {
        const written = yield* this.#tuplesOf(step.value);
        rows += written;
        step = await this.#selects.next(written);
      }
    } finally {
      await this.#selects.return();
    }
    yield COPY_TRAILER;
    return rows;
  }

  async *#tuplesOf(select: string): AsyncGenerator<Buffer, bigint, void> {
    const { columns, isSmall = false } = this.#options;
    if (this.#isStopped) throw interrupted();
    const result: DuckDBResult = isSmall ? await this.#connection.run(select) : await this.#connection.stream(select);
    this.#encoder ??= new TupleEncoder(tupleWriters(result, columns));
    let rows = 0;
    let isRead = false;
    let next = fetch(result);
    try {
      for (;;) {
        const chunk = await next;
        if (this.#isStopped) throw interrupted();
        const count = chunk?.rowCount ?? 0;
        if (chunk === null || count === 0) break;
        const bytes = this.#encoder.take(chunk.chunk, count);
        // The texts of a result in memory stay where they are until its next chunk is asked for, those of a stream are the chunk's own.
        const isAhead = !isSmall && bytes <= AHEAD_BYTES_MAX;
        if (isAhead) next = fetch(result);
        yield* this.#encoder.blocks();
        if (!isAhead) next = fetch(result);
        rows += count;
      }
      if (result.returnType === ResultReturnType.INVALID) throw await this.#causeOf(select);
      isRead = true;
    } finally {
      await next.catch(() => {});
      // A result that is left unread holds its files and memory until the collector finds it; the next statement ends it.
      if (!isRead) await this.#endResult();
    }
    return BigInt(rows);
  }

  async #endResult(): Promise<void> {
    if (this.#interrupting) clearInterval(this.#interrupting);
    await this.#connection.run('select 1').catch(() => {});
  }

  /**
   * What went wrong in the middle of a result. The engine's client ends such a result like any other, and tells that it
   * failed, but not why: the same statement is run once more, to nowhere.
   */
  async #causeOf(select: string): Promise<unknown> {
    try {
      await this.#connection.run(`copy (${select}) to '/dev/null' (format csv, use_tmp_file false)`);
    } catch (error) {
      return error;
    }
    return new Error('IO Error: the rows could not be read to their end');
  }
}

/** The blocks of a run as a stream, which stops the run when it is destroyed. */
class TupleBytes extends Readable {
  readonly #run: TupleRun;
  #isReading = false;

  constructor(run: TupleRun) {
    super({ highWaterMark: BLOCK_BYTES });
    this.#run = run;
  }

  override async _read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      for (;;) {
        const step = await this.#run.blocks.next();
        if (this.destroyed) return;
        // The end of the bytes says nothing about success: a failure is told by `finished`.
        if (!this.push(step.done === true ? null : step.value) || step.done === true) return;
      }
    } finally {
      this.#isReading = false;
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#run.end().then(
      () => done(error),
      () => done(error),
    );
  }
}
