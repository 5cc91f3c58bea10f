import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { type ConnectionLimits, createLimitedServer } from '../../../../src/api/server/limited-server.js';

// Goal: what one caller holds of the server is bounded, in number and in time, and nobody is locked out for ever.

const generous: ConnectionLimits = {
  connections: 100,
  unanswered: 10,
  headersMs: 60_000,
  requestMs: 60_000,
  untakenMs: 60_000,
  keepAliveMs: 60_000,
  checkMs: 50,
};
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const LAST_REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

class Served implements AsyncDisposable {
  readonly #server;
  readonly #sockets: Socket[] = [];

  private constructor(handle: RequestListener, limits: Partial<ConnectionLimits>) {
    this.#server = createLimitedServer(handle, { ...generous, ...limits });
  }

  static async start(handle: RequestListener, limits: Partial<ConnectionLimits> = {}): Promise<Served> {
    const served = new Served(handle, limits);
    await once(served.#server.listen(0, '127.0.0.1'), 'listening');
    return served;
  }

  /** A connection, and all that comes back on it. */
  async connect(): Promise<{ socket: Socket; closed: Promise<string> }> {
    const socket = connect((this.#server.address() as AddressInfo).port, '127.0.0.1');
    this.#sockets.push(socket);
    const parts: Buffer[] = [];
    socket.on('data', (part: Buffer) => parts.push(part)).on('error', () => undefined);
    const closed = once(socket, 'close').then(() => Buffer.concat(parts).toString());
    await once(socket, 'connect');
    return { socket, closed };
  }

  /** The status line of one request on a connection of its own; null if it is closed without an answer. */
  async ask(): Promise<string | null> {
    const { socket, closed } = await this.connect();
    socket.write(LAST_REQUEST);
    return (await closed).split('\r\n')[0] || null;
  }

  /** How many are open, as the server counts them. */
  async connections(): Promise<number> {
    return promisify(this.#server.getConnections.bind(this.#server))();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

it('answers so many requests that were sent at once, and closes the connection after them', async () => {
  let handled = 0;
  await using served = await Served.start(async (_, response) => {
    handled++;
    await sleep(50);
    response.end(`answer ${handled}`);
  });
  const { socket, closed } = await served.connect();
  socket.write(REQUEST.repeat(500));
  const answers = (await closed).match(/HTTP\/1\.1 200 OK/g);
  expect(answers).toHaveLength(generous.unanswered);
  expect(handled).toBe(generous.unanswered);
});

it('answers any number of requests that come one after another', async () => {
  await using served = await Served.start((_, response) => response.end());
  const { socket, closed } = await served.connect();
  for (let n = 0; n < 3 * generous.unanswered; n++) {
    socket.write(REQUEST);
    await once(socket, 'data');
  }
  socket.write(LAST_REQUEST);
  expect((await closed).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3 * generous.unanswered + 1);
});

it('closes a connection whose answers are not read in time', async () => {
  const size = 20_000_000;
  await using served = await Served.start((_, response) => response.end(Buffer.alloc(size)), { untakenMs: 1000 });
  const reader = await served.connect();
  reader.socket.write(LAST_REQUEST);
  expect((await reader.closed).length).toBeGreaterThan(size);
  const { socket } = await served.connect();
  socket.pause();
  socket.write(REQUEST);
  while ((await served.connections()) === 0) await sleep(10);
  while ((await served.connections()) > 0) await sleep(10);
  socket.resume();
  await once(socket, 'close');
  expect(socket.bytesRead).toBeLessThan(size);
});

it('closes a connection on which no request comes', async () => {
  await using served = await Served.start((_, response) => response.end(), { headersMs: 200 });
  const { closed } = await served.connect();
  expect(await closed).toContain('408');
});

it('closes the connection that has been idle for longest where a new one would be too many', async () => {
  await using served = await Served.start((_, response) => response.end(), { connections: 3 });
  const [first, second, third] = [await served.connect(), await served.connect(), await served.connect()];
  first.socket.write(REQUEST);
  await once(first.socket, 'data');
  for (let n = 0; n < 2; n++) expect(await served.ask()).toBe('HTTP/1.1 200 OK');
  await second.closed;
  expect([first, third].map(({ socket }) => socket.destroyed)).toEqual([false, false]);
});

it('leaves alone a connection whose request is being worked on, and refuses a new one rather than that', async () => {
  const working: (() => void)[] = [];
  await using served = await Served.start((_, response) => working.push(() => response.end('done')), {
    connections: 2,
  });
  const busy = [await served.connect(), await served.connect()];
  for (const { socket } of busy) socket.write(LAST_REQUEST);
  while (working.length < 2) await sleep(10);
  expect(await served.ask()).toBeNull();
  for (const finish of working) finish();
  for (const { closed } of busy) expect(await closed).toContain('done');
});
