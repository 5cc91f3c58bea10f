import { randomUUID } from 'node:crypto';
import fastifySwagger from '@fastify/swagger';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { validatorCompiler } from 'fastify-type-provider-zod';
import { syncedTablesError } from '../../core/errors.js';
import type { Logger } from '../../observability/logger.js';
import type { Settings } from '../../settings/settings-schema.js';
import { addConsoleRoutes } from '../console/console-routes.js';
import { makeFirstTokens } from '../identity/first-token.js';
import { findTokenRoles } from '../identity/token-roles.js';
import { type DeclareFromFiles, fileDeclarer } from '../pipelines/declare-from-files.js';
import type { ApiContext, ApiServer, Sources } from '../places/api-context.js';
import { type DatabaseHost, InstanceSet } from '../places/api-instance.js';
import { BODY_BYTES_MAX, parseJsonBody } from '../wire/json-text.js';
import { SAFETY_HEADERS } from '../wire/safety-headers.js';
import { addServices } from './api-services.js';
import { addDocumentRoutes } from './document-routes.js';
import { toErrorReply } from './error-reply.js';
import { noteMethods } from './known-methods.js';
import { createLimitedServer } from './limited-server.js';
import { openApiOptions, replySerializer } from './openapi-document.js';
import { repairPath } from './raw-path.js';
import { replyToUnreadRequest } from './unread-request.js';

// How the API is put together, for anyone adding a service:
//
//   server/         the server itself, without any service. `http-server`: body and path reading, errors, health.
//                   `api-services`: the list of services. Everything it adds authenticates first: `request.caller`.
//                   `error-reply`: errors of the catalogue (src/core/errors) to status, error_code, message, details.
//                   Throw syncedTablesError(…) anywhere; errors that SQL functions raise keep their code.
//                   `unread-request`: the answer to what is no HTTP request. `limited-server`: what callers may hold.
//                   `known-methods`: what 405 allows instead.
//                   `document-routes`: what everybody may read, made once.
//   console/        the page of the web console (src/console), which is the same for everybody.
//   native/         our own calls, `/api/2.0/synced-tables/…`, one file a resource.
//   <service>/      one folder a service: `add…Routes(server, context)`, zod schemas (`…-schema.ts`). Statements on the
//                   registry are in src/postgres/registry/api.
//
// Shared by the services, and importing none of them:
//
//   synced-tables/  creating and deleting synced tables, finding them by three-part name or by pipeline, and reading all
//                   that is known about them.
//   names/          three-part names, the catalogs behind them, and which are taken.
//   identity/       who calls: tokens, OIDC, credentials.
//   places/         `api-context`: what a route gets: instances, settings, logger. `api-instance`: the caller's
//                   instances (`context.instances.of(caller)`, `.find(caller, name)`) and their databases.
//                   `api-database`: `asCaller` is one transaction with the caller's rights, for every change;
//                   `asService` has the sidecar's rights, for registry rows that the query itself filters by what
//                   the caller may see (synced_tables_internal._role_may_see).
//   wire/           fields, pages and times as clients write and read them.
//
// A route names its schemas: `schema: { params, querystring, body, response: { 200: … } }`. Wire names are snake_case
// and stay in the service's folder. Ids of pipelines and updates are those of the database: lower-case UUIDs.

/** The source of health reports. */
interface HealthSource {
  /** Names of what is not working now; empty when all is well. */
  notReady(): string[];
  /** Databases whose connections had to be cut a moment ago; empty when all is well. */
  degraded(): readonly { readonly database: string; readonly error_code: string }[];
}

export interface HttpServerOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly host: DatabaseHost;
  readonly sources: Sources;
  /** The id under which the sidecar holds leases. */
  readonly sidecarId: string;
  /** See ApiContext. */
  readonly examine: ApiContext['examine'];
  readonly health: HealthSource;
  /** Command line option that chooses another port, for the message when this one is taken. */
  readonly portOption: string;
}

export interface HttpServer extends AsyncDisposable {
  /** An address at which this machine reaches it. */
  readonly url: string;
  /** Where it listens, such as `0.0.0.0:8080`. */
  readonly listens: string;
  /** For updates that nobody asks for over HTTP: the files of callers are the API's. */
  readonly declareFromFiles: DeclareFromFiles;
}

const BARE = '/api/2.0/postgres/';
/** Where the CLI asks for a synced table whose name was given without synced_tables/. */
const FORGOTTEN_PREFIX = /^\/api\/2\.0\/postgres\/[^/.]+\.[^/.]+\.[^/.]+$/;

const LOOPBACK_HOSTS = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i;

