// @ts-check
import { PassThrough } from 'node:stream';

/**
 * `COPY … TO STDOUT` as a stream, for the files that the benchmarks compare with.
 * @param {import('pg').Client} client
 * @param {string} sql
 */
export function openCopyOut(client, sql) {
  const out = new PassThrough();
  client.query(
    /** @type {any} */ ({
      submit: (/** @type {any} */ connection) => connection.query(sql),
      // pg uses its buffer again.
      handleCopyData: (/** @type {{ chunk: Buffer }} */ message) => out.write(Buffer.from(message.chunk)),
      handleCommandComplete: () => {},
      handleReadyForQuery: () => out.end(),
      handleError: (/** @type {Error} */ error) => out.destroy(error),
    }),
  );
  return out;
}
