import type { Socket } from 'node:net';
import pg from 'pg';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { describeServer } from '../../core/postgres-url.js';
import { connectionsTaken, explainConnectError, isEndOfConnection } from './connect-errors.js';
import { CONNECT_MS_MAX, connectionConfig, triesOtherWay } from './connection-url.js';
import { noteServerProcess, READ_SERVER_PROCESS } from './server-process.js';
import { KEEPALIVE_SECONDS, type SessionChoices, sessionSettings } from './session-settings.js';

/** The role that the sidecar acts as, whatever role it logged in as: data never flows with superuser rights. */
export const SYNC_ROLE = 'databricks_sync';

export interface SessionOptions extends SessionChoices {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Milliseconds after which an unanswered query fails on our side: for sessions whose queries are all short. */
  readonly queryTimeoutMs?: number;
  /** True to leave alone what the server reserves for administrators: a sidecar is a guest. */
  readonly isGuest?: boolean;
  /** Notices when nobody answers on the session any more. */
  readonly watch?: { add(client: pg.ClientBase): void } | undefined;
}

/** How long to wait for an orderly close, or for an aborted statement to end. */
const FAREWELL_MS_MAX = 5_000;

/**
 * Opens a connection with our standard settings. There is no statement timeout, since loads and index builds take as
 * long as the table is large; callers can end the session.
 * @throws what `connect` throws
 */
export async function openSession(options: SessionOptions): Promise<pg.Client> {
  const client = await connect(options);
  try {
    await setUpSession(client, options);
    return client;
  } catch (error) {
    await closeSession(client);
    throw explainConnectError(error, options.url);
  }
}

/**
 * Opens a connection as it is, without any settings of ours, encrypted or not as its connection string says.
 * @throws POSTGRES_UNREACHABLE naming host and port, never the password; POSTGRES_CONNECTIONS_TAKEN, POSTGRES_LOGIN_REFUSED,
 *   POSTGRES_PASSWORD_MISSING, POSTGRES_DATABASE_MISSING, POSTGRES_TLS_FAILED; OPEN_FILES_LIMIT
 */
export async function connect(options: SessionOptions): Promise<pg.Client> {
  try {
    return await inEitherWay(options.url, () => connectOnce(options));
  } catch (error) {
    throw explainConnectError(error, options.url);
  }
}

async function connectOnce(options: SessionOptions): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(options));
  // An idle connection that breaks emits an error nobody awaits; the next query on it fails and is handled.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    await closeSession(client);
    throw error;
  }
}

/** Tries again if encryption was what an attempt failed for and the connection string allows either. */
export async function inEitherWay<Result>(url: string, attempt: () => Promise<Result>): Promise<Result> {
  try {
    return await attempt();
  } catch (error) {
    if (!triesOtherWay(url, error)) throw error;
    return attempt().catch((second: unknown) => {
      // The server does not encrypt either, so that what it said first is what is wrong.
      throw triesOtherWay(url, second) ? error : second;
    });
  }
}

/** The number of the process that has answered the login of a connection. Poolers make one up. */
export function loginProcess(client: pg.Client): number | null {
  // `pg` has it, but its type declarations do not.
  return (client as unknown as { processID: number | null }).processID;
}

/**
 * Whether nothing is between a new connection and its process, so that what is set on it is set on nobody else's session. Sets
 * nothing.
 */
export async function isDirect(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>('select pg_catalog.pg_backend_pid() as pid');
  return rows[0]?.pid === loginProcess(client);
}

/** Applies our settings to a new connection, and has it watched. */
export async function setUpSession(client: pg.ClientBase, options: SessionOptions): Promise<void> {
  const timer = setTimeout(() => cutSession(client, sessionMissing(options.url)), CONNECT_MS_MAX);
  try {
    const results: unknown = await client.query(`${READ_SERVER_PROCESS} ${sessionSettings(options)}`);
    const [first] = results as pg.QueryResult<{ pid: number; startedAt: string | null; isReserved: boolean }>[];
    const { pid = 0, startedAt = null, isReserved = false } = first?.rows[0] ?? {};
    if (isReserved && options.isGuest)
      throw connectionsTaken(options.url, 'only those reserved for superusers are left');
    // Hidden where the connection string sets another role.
    if (startedAt !== null) noteServerProcess(client, { pid, startedAt });
  } finally {
    clearTimeout(timer);
  }
  options.watch?.add(client);
}

