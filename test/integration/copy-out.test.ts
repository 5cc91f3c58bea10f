import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { copyOut } from '../../src/postgres/copy/copy-out.js';
import { createTestDatabase, postgresServers } from '../support/postgres.js';

// Goal: rows that Postgres sends come out whole, however slow the sink, and a sink that fails ends the statement.

const SQL = `copy (select repeat('x', 200) from generate_series(1, 20000)) to stdout`;
const BYTES = 20_000 * 201;

/** Takes each chunk a moment later, and fails after some. */
class SlowSink extends Writable {
  bytes = 0;
  waiting = 0;
  readonly #failAfter: number;
  constructor(failAfter = Number.POSITIVE_INFINITY) {
    super({ highWaterMark: 16_384 });
    this.#failAfter = failAfter;
  }
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    this.waiting = Math.max(this.waiting, this.listenerCount('drain'));
    for (const { chunk } of chunks) this.bytes += chunk.length;
    setTimeout(() => done(this.bytes > this.#failAfter ? new Error('disk full') : undefined), 1);
  }
}

const [server] = postgresServers();

it('waits for a slow sink, once at a time', async () => {
  if (server === undefined) throw new Error('no server');
  await using database = await createTestDatabase(server);
  const client = await database.connect();
  const sink = new SlowSink();
  expect(await copyOut(client, SQL, sink)).toBe(20_000n);
  await new Promise((resolve) => sink.end(resolve));
  expect({ bytes: sink.bytes, waiting: sink.waiting }).toEqual({ bytes: BYTES, waiting: 1 });
});

it('leaves the session usable when the sink is ended before it has drained', async () => {
  if (server === undefined) throw new Error('no server');
  await using database = await createTestDatabase(server);
  const client = await database.connect();
  // So little comes in one piece with the end of the statement.
  const sink = new SlowSink();
  expect(await copyOut(client, `copy (select repeat('x', 200) from generate_series(1, 120)) to stdout`, sink)).toBe(
    120n,
  );
  sink.end();
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
}, 30_000);

it('ends when the sink fails, and leaves the session usable', async () => {
  if (server === undefined) throw new Error('no server');
  await using database = await createTestDatabase(server);
  const client = await database.connect();
  await expect(copyOut(client, SQL, new SlowSink(100_000))).rejects.toThrow('disk full');
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
}, 30_000);
