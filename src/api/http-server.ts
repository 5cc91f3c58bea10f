import Fastify from 'fastify';
import { syncedTablesError } from '../core/errors.js';

/** What the server tells about. */
interface HealthSource {
  /** Names of what is not working at this moment; empty when all is well. */
  notReady(): string[];
}

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  readonly health: HealthSource;
  /** Option that chooses another port, for the message when this one is taken. */
  readonly portOption: string;
}

export interface HttpServer extends AsyncDisposable {
  readonly url: string;
}

/**
 * Serves `GET /healthz` (the process answers) and `GET /readyz` (every database can be worked with; 503 and their
 * names otherwise).
 * @throws PORT_TAKEN
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = Fastify({ logger: false });
  server.get('/healthz', async () => ({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    const notReady = options.health.notReady();
    if (notReady.length === 0) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', not_ready: notReady });
  });
  try {
    const url = await server.listen({ host: options.host, port: options.port });
    return { url, [Symbol.asyncDispose]: () => server.close() };
  } catch (error) {
    await server.close();
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw syncedTablesError('PORT_TAKEN', { port: options.port, option: options.portOption }, error);
  }
}
