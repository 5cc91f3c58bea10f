import type { Readable, Writable } from 'node:stream';
import type { Client, Connection } from 'pg';
import { releaseBlock, widenedBlock } from '../../core/blocks.js';
import { publishCopiedBytes } from '../../observability/copied-bytes.js';
import { noteCopy, noteCopyEnd } from '../session/copies-in-progress.js';
import type { Answer } from '../session/query-together.js';

/** COPY bytes, and the promise that tells whether they were complete (see `CopyStream` of the reader). */
export interface CopySource {
  readonly bytes: Readable;
  readonly finished: Promise<bigint>;
}

export interface CopyResult {
  /** Rows that Postgres stored. */
  readonly rows: bigint;
  readonly bytes: number;
  /** The rows of each statement after the COPY that has some, as texts. */
  readonly answers: readonly Answer[];
}

const COPY_DATA = 0x64;

/**
 * Runs `COPY … FROM STDIN` and feeds it ready-made bytes: Node only prepends a header to each chunk.
 *
 * CopyDone is sent only after `source.finished` has fulfilled: the end of the bytes alone does not prove that the
 * writer completed. If the writer failed, CopyFail makes Postgres discard the rows, and the writer's error is thrown;
 * if Postgres refused a row, its error is thrown and the writer is stopped.
 *
 * @param sql may have other statements before and after the COPY, which cost no round trip then; those after it run only
 *   if it succeeds
 */
export function copyIn(client: Client, sql: string, source: CopySource): Promise<CopyResult> {
  const { database = '' } = client;
  return new Promise((resolve, reject) => {
    const done = (result: CopyResult) => {
      publishCopiedBytes({ database, bytes: result.bytes });
      resolve(result);
    };
    client.query(new CopyInQuery(client, sql, source, done, reject));
  });
}

/** What `pg` has on its connection but omits from its type declarations. */
interface CopyConnection extends Connection {
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
}

/** The type of the message and its length, which counts itself and the bytes that follow. */
const HEADER_BYTES = 5;

function writeHeader(message: Buffer, length: number): void {
  message.writeUInt8(COPY_DATA, 0);
  message.writeUInt32BE(length + 4, 1);
}

/** Sends a chunk as one message; false if the connection has enough for now. */
function sendCopyData(stream: Writable, chunk: Buffer): boolean {
  const message = widenedBlock(chunk, HEADER_BYTES);
  if (message !== null) {
    writeHeader(message, chunk.length);
    return stream.write(message, (error) => {
      if (!error) releaseBlock(chunk);
    });
  }
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  writeHeader(header, chunk.length);
  stream.cork();
  stream.write(header);
  const isReady = stream.write(chunk);
  stream.uncork();
  return isReady;
}

/** A statement in the form to which `pg` hands over the connection (its Submittable). */
class CopyInQuery {
  readonly #client: Client;
  readonly #sql: string;
  readonly #source: CopySource;
  readonly #resolve: (result: CopyResult) => void;
  readonly #reject: (error: unknown) => void;
  #bytes = 0;
  #rows = 0n;
  readonly #answers: (string | null)[][][] = [];
  /** The first cause counts: CopyFail, for example, provokes an error of its own. */
  #failure: { error: unknown } | null = null;
  #isServerDone = false;
  /** An empty stream may end before Postgres has answered, so its end is watched from the start. */
  readonly #ended: Promise<void>;

  constructor(
    client: Client,
    sql: string,
    source: CopySource,
    resolve: (result: CopyResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.#client = client;
    this.#sql = sql;
    this.#source = source;
    this.#resolve = resolve;
    this.#reject = reject;
    const { bytes } = source;
    bytes.once('error', (error) => {
      this.#failure ??= { error };
    });
    this.#ended = new Promise((end) => {
      if (bytes.closed) end();
      else bytes.once('close', end);
    });
  }

  submit(connection: Connection): void {
    connection.query(this.#sql);
  }

  handleCopyInResponse(connection: CopyConnection): void {
    const { bytes, finished } = this.#source;
    const { stream } = connection;
    noteCopy(this.#client, () => this.#bytes);
    const resume = () => bytes.resume();
    stream.on('drain', resume);
    bytes.on('data', (chunk: Buffer) => {
      if (this.#isServerDone) return;
      this.#bytes += chunk.length;
      if (!sendCopyData(stream, chunk)) bytes.pause();
    });
    this.#ended.then(async () => {
      stream.off('drain', resume);
      try {
        await finished;
      } catch (error) {
        this.#failure ??= { error };
      }
      if (this.#isServerDone) return;
      noteCopyEnd(this.#client);
      if (this.#failure) connection.sendCopyFail('the source could not be read');
      else connection.endCopyFrom();
    });
  }

  handleCommandComplete(message: { text: string }): void {
    const copied = /^COPY (\d+)$/.exec(message.text);
    if (copied) this.#rows = BigInt(copied[1] ?? '0');
  }

  handleReadyForQuery(): void {
    this.#settle();
  }

  /** Postgres refused, answered our CopyFail, or the connection broke; `pg` reports nothing after it. */
  handleError(error: unknown): void {
    this.#failure ??= { error };
    this.#settle();
  }

  handleRowDescription(): void {
    this.#answers.push([]);
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    this.#answers.at(-1)?.push(message.fields);
  }

  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  async #settle(): Promise<void> {
    this.#isServerDone = true;
    noteCopyEnd(this.#client);
    if (this.#bytes === 0) await firstByte(this.#source);
    // Closing the read end stops a writer that is still busy; its connection is free only once it has stopped.
    this.#source.bytes.destroy();
    await this.#source.finished.catch(() => {});
    if (this.#failure) this.#reject(this.#failure.error);
    else this.#resolve({ rows: this.#rows, bytes: this.#bytes, answers: this.#answers });
  }
}

/** A writer that has not opened its end of the FIFO yet would wait for a reader for ever: keep this end open. */
async function firstByte({ bytes, finished }: CopySource): Promise<void> {
  const arrived = new Promise((resolve) => bytes.once('data', resolve));
  await Promise.race([arrived, finished.catch(() => {})]);
}
