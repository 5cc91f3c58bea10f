import { Transform, type TransformCallback } from 'node:stream';

/** Lets bytes through and counts them; fails once there are more than allowed. */
export class LimitedBytes extends Transform {
  bytes = 0;
  readonly #limit: number;
  readonly #tooMany: (limit: number) => Error;

  constructor(limit: number, tooMany: (limit: number) => Error) {
    super();
    this.#limit = limit;
    this.#tooMany = tooMany;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    if (this.bytes > this.#limit) done(this.#tooMany(this.#limit));
    else done(null, chunk);
  }
}