/** A pooler lets clients in before it has a session for them. */
function sessionMissing(url: string): Error {
  const reason = `after the login nothing was answered for ${CONNECT_MS_MAX / 1000} s, as by a pooler whose sessions are all in use`;
  return syncedTablesError('POSTGRES_UNREACHABLE', { server: describeServer(url), reason });
}

/**
 * The configuration for `pg`.
 * @throws CertificateUnreadable
 */
export function clientConfig(options: SessionOptions): pg.ClientConfig {
  return {
    ...connectionConfig(options.url),
    application_name: options.applicationName,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_SECONDS * 1000,
    ...(options.queryTimeoutMs === undefined ? {} : { query_timeout: options.queryTimeoutMs }),
  };
}

/** Ends a session. If the other side does not answer, the connection is cut. */
export async function closeSession(client: pg.Client): Promise<void> {
  const timer = setTimeout(() => cutSession(client), FAREWELL_MS_MAX);
  // A broken session has already ended, which is all we want.
  await client.end().catch(() => {});
  clearTimeout(timer);
}

/** Breaks the connection: everything waiting for an answer on it fails at once, with `reason` if there is one. */
export function cutSession(client: pg.ClientBase, reason?: Error): void {
  // `pg` has no public way that does not wait for the other side.
  const { connection } = client as unknown as { connection: { stream: Socket } };
  connection.stream.destroy(reason);
}

/**
 * Ensures that a session does not outlive `signal` for long: a statement still unanswered some seconds after the abort
 * fails, whether it is slow or nobody is there to answer.
 * @returns releases the session, which may then outlive the signal
 */
export function untilAborted(signal: AbortSignal, client: pg.Client): () => void {
  let timer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    timer = setTimeout(() => cutSession(client), FAREWELL_MS_MAX);
  };
  const release = () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    client.off('end', release);
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  client.once('end', release);
  return release;
}

/** Returns a function that opens sessions which do not outlive `signal` for long. */
export function sessionsUntil(signal: AbortSignal, open: () => Promise<pg.Client>): () => Promise<pg.Client> {
  return async () => {
    const client = await open();
    untilAborted(signal, client);
    return client;
  };
}

export function isPostgresError(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError;
}

/** True for errors of `pg` itself that mean a lost connection, and for POSTGRES_SILENT. */
export function isConnectionLoss(error: unknown): boolean {
  if (asSyncedTablesError(error)?.code === 'POSTGRES_SILENT') return true;
  if (isPostgresError(error) || !(error instanceof Error)) return false;
  const isSocketError = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT'].includes(
    String((error as NodeJS.ErrnoException).code),
  );
  return isSocketError || isEndOfConnection(error) || error.message.startsWith('Query read timeout');
}

/** Errors of work on one server whose connections have ended, in our words: POSTGRES_UNREACHABLE; all others as they are. */
export function explainConnectionLoss(error: unknown, url: string): unknown {
  return isConnectionLoss(error) ? explainConnectError(error, url) : explainSessionEnd(error, url);
}

/**
 * The same for work on other servers as well, such as stores, catalogs and webhooks: an error of a socket may be theirs, and
 * stays as it is.
 */
export function explainSessionEnd(error: unknown, url: string): unknown {
  const isServerGone = isPostgresError(error) && /^57P0[1-4]$/.test(error.code ?? '');
  return isServerGone || isEndOfConnection(error) ? explainConnectError(error, url) : error;
}

/** A query by the extended protocol, which accepts a single statement only: for text that contains others' SQL. */
export function singleStatement(text: string): pg.QueryConfig {
  // `pg` supports the option, but its type declarations lack it.
  const query: pg.QueryConfig & { readonly queryMode: 'extended' } = { text, queryMode: 'extended' };
  return query;
}

/**
 * Runs `work` in a transaction: committed when it fulfils, rolled back when it throws. If the rollback fails too, the
 * connection is broken, and the first error is the one to report.
 */
export function inTransaction<Result>(client: pg.Client, work: () => Promise<Result>): Promise<Result> {
  return inOpenedTransaction(client, async (begin) => {
    await client.query(begin);
    return work();
  });
}

/**
 * The same for work that sends BEGIN along with its first statement, which saves a round trip.
 * @param work is given the text for the beginning of that statement
 */
export async function inOpenedTransaction<Result>(
  client: pg.Client,
  work: (begin: string) => Promise<Result>,
): Promise<Result> {
  try {
    const result = await work('begin; ');
    await client.query('commit');
    return result;
  } catch (error) {
    // Nothing may have been sent: the server then only warns.
    await client.query('rollback').catch(() => {});
    throw error;
  }
}
