import { randomFillSync } from 'node:crypto';
import { type AddressInfo, createServer, Socket } from 'node:net';

/** A session of the server, which whoever begins a transaction next may get. */
interface Session {
  readonly server: Socket;
  client: Client | null;
  /** Messages sent that end with an answer of their own, and were not answered. */
  unanswered: number;
}

interface Client {
  readonly socket: Socket;
  session: Session | null;
  /** What waits for a session. */
  readonly waiting: Buffer[];
}

/** A pooler, and what it has done. */
export interface TransactionPooler extends AsyncDisposable {
  /** The connection string, by way of the pooler. */
  readonly url: string;
  /** Transactions that ran in another session than the one before them of the same client. */
  readonly exchanged: number;
}

const QUERY = 0x51;
const SYNC = 0x53;
const FUNCTION_CALL = 0x46;
const TERMINATE = 0x58;
const READY = 0x5a;
const KEY_DATA = 0x4b;
const IDLE = 0x49;
const SSL_REQUEST = 80_877_103;

/**
 * A pooler in transaction mode: each login opens a session, and from then on each transaction of any client runs in one that is
 * free, and is never undone in between.
 * @param choice which of the free ones: the one that was used last, as PgBouncer does, or the one that has rested for longest
 */
export async function startTransactionPooler(
  url: string,
  choice: 'last' | 'longest' = 'last',
): Promise<TransactionPooler> {
  const target = new URL(url);
  const free: Session[] = [];
  const waiting: Client[] = [];
  const sockets = new Set<Socket>();
  const former = new WeakMap<Client, Session>();
  let exchanged = 0;

  /** Gives a waiting client a free session, and sends what it has to say. */
  const serve = (client: Client): void => {
    const session = client.session ?? (choice === 'last' ? free.pop() : free.shift());
    if (session === undefined) {
      if (!waiting.includes(client)) waiting.push(client);
      return;
    }
    if (client.session === null && former.has(client) && former.get(client) !== session) exchanged++;
    former.set(client, session);
    client.session = session;
    session.client = client;
    for (const message of client.waiting.splice(0)) {
      if ([QUERY, SYNC, FUNCTION_CALL].includes(message[0] ?? 0)) session.unanswered++;
      session.server.write(message);
    }
  };

  const release = (session: Session): void => {
    if (session.client !== null) session.client.session = null;
    session.client = null;
    free.push(session);
    const next = waiting.shift();
    if (next) serve(next);
  };

  const listener = createServer((socket) => {
    const client: Client = { socket, session: null, waiting: [] };
    const server = new Socket().connect(Number(target.port), target.hostname);
    const session: Session = { server, client, unanswered: 1 };
    client.session = session;
    let isUp = false;
    for (const each of [socket, server]) {
      sockets.add(each);
      each.setNoDelay(true);
      each.on('error', () => each.destroy());
    }
    socket.on('data', (chunk) => {
      if (isUp) return;
      // Of the login, only the wish to encrypt is not for the server.
      if (chunk.length === 8 && chunk.readInt32BE(4) === SSL_REQUEST) socket.write('N');
      else server.write(chunk);
    });
    messagesOf(server, (message) => {
      // As poolers do, which cancel statements for their clients.
      if (message[0] === KEY_DATA) randomFillSync(message, 5);
      session.client?.socket.write(message);
      if (message[0] !== READY || --session.unanswered > 0) return;
      if (!isUp) {
        isUp = true;
        messagesOf(socket, (said) => {
          if (said[0] === TERMINATE) return;
          client.waiting.push(said);
          serve(client);
        });
      }
      if (message[5] === IDLE) release(session);
    });
    // A client that leaves in the middle takes its session along.
    socket.on('close', () => {
      if (client.session !== null) client.session.server.destroy();
    });
    server.on('close', () => {
      if (free.includes(session)) free.splice(free.indexOf(session), 1);
      session.client?.socket.destroy();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const own = new URL(url);
  own.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return {
    url: own.href,
    get exchanged() {
      return exchanged;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** Cuts what a side sends into whole messages: a type, a length, and what it is about. */
function messagesOf(socket: Socket, onMessage: (message: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const length = 1 + rest.readInt32BE(1);
      onMessage(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  });
}