/**
 * Serves the API, its documentation (`/openapi.json`, `/docs`), `GET /healthz` (the process answers) and `GET /readyz`
 * (every database is usable; otherwise 503 with the names of the others; `degraded` names those that lost a connection a
 * moment ago, which takes nothing from the API, and those that were refused at the start: no reason to send requests
 * elsewhere). While there is no token, requests that do not come over the loopback address get nothing else: probes of
 * containers reach the sidecar from the start, and the first token takes effect at once.
 * @throws PORT_TAKEN
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { settings, logger, sidecarId, sources, examine } = options;
  const instances = new InstanceSet(options.host);
  const context = { instances, sources, settings, logger, sidecarId, examine };
  const server = await buildServer(options.health, context);
  const close = async () => {
    await server.close();
    await instances.close();
  };
  try {
    await makeFirstTokens(instances.all(), settings, logger);
    await tellIfOpen(options, instances);
    const { host, port } = settings.api;
    const url = await server.listen({ host, port });
    const listens = describeAddress(server);
    return { url, listens, declareFromFiles: fileDeclarer(context), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw syncedTablesError('PORT_TAKEN', { port: settings.api.port, option: options.portOption }, error);
  }
}

function describeAddress(server: ApiServer): string {
  const address = server.server.address();
  if (address === null || typeof address === 'string') return address ?? 'nowhere';
  return `${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

/** Says at the start who is served while there is no token. */
async function tellIfOpen({ settings, logger }: HttpServerOptions, instances: InstanceSet): Promise<void> {
  const { host, oidc } = settings.api;
  if (oidc !== undefined) return;
  const { hasTokens, unreachable } = await findTokenRoles(instances.all(), null);
  if (hasTokens || unreachable.size > 0) return;
  const how = 'make one with "synced-tables token create --role NAME", or name one in api.first_token of the settings';
  logger.info(
    `the API has no token yet: anybody who can reach it on this machine acts as the role of the instance's connection string; ${how}`,
  );
  if (LOOPBACK_HOSTS.test(host)) return;
  logger.warn({ host }, 'without a token, other machines are answered on /healthz, /readyz and /docs only');
}

/**
 * The server with all its routes, not yet listening.
 * @internal exported for tests, which send requests without a socket
 */
export async function buildServer(health: HealthSource, context: ApiContext): Promise<ApiServer> {
  const server: ApiServer = Fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    serverFactory: (handle) => createLimitedServer(handle),
    rewriteUrl: (request) => repairPath(request.url ?? '/'),
    frameworkErrors: (error, request, reply) => replyWithError(error, request, reply, context),
    clientErrorHandler: (error, socket) => replyToUnreadRequest(error, socket, randomUUID()),
    forceCloseConnections: 'idle',
  });
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(replySerializer);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string' }, async (_request: FastifyRequest, body: string) =>
    parseJsonBody(body),
  );
  server.decorateRequest('caller');
  server.decorateRequest('knowAgain');
  server.decorateRequest('sentBody');
  server.addHook('preValidation', async (request) => {
    request.sentBody = request.body;
  });
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(SAFETY_HEADERS);
  });
  const { logger } = context;
  server.setErrorHandler((error, request, reply) => {
    const { status, code } = replyWithError(error, request, reply, context);
    const said = { request: request.id, method: request.method, route: request.routeOptions.url, status };
    // What we say that we do not do is no defect of ours, and neither is what comes too early.
    if (status >= 500 && status !== 501 && code !== 'MANAGERS_NOT_YET')
      logger.error({ ...said, error }, 'request failed');
  });
  const methodsOf = noteMethods(server);
  server.setNotFoundHandler((request, reply) => {
    const { method } = request;
    const path = request.url.split('?')[0] ?? '';
    if (FORGOTTEN_PREFIX.test(path))
      throw syncedTablesError('RESOURCE_NOT_FOUND', { resource: path.slice(BARE.length) });
    const allowed = methodsOf(path);
    if (allowed.length === 0) throw syncedTablesError('ROUTE_NOT_FOUND', { method, path });
    reply.header('allow', allowed.join(', '));
    throw syncedTablesError('METHOD_NOT_ALLOWED', { method, path, allowed: allowed.join(', ') });
  });
  server.addHook('onResponse', async (request, reply) => {
    const { method } = request;
    const caller = request.caller?.name;
    const said = { request: request.id, method, route: request.routeOptions.url, status: reply.statusCode, caller };
    logger[method === 'GET' ? 'debug' : 'info'](said, 'request');
  });
  await server.register(fastifySwagger, openApiOptions());
  addDocumentRoutes(server);
  addHealth(server, health);
  await addConsoleRoutes(server, context.settings);
  await addServices(server, context);
  return server;
}

function replyWithError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  context: ApiContext,
): { readonly status: number; readonly code: unknown } {
  const schema = request.routeOptions?.schema?.body;
  const { status, body: said } = toErrorReply(error, { id: request.id, schema, body: request.sentBody });
  const body = { ...said, message: withoutFolders(said.message, context.settings) };
  // Bypasses the route's schemas, which describe successful replies.
  void reply
    .code(status)
    .headers({ ...SAFETY_HEADERS, 'content-type': 'application/json; charset=utf-8' })
    .serializer(JSON.stringify)
    .send(body);
  return { status, code: said.details[0]?.reason };
}

/** Callers need not know where on the machine or in which bucket a catalog lies: its name stands for that place. */
function withoutFolders(message: string, { catalogs }: Settings): string {
  let text = message;
  for (const [name, catalog] of Object.entries(catalogs)) {
    if ('root' in catalog && catalog.root.length > 1) text = text.replaceAll(catalog.root.replace(/\/+$/, ''), name);
  }
  return text;
}

function addHealth(server: ApiServer, health: HealthSource): void {
  server.get('/healthz', { schema: { hide: true } }, async () => ({ status: 'ok' }));
  server.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    const notReady = health.notReady();
    const degraded = health.degraded();
    const told = degraded.length === 0 ? {} : { degraded };
    if (notReady.length === 0) return { status: 'ready', ...told };
    return reply.code(503).send({ status: 'not ready', not_ready: notReady, ...told });
  });
}
