import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { inject } from 'vitest';
import type { TestServer } from './test-server.js';

/** A database of one test or test file. Disposing of it drops it, and fails when somebody is still connected. */
export interface TestDatabase extends AsyncDisposable {
  /** Connects as a superuser. */
  readonly url: string;
  /** Opens a session that ends with the database at the latest. */
  connect(): Promise<pg.Client>;
}

/** Sessions that were just ended are seen for a moment longer. */
const SESSION_END_MS_MAX = 3000;
/** A test file makes up to a hundred databases: sessions for that stay open, one pool a server. */
const adminPools = new Map<string, pg.Pool>();

/** The oldest and the newest server of this run; `describe.each(postgresServers())('$name', …)` runs tests on each. */
export function postgresServers(): TestServer[] {
  const servers = everyPostgresServer();
  const ends = servers.filter(({ major }) => major === 15 || major === 18);
  return ends.length > 0 ? ends : servers;
}

/**
 * One of them, a different one for different files, so that each is used; in the long form both. For what depends little
 * on the version: what the lake gives, HTTP, the console and the command line.
 * @param testUrl `import.meta.url` of the test
 */
export function eitherPostgresServer(testUrl: string): TestServer[] {
  const servers = postgresServers();
  if (process.env.TEST_LONG === '1') return servers;
  const name = path.basename(testUrl);
  const sum = [...name].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return servers.slice(sum % servers.length, (sum % servers.length) + 1);
}

/** Those, and the versions between: for what each version does differently. */
export function everyPostgresServer(): TestServer[] {
  return inject('postgresServers');
}

/**
 * Makes a database of its own: `await using database = await createTestDatabase(server)`.
 * @param template what it is a copy of; empty unless it is given
 * @param encoding instead of that of the template
 * @param sessionEndMsMax how long sessions may take to end before they count as left open
 */
export async function createTestDatabase(
  server: Pick<TestServer, 'url'>,
  { template = 'template0', encoding = '', sessionEndMsMax = SESSION_END_MS_MAX } = {},
): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  // Copied as files it writes no WAL, which takes half as long where commits wait for no disk.
  const encoded = encoding === '' ? '' : `encoding '${encoding}' locale 'C'`;
  const create = `create database ${name} template ${template} ${encoded} strategy file_copy`;
  await adminPool(server.url).query(create);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const clients: pg.Client[] = [];
  return {
    url: url.href,
    connect: async () => {
      const client = new pg.Client({ connectionString: url.href, application_name: 'test' });
      // The server may be killed or the session ended by the test itself; what it then sees is its own query's error.
      client.on('error', () => {});
      await client.connect();
      clients.push(client);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.end()));
      await dropDatabase(server.url, name, sessionEndMsMax);
    },
  };
}

async function dropDatabase(serverUrl: string, name: string, sessionEndMsMax: number): Promise<void> {
  const admin = adminPool(serverUrl);
  const leaked = await findLeakedSessions(admin, name, sessionEndMsMax);
  await admin.query(`drop database ${name} with (force)`);
  if (leaked.length > 0) throw new Error(`sessions were left open: ${leaked.join('; ')}`);
}

async function findLeakedSessions(admin: pg.Pool, name: string, msMax: number): Promise<string[]> {
  const deadline = performance.now() + msMax;
  for (;;) {
    const { rows } = await admin.query<{ session: string }>(
      `select format('%s (%s): %s', nullif(application_name, ''), state, query) as session
       from pg_catalog.pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
      [name],
    );
    if (rows.length === 0 || performance.now() > deadline) return rows.map((row) => row.session);
    await sleep(20);
  }
}

/** A superuser's sessions in the server's own database, for queries that leave nothing behind in a session. */
export function adminPool(serverUrl: string): pg.Pool {
  const known = adminPools.get(serverUrl);
  if (known) return known;
  const pool = new pg.Pool({ connectionString: serverUrl, application_name: 'test-admin', allowExitOnIdle: true });
  // Tests stop and kill servers of their own; the pool opens a new session afterwards.
  pool.on('error', () => {});
  adminPools.set(serverUrl, pool);
  return pool;
}
