import { type AddressInfo, createServer, type Server, Socket } from 'node:net';

interface Pipe {
  readonly client: Socket;
  readonly server: Socket;
  isFrozen: boolean;
}

/**
 * Stands between sidecar and Postgres and can fall silent, as a network does that loses its route: connections stay
 * open on both sides, and nothing comes through any more, no farewell either.
 */
export class HalfOpenProxy implements AsyncDisposable {
  /** The connection string, by way of the proxy. */
  readonly url: string;
  readonly #listener: Server;
  readonly #pipes = new Set<Pipe>();
  #freezeAfter: string | null = null;

  private constructor(listener: Server, url: string) {
    this.#listener = listener;
    this.url = url;
  }

  static async start(targetUrl: string): Promise<HalfOpenProxy> {
    const target = new URL(targetUrl);
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo;
    const url = new URL(targetUrl);
    url.host = `127.0.0.1:${port}`;
    const proxy = new HalfOpenProxy(listener, url.href);
    listener.on('connection', (client) => proxy.#connect(client, target));
    return proxy;
  }

  #connect(client: Socket, target: URL): void {
    const server = new Socket();
    server.connect(Number(target.port), target.hostname);
    const pipe: Pipe = { client, server, isFrozen: false };
    this.#pipes.add(pipe);
    client.on('data', (chunk) => {
      if (pipe.isFrozen) return;
      server.write(chunk);
      if (this.#freezeAfter !== null && chunk.includes(this.#freezeAfter)) {
        this.#freezeAfter = null;
        pipe.isFrozen = true;
      }
    });
    server.on('data', (chunk) => {
      if (!pipe.isFrozen) client.write(chunk);
    });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => from.destroy());
      from.on('close', () => {
        if (!pipe.isFrozen) to.destroy();
      });
    }
  }

  /** Connections that are there now fall silent; new ones work. */
  freeze(): void {
    for (const pipe of this.#pipes) pipe.isFrozen = true;
  }

  /** The next connection that sends `text` falls silent when it has been passed on; the answer does not come back. */
  freezeAfter(text: string): void {
    this.#freezeAfter = text;
  }

  /** Whether `freezeAfter` has come to it. */
  get hasFrozen(): boolean {
    return this.#freezeAfter === null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client, server } of this.#pipes) {
      client.destroy();
      server.destroy();
    }
    await new Promise((resolve) => this.#listener.close(resolve));
  }
}
