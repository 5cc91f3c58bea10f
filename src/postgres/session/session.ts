import type { Socket } from 'node:net';
import pg from 'pg';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { describeServer } from '../../core/postgres-url.js';
import { explainOpenFiles } from '../../core/reasons/open-files.js';
import { postgresReason } from '../../core/reasons/postgres-reason.js';
import { connectionString, triesOtherWay } from './connection-url.js';
import { noteServerProcess, READ_SERVER_PROCESS } from './server-process.js';

/** The role that the sidecar acts as, whatever role it logged in as: data never flows with superuser rights. */
export const SYNC_ROLE = 'databricks_sync';

export interface SessionOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Role to act as; null for the login role itself (migrations, the CLI). */
  readonly role: string | null;
  /** Maximum milliseconds for a statement to wait for a lock. Default 30,000. */
  readonly lockTimeoutMs?: number;
  /** Milliseconds after which an unanswered query fails on our side: for sessions whose queries are all short. */
  readonly queryTimeoutMs?: number;
  /** Milliseconds after which the server ends a statement. Default none. */
  readonly statementTimeoutMs?: number;
  /** True to leave alone what the server reserves for administrators: a sidecar is a guest. */
  readonly isGuest?: boolean;
  /** Notices when nobody answers on the session any more. */
  readonly watch?: { add(client: pg.ClientBase): void } | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
const LOCK_TIMEOUT_MS = 30_000;
/** Memory for a session's staged rows before they spill to disk; allocated as needed. The server's default is 8. */
const TEMP_BUFFERS_MB = 64;
/**
 * Silence after which either side probes the other. A connection that carries nothing is broken a minute later if the
 * other side is gone; one with bytes on their way, a quarter of an hour later, for which there are `SessionWatch` on our
 * side and a time limit on the server's.
 */
const KEEPALIVE_SECONDS = 30;
/** How long the server waits for our machine to acknowledge what it sent. */
const UNACKNOWLEDGED_SECONDS = 30;
/** How long to wait for an orderly close, or for an aborted statement to end. */
const FAREWELL_MS_MAX = 5_000;

/**
 * Opens a connection with our standard settings. There is no statement timeout, since loads and index builds take as
 * long as the table is large; callers can end the session.
 * @throws POSTGRES_UNREACHABLE naming host and port, never the password; OPEN_FILES_LIMIT
 */
export async function openSession(options: SessionOptions): Promise<pg.Client> {
  let client: pg.Client | null = null;
  try {
    // Reads the certificates that the connection string names.
    client = new pg.Client(clientConfig(options));
    // An idle connection that breaks emits an error nobody awaits; the next query on it fails and is handled.
    client.on('error', () => {});
    await client.connect();
    await setUpSession(client, options);
    return client;
  } catch (error) {
    if (client !== null) await closeSession(client);
    if (triesOtherWay(options.url, error)) return openSession(options);
    throw explainConnectError(error, options.url);
  }
}

