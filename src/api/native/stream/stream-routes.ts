import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { SAFETY_HEADERS } from '../../wire/safety-headers.js';
import { NATIVE_PATH, NATIVE_TAGS } from '../native-path.js';
import { ChangeHub } from './change-hub.js';

/** Proxies close what is silent for longer; and a token that has ended ends its stream with the next of them. */
const HEARTBEAT_MS = 15_000;
/** More hints than fit into 4 kB are told as `all`. */
const HINTS_MAX = 80;

/** What changes, as it happens: hints only, to whoever may see what has changed. */
export function addStreamRoutes(server: ApiServer, context: ApiContext): void {
  const hub = new ChangeHub(context);
  const streams = new Set<() => void>();
  server.addHook('preClose', async () => {
    for (const end of streams) end();
    await hub[Symbol.asyncDispose]();
  });
  server.get(
    `${NATIVE_PATH}/stream`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'Server-sent events: ids of tables, pipelines, updates, verifications and events that have changed',
        response: {
          200: z.string().describe('text/event-stream; data is {"hints": ["table:ID", "update:ID", "all"]}'),
        },
      },
    },
    async (request, reply) => {
      let send: (hints: readonly string[]) => void = () => {};
      const leave = await hub.watch(request.caller, (hints) => send(hints));
      const stream = new EventStream(request, reply);
      send = (hints) => stream.tell(hints);
      const end = () => stream.end();
      streams.add(end);
      stream.onEnd(() => {
        leave();
        streams.delete(end);
      });
      return reply;
    },
  );
}

/** The reply of one viewer. */
class EventStream {
  readonly #reply: FastifyReply;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.#reply = reply.hijack();
    reply.raw.writeHead(200, {
      ...SAFETY_HEADERS,
      'content-type': 'text/event-stream; charset=utf-8',
      // Some proxies would collect it otherwise.
      'x-accel-buffering': 'no',
      // Kept open for another request, the connection would hold up a sidecar that stops.
      connection: 'close',
    });
    reply.raw.write('retry: 3000\n\n');
    this.#heartbeat = setInterval(() => {
      request.knowAgain().then(
        () => this.#reply.raw.write(':\n\n'),
        // A database that is down for a moment ends no stream; whoever is not known any more has none.
        (error: unknown) => (isUnknown(error) ? this.end() : this.#reply.raw.write(':\n\n')),
      );
    }, HEARTBEAT_MS).unref();
    this.onEnd(() => clearInterval(this.#heartbeat));
  }

  tell(hints: readonly string[]): void {
    const told = hints.length > HINTS_MAX ? ['all'] : hints;
    this.#reply.raw.write(`data: ${JSON.stringify({ hints: told })}\n\n`);
  }

  onEnd(listener: () => void): void {
    // Whoever left while it was being opened says so no more.
    if (this.#reply.raw.destroyed) listener();
    else this.#reply.raw.once('close', listener);
  }

  end(): void {
    this.#reply.raw.end();
  }
}

function isUnknown(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'UNAUTHENTICATED';
}
