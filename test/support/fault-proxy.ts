import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClientMessage, ClientMessages } from './client-messages.js';

/**
 * What happens to a connection:
 * - `freeze`: nothing comes through any more, no farewell either, and what is sent is still acknowledged
 * - `half-open`: the same on our side, while the server sees the connection closed
 * - `stall`: the same, and nothing is acknowledged: buffers fill up
 * - `reset`: both sides see it broken
 * - `trickle`: a byte now and then comes through
 */
export type FaultKind = 'freeze' | 'half-open' | 'stall' | 'reset' | 'trickle';

export interface Fault {
  readonly kind: FaultKind;
  /** Of the connection; any if left out. */
  readonly application?: RegExp;
  /** The statement at which it happens, in lower case (see ClientMessage). */
  readonly statement: RegExp;
  /** Whether the server still gets the statement. Its answer is lost then. */
  readonly reaches: boolean;
}

interface Pipe {
  readonly client: Socket;
  readonly server: Socket;
  readonly messages: ClientMessages;
  fault: FaultKind | null;
  /** The fault that comes when the statement is whole. */
  coming: FaultKind | null;
  /** Whether the server has sent something since the client last did. */
  hasAnswered: boolean;
}

/** A client that had its answer sends again: what it costs is a round trip. */
export interface Turn {
  /** The same object for all turns of a connection. */
  readonly connection: object;
  /** What it sends, in lower case (see ClientMessage); empty for a statement that the server knows by its name. */
  readonly statement: string;
}

const TRICKLE_MS = 200;

/** Stands between a program and Postgres, and does to connections what networks, proxies and poolers do. */
export class FaultProxy implements AsyncDisposable {
  /** The connection string, by way of the proxy. */
  readonly url: string;
  /** Milliseconds by which everything is late, each way. */
  latencyMs = 0;
  /** Whether new connections are refused. */
  refuses = false;
  /** Whether new connections are frozen from their first byte on. */
  freezesNew = false;
  /** Called for each round trip but those of connecting. */
  onTurn: (turn: Turn) => void = () => {};
  readonly #listener: Server;
  readonly #pipes = new Set<Pipe>();
  #planned: Fault | null = null;
  #skip = 0;

  private constructor(listener: Server, url: string) {
    this.#listener = listener;
    this.url = url;
  }

  /** @param host where it listens */
  static async start(targetUrl: string, host = '127.0.0.1'): Promise<FaultProxy> {
    const target = new URL(targetUrl);
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, host, resolve));
    const url = new URL(targetUrl);
    url.host = `${host}:${(listener.address() as AddressInfo).port}`;
    const proxy = new FaultProxy(listener, url.href);
    listener.on('connection', (client) => proxy.#connect(client, target));
    return proxy;
  }

  /**
   * The next connection that fits meets the fault, once.
   * @param skipped messages that fit and pass before it
   */
  plan(fault: Fault, skipped = 0): void {
    this.#planned = fault;
    this.#skip = skipped;
  }

  /** Whether the planned fault has happened. */
  get hasHappened(): boolean {
    return this.#planned === null;
  }

  /** Does it to the connections that are there now, or those of one application; new ones work. Returns how many. */
  strike(kind: FaultKind, application = /./): number {
    const hit = [...this.#pipes].filter(
      ({ fault, messages }) => fault === null && application.test(messages.applicationName ?? ''),
    );
    for (const pipe of hit) this.#break(pipe, kind);
    return hit.length;
  }

  /** Ports of the connections of one application on the side of the client. */
  clientPorts(application: RegExp): number[] {
    const ports = [...this.#pipes].map(({ client, messages }) => {
      return application.test(messages.applicationName ?? '') ? client.remotePort : undefined;
    });
    return ports.filter((port) => port !== undefined);
  }

  #connect(client: Socket, target: URL): void {
    if (this.refuses) {
      client.resetAndDestroy();
      return;
    }
    const server = new Socket();
    server.connect(Number(target.port), target.hostname);
    const pipe: Pipe = {
      client,
      server,
      messages: new ClientMessages(),
      fault: this.freezesNew ? 'freeze' : null,
      coming: null,
      hasAnswered: false,
    };
    this.#pipes.add(pipe);
    client.on('data', (chunk) => {
      for (const message of pipe.messages.push(chunk)) {
        this.#noteTurn(pipe, message);
        this.#pass(pipe, message);
      }
    });
    server.on('data', (chunk) => {
      pipe.hasAnswered = true;
      if (pipe.fault === null) this.#send(client, chunk);
      else if (pipe.fault === 'trickle') void trickle(client, chunk);
    });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true);
      from.on('error', () => from.destroy());
      from.on('close', () => {
        if (pipe.fault === null || pipe.fault === 'trickle') to.destroy();
        if (client.destroyed && server.destroyed) this.#pipes.delete(pipe);
      });
    }
  }

  #noteTurn(pipe: Pipe, { statement, isComplete }: ClientMessage): void {
    // Of a statement of the extended protocol only its name may follow; what is not a statement does not count.
    if (!pipe.hasAnswered || (statement === '' && isComplete)) return;
    pipe.hasAnswered = false;
    this.onTurn({ connection: pipe, statement });
  }

  #pass(pipe: Pipe, message: ClientMessage): void {
    if (pipe.fault === 'trickle') void trickle(pipe.server, message.bytes);
    if (pipe.fault !== null) return;
    const planned = this.#planned;
    if (planned !== null && fits(planned, pipe, message) && this.#skip-- === 0) {
      this.#planned = null;
      if (planned.reaches) pipe.coming = planned.kind;
      else this.#break(pipe, planned.kind);
    }
    if (pipe.fault === null) this.#send(pipe.server, message.bytes);
    if (pipe.coming !== null && message.isComplete) this.#break(pipe, pipe.coming);
  }

  #send(to: Socket, bytes: Buffer): void {
    if (this.latencyMs === 0) to.write(bytes);
    else setTimeout(() => to.destroyed || to.write(bytes), this.latencyMs);
  }

  #break(pipe: Pipe, kind: FaultKind): void {
    pipe.fault = kind;
    if (kind === 'half-open') pipe.server.destroy();
    if (kind === 'stall') {
      pipe.client.pause();
      pipe.server.pause();
    }
    if (kind !== 'reset') return;
    pipe.client.resetAndDestroy();
    // What the server was given before, it gets.
    pipe.server.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client, server } of this.#pipes) {
      client.destroy();
      server.destroy();
    }
    await new Promise((resolve) => this.#listener.close(resolve));
  }
}

function fits({ application = /./, statement }: Fault, { messages }: Pipe, message: ClientMessage): boolean {
  return (
    application.test(messages.applicationName ?? '') && message.statement !== '' && statement.test(message.statement)
  );
}

async function trickle(to: Socket, bytes: Buffer): Promise<void> {
  for (const byte of bytes) {
    if (to.destroyed) return;
    to.write(Buffer.of(byte));
    await sleep(TRICKLE_MS);
  }
}
