import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { selfSignedCertificate } from './self-signed-certificate.js';

/** What people put before sidecars: one address for several, below a path, over TLS; and what it does in bad moments. */
export class WebProxy implements AsyncDisposable {
  /** Where people reach it, without a slash at its end. */
  readonly url: string;
  /** Sidecars; a request goes to the first that answers. */
  targets: string[] = [];
  /** Whether the first is another one for each request. */
  takesTurns = false;
  /** Answers that there is no stream, as proxies without the means do. */
  refusesStreams = false;
  readonly #prefix: string;
  readonly #server: Server;
  /** Streams that were ever open. */
  streamsOpened = 0;
  readonly #streams = new Set<ServerResponse>();

  private constructor(server: Server, url: string, prefix: string) {
    this.#server = server;
    this.#prefix = prefix;
    this.url = url;
    server.on('request', (incoming, outgoing) => void this.#pass(incoming, outgoing));
  }

  /** @param prefix path that it takes off before it passes a request on, such as `/data` */
  static async start({ prefix = '', isSecure = false } = {}): Promise<WebProxy> {
    const server: Server = isSecure ? createSecureServer(selfSignedCertificate()) : createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return new WebProxy(server, `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}${prefix}`, prefix);
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Cuts the streams that are open; new ones work. */
  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    if (!incoming.url?.startsWith(this.#prefix)) return refuse(outgoing, 404);
    const path = incoming.url.slice(this.#prefix.length);
    const isStream = path.endsWith('/stream');
    if (isStream && this.refusesStreams) return refuse(outgoing, 503);
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part);
    const body = Buffer.concat(parts);
    if (isStream) {
      this.#streams.add(outgoing);
      this.streamsOpened += 1;
      outgoing.on('close', () => this.#streams.delete(outgoing));
    }
    const [first, ...others] = this.targets;
    if (this.takesTurns && first !== undefined) this.targets = [...others, first];
    for (const target of this.targets) {
      if (await passTo(target, path, { incoming, outgoing, body })) return;
    }
    refuse(outgoing, 502);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface Passed {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly body: Buffer;
}

/** Fulfils with false if nobody answers there. */
function passTo(target: string, path: string, { incoming, outgoing, body }: Passed): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { ...incoming.headers, host: new URL(target).host };
    const passed = request(`${target}${path}`, { method: incoming.method, headers, agent: false }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(outgoing);
      // One that ends in the middle ends for both.
      reply.on('error', () => outgoing.destroy());
      resolve(true);
    });
    passed.on('error', () => (outgoing.headersSent ? outgoing.destroy() : resolve(false)));
    outgoing.on('close', () => passed.destroy());
    passed.end(body);
  });
}

function refuse(outgoing: ServerResponse, status: number): void {
  outgoing.writeHead(status);
  outgoing.end();
}
