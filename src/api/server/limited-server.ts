import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What callers may hold, whether or not they have a token. */
export interface ConnectionLimits {
  /** At the limit, the connection that has been without a request for longest makes room for a new one. */
  readonly connections: number;
  /** Requests of one connection that wait for their answers; the connection is closed after so many of them. */
  readonly unanswered: number;
  /** Line and headers of a request have to arrive within this time, counted from connecting. */
  readonly headersMs: number;
  /** The whole of a request has to arrive within this time; replies may take longer. */
  readonly requestMs: number;
  /** Answers have to be read within this time. */
  readonly untakenMs: number;
  /** A connection may be kept open so long for another request. */
  readonly keepAliveMs: number;
  /** How often connections are examined. */
  readonly checkMs: number;
}

const LIMITS: ConnectionLimits = {
  connections: 500,
  unanswered: 16,
  headersMs: 30_000,
  requestMs: 60_000,
  untakenMs: 60_000,
  keepAliveMs: 72_000,
  checkMs: 5000,
};

/**
 * An HTTP server that callers can neither fill nor occupy. Node stops reading from a connection whose answers are not
 * taken, but only after it has handed on all requests that had arrived together, which can be a thousand.
 */
export function createLimitedServer(handle: RequestListener, limits: ConnectionLimits = LIMITS): Server {
  const connections = new Connections(limits);
  const options = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkMs,
  };
  const server = createServer(options, (request, response) => {
    if (connections.admits(request, response)) handle(request, response);
  });
  server.on('connection', (socket) => connections.add(socket));
  const check = setInterval(() => connections.closeUnread(), limits.checkMs).unref();
  server.once('close', () => clearInterval(check));
  return server;
}

/** The open connections, those first that have been without a request for longest. */
class Connections {
  readonly #limits: ConnectionLimits;
  readonly #open = new Map<Socket, Connection>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  add(socket: Socket): void {
    if (this.#open.size >= this.#limits.connections && !this.#makeRoom()) {
      socket.destroy();
      return;
    }
    this.#open.set(socket, new Connection());
    socket.once('close', () => this.#open.delete(socket));
  }

  /** False for a request that is not answered, since its connection is about to be closed. */
  admits({ socket }: IncomingMessage, response: ServerResponse): boolean {
    const connection = this.#open.get(socket);
    if (connection === undefined || connection.isLast) return false;
    this.#open.delete(socket);
    this.#open.set(socket, connection);
    connection.answers.add(response);
    response.once('close', () => connection.answers.delete(response));
    if (connection.answers.size < this.#limits.unanswered) return true;
    connection.isLast = true;
    response.shouldKeepAlive = false;
    socket.pause();
    return true;
  }

  /** Closes connections whose answers have been waiting for too long to be read. */
  closeUnread(): void {
    const now = performance.now();
    for (const [socket, connection] of this.#open) {
      connection.unreadSince = socket.writableLength === 0 ? null : (connection.unreadSince ?? now);
      if (now - (connection.unreadSince ?? now) > this.#limits.untakenMs) socket.destroy();
    }
  }

  /** Closes a connection for which nothing is being done; false if there is none. */
  #makeRoom(): boolean {
    for (const [socket, { isBusy }] of this.#open) {
      if (isBusy) continue;
      this.#open.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }
}

class Connection {
  /** Answers that are being made, or have not been taken yet. */
  readonly answers = new Set<ServerResponse>();
  /** Whether the connection is closed after the answers that it waits for. */
  isLast = false;
  unreadSince: number | null = null;

  get isBusy(): boolean {
    return [...this.answers].some(({ writableEnded }) => !writableEnded);
  }
}
