// The portal's HTTP server. It knows one Postgres connection, of role support_portal. start.mjs starts it; on its own it
// is: PORTAL_DATABASE_URL=postgres://support_portal:…@…/app PORT=8088 node server.mjs
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import pg from 'pg';
import { isMain } from './is-main.mjs';
import { Live } from './live.mjs';
import { charts, claim, comment, getTicket, listOrphans, listTickets, Refusal, setStatus } from './tickets.mjs';

const bodyBytesMax = 16_384;

const headers = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

const files = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/portal.css': ['portal.css', 'text/css; charset=utf-8'],
  ...Object.fromEntries(
    ['portal', 'address', 'charts', 'dom', 'freshness', 'ticket-list', 'ticket-panel'].map((name) => [
      `/${name}.js`,
      [`${name}.js`, 'text/javascript; charset=utf-8'],
    ]),
  ),
};

/** Calls by method and path; `:id` stands for the id of an incident. */
const calls = {
  'GET /api/tickets': async ({ pool, live, query }) => ({
    ...(query.status === 'closed'
      ? { ...(await listTickets(pool, { agent: query.agent, limit: '1' })), tickets: await listOrphans(pool) }
      : await listTickets(pool, query)),
    version: live.version,
  }),
  'GET /api/tickets/:id': ({ pool, id }) => getTicket(pool, id),
  'GET /api/charts': ({ pool }) => charts(pool),
  'POST /api/tickets/:id/claim': ({ pool, id, body }) => claim(pool, id, body),
  'POST /api/tickets/:id/status': ({ pool, id, body }) => setStatus(pool, id, body),
  'POST /api/tickets/:id/comments': ({ pool, id, body }) => comment(pool, id, body),
};

/**
 * Starts the portal.
 * @param options.databaseUrl of role support_portal
 * @param options.port 0 for any free one
 * @returns its address, and a function that stops it
 */
export async function startPortal({ databaseUrl, port }) {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: 'support-portal',
    max: 8,
    connectionTimeoutMillis: 5000,
    statement_timeout: 10_000,
  });
  // An idle connection was lost: the next request opens another.
  pool.on('error', ({ message }) => console.error(`support-portal: ${message}`));
  const live = new Live(databaseUrl);
  const server = createServer((request, response) => {
    answer({ pool, live, request, response }).catch((error) => sendError(response, error));
  });
  const stop = async () => {
    await live.close();
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
    await pool.end();
  };
  try {
    await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}

async function answer({ pool, live, request, response }) {
  const url = new URL(request.url, 'http://localhost');
  checkSite(request, { isCall: url.pathname.startsWith('/api/') });
  const file = request.method === 'GET' ? files[url.pathname] : undefined;
  if (file) return sendFile(response, file);
  if (`${request.method} ${url.pathname}` === 'GET /api/stream') {
    setHeaders(response);
    if (live.addStream(response)) return;
    throw new Refusal(503, 'TOO_MANY_STREAMS', 'Too many pages are open.');
  }
  const [, start, id, end = ''] = /^(\/api\/tickets\/)([^/]+)(\/\w+)?$/.exec(url.pathname) ?? [];
  const call = calls[`${request.method} ${start ? `${start}:id${end}` : url.pathname}`];
  if (!call) throw new Refusal(404, 'NOT_FOUND', 'There is nothing here.');
  const body = request.method === 'POST' ? await readBody(request) : null;
  const result = await call({
    pool,
    live,
    id: id && decodeURIComponent(id),
    query: Object.fromEntries(url.searchParams),
    body,
  });
  send(response, 200, result);
}

/** Pages of other sites may not call, nor names that lead to this machine: there is no sign-in that would stop them. */
function checkSite({ headers: { host = '', origin, 'sec-fetch-site': site = 'same-origin' } }, { isCall }) {
  const isOurHost = /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host);
  const isOurPage = (origin === undefined || origin === `http://${host}`) && ['same-origin', 'none'].includes(site);
  if (isOurHost && (isOurPage || !isCall)) return;
  throw new Refusal(403, 'OTHER_SITE', 'Only pages of this portal may call it.');
}

async function readBody(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > bodyBytesMax) throw new Refusal(413, 'TOO_LARGE', `A request has at most ${bodyBytesMax} bytes.`);
    chunks.push(chunk);
  }
  const body = parseJson(Buffer.concat(chunks).toString());
  const { agent } = body ?? {};
  if (typeof agent !== 'string' || !/^\p{L}[\p{L} .'-]{0,39}$/u.test(agent)) {
    throw new Refusal(400, 'AGENT_MISSING', 'Send a JSON object with the name of the agent: {"agent": "Ana"}.');
  }
  return body;
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function setHeaders(response) {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}

function send(response, status, value) {
  setHeaders(response);
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

async function sendFile(response, [name, type]) {
  const content = await readFile(new URL(`./page/${name}`, import.meta.url));
  setHeaders(response);
  response.writeHead(200, { 'Content-Type': type }).end(content);
}

function sendError(response, error) {
  if (response.headersSent) return response.destroy();
  if (error instanceof Refusal) {
    const { httpStatus, code, message, ticket } = error;
    return send(response, httpStatus, { error: { code, message }, ...(ticket && { ticket }) });
  }
  const { code = '' } = error;
  if (error instanceof URIError || /^2[23]/.test(code)) {
    return send(response, 400, {
      error: { code: 'VALUE_REFUSED', message: 'The database does not take such a value.' },
    });
  }
  // Its text may hold values of rows, and is not repeated.
  console.error(`support-portal: ${code || error.name}`);
  const message = 'The portal or its database has a problem. Its log says which.';
  send(response, /^(08|53|57|E)/.test(code) ? 503 : 500, { error: { code: 'UNAVAILABLE', message } });
}

if (isMain(import.meta.url)) {
  const { PORTAL_DATABASE_URL: databaseUrl, PORT: port = '8088' } = process.env;
  if (!databaseUrl) {
    console.error('PORTAL_DATABASE_URL is not set: give it a connection string of role support_portal.');
    process.exit(2);
  }
  const portal = await startPortal({ databaseUrl, port: Number(port) });
  console.log(`The portal is at ${portal.url}/`);
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => portal.stop());
}