/** Applies our settings to a new connection, and has it watched. */
export async function setUpSession(client: pg.ClientBase, options: SessionOptions): Promise<void> {
  const timer = setTimeout(() => cutSession(client), CONNECT_TIMEOUT_MS);
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

/** The configuration for `pg`. */
export function clientConfig(options: SessionOptions): pg.ClientConfig {
  return {
    connectionString: connectionString(options.url),
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_SECONDS * 1000,
    ...(options.queryTimeoutMs === undefined ? {} : { query_timeout: options.queryTimeoutMs }),
  };
}

/** POSTGRES_UNREACHABLE, POSTGRES_CONNECTIONS_TAKEN or OPEN_FILES_LIMIT if no session could be opened; server errors other than a refused login stay as they are. */
export function explainConnectError(error: unknown, url: string): unknown {
  if (asSyncedTablesError(error)) return error;
  if (isPostgresError(error) && error.code === '53300') return connectionsTaken(url, postgresReason(error), error);
  if (isPostgresError(error) && error.code !== undefined && !error.code.startsWith('28')) return error;
  const files = explainOpenFiles(error);
  if (files !== null) return files;
  return syncedTablesError('POSTGRES_UNREACHABLE', { server: describeServer(url), reason: reasonOf(error) }, error);
}

function connectionsTaken(url: string, reason: string, cause?: unknown): Error {
  return syncedTablesError('POSTGRES_CONNECTIONS_TAKEN', { server: describeServer(url), reason }, cause);
}

/**
 * What a session must not take from its database or role, where their owners may set anything: how values and names are
 * written, what a query may see, and how long it may take. Servers have those of their version.
 */
const OURS: readonly (readonly [name: string, value: string])[] = [
  ['DateStyle', 'ISO, YMD'],
  ['TimeZone', 'UTC'],
  ['IntervalStyle', 'postgres'],
  ['bytea_output', 'hex'],
  ['extra_float_digits', '1'],
  ['xmlbinary', 'base64'],
  ['xmloption', 'content'],
  ['quote_all_identifiers', 'off'],
  ['standard_conforming_strings', 'on'],
  ['backslash_quote', 'safe_encoding'],
  ['array_nulls', 'on'],
  ['transform_null_equals', 'off'],
  // Off, it turns what a policy would hide into errors, in the registry too.
  ['row_security', 'on'],
  ['restrict_nonsystem_relation_kind', ''],
  ['check_function_bodies', 'on'],
  ['default_transaction_isolation', 'read committed'],
  ['default_transaction_deferrable', 'off'],
  ['idle_in_transaction_session_timeout', '0'],
  ['idle_session_timeout', '0'],
  ['transaction_timeout', '0'],
];

/** The statements that apply our settings to a new connection. */
export function sessionSettings(options: SessionOptions): string {
  const settings = [
    options.role === null ? '' : `set role ${pg.escapeIdentifier(options.role)};`,
    `set search_path = pg_catalog, pg_temp; set client_encoding = 'UTF8';`,
    // Not by pg_settings, which takes temporary files where work_mem is small.
    `select set_config(s.name, s.wanted, false)
       from (values ${OURS.map(([name, value]) => `('${name}', '${value}')`).join(', ')}) as s (name, wanted)
      where current_setting(s.name, true) is not null;`,
    `set temp_buffers = '${TEMP_BUFFERS_MB}MB';`,
    `set statement_timeout = ${options.statementTimeoutMs ?? 0};`,
    `set lock_timeout = ${options.lockTimeoutMs ?? LOCK_TIMEOUT_MS};`,
    // The server must notice our absence too: until then it keeps our locks, for two hours by default.
    `set tcp_keepalives_idle = ${KEEPALIVE_SECONDS}; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3;`,
    `set tcp_user_timeout = '${UNACKNOWLEDGED_SECONDS}s';`,
    // Covers index builds, during which it does not look at the socket; not available on Windows servers.
    `select set_config('client_connection_check_interval', '10s', false) where version() !~* 'windows|mingw|visual c';`,
  ];
  return settings.join(' ');
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

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  const { code, path, message } = error as NodeJS.ErrnoException;
  // The only files that a connection string names.
  if (path !== undefined && code !== undefined && /^E[A-Z]+$/.test(code) && /^E[A-Z]+: .*, open /.test(message)) {
    return `certificate or key ${path} cannot be read (${code})`;
  }
  if (/client password must be a string/.test(message)) {
    return 'the server wants a password, and there is none in the connection string, PGPASSWORD or PGPASSFILE';
  }
  if (/sslmode=verify-ca requires/.test(message))
    return 'sslmode=verify-ca needs the certificate of the CA as sslrootcert';
  return error instanceof Error ? error.message : String(error);
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
  return (
    isSocketError ||
    /^(Connection terminated|Client (was closed|has encountered)|Query read timeout)/.test(error.message)
  );
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
