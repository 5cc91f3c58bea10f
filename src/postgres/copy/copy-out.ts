import type { Writable } from 'node:stream';
import type { Client, Connection } from 'pg';

/**
 * Runs `COPY … TO STDOUT` and writes its bytes; the server waits while `sink` is full.
 * @returns the number of rows; the sink is not ended
 */
export function copyOut(client: Client, sql: string, sink: Writable): Promise<bigint> {
  return new Promise((resolve, reject) => {
    client.query(new CopyOutQuery(sql, sink, resolve, reject));
  });
}

/** A statement in the form to which `pg` hands over the connection (its Submittable). */
class CopyOutQuery {
  readonly #sql: string;
  readonly #sink: Writable;
  readonly #resolve: (rows: bigint) => void;
  readonly #reject: (error: unknown) => void;
  #rows = 0n;
  /** Data that the connection has already read still arrives while it is paused. */
  #isPaused = false;
  #resume = () => {};
  #failure: { error: unknown } | null = null;

  constructor(sql: string, sink: Writable, resolve: (rows: bigint) => void, reject: (error: unknown) => void) {
    this.#sql = sql;
    this.#sink = sink;
    this.#resolve = resolve;
    this.#reject = reject;
    sink.once('error', (error) => {
      this.#failure ??= { error };
    });
  }

  submit(connection: Connection): void {
    connection.query(this.#sql);
  }

  handleCopyData(message: { chunk: Buffer }, { stream }: Connection): void {
    // The rest of the data still arrives, but is no longer wanted.
    if (this.#failure) return;
    // The chunk is part of a buffer that `pg` reuses.
    if (this.#sink.write(Buffer.from(message.chunk)) || this.#isPaused) return;
    stream.pause();
    this.#isPaused = true;
    this.#resume = () => {
      this.#isPaused = false;
      this.#sink.off('drain', this.#resume).off('close', this.#resume);
      stream.resume();
    };
    // A sink that failed never drains.
    this.#sink.once('drain', this.#resume).once('close', this.#resume);
  }

  handleCommandComplete(message: { text: string }): void {
    this.#rows = BigInt(/(\d+)$/.exec(message.text)?.[1] ?? '0');
  }

  handleReadyForQuery(): void {
    // Nor does one that is ending: what comes next on the connection is not for it.
    if (this.#isPaused) this.#resume();
    if (this.#failure) this.#reject(this.#failure.error);
    else this.#resolve(this.#rows);
  }

  handleError(error: unknown): void {
    this.#reject(this.#failure?.error ?? error);
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
