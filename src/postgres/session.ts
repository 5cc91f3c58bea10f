import pg from 'pg';
import { syncedTablesError } from '../core/errors.js';

/** The role as which the sidecar acts, whoever it logged in as: no superuser's rights on the way of the data. */
export const SYNC_ROLE = 'databricks_sync';

export interface SessionOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Role to act as; null for the login role itself (migrations, the CLI). */
  readonly role: string | null;
  /** Milliseconds that a statement may wait for a lock. Default 30,000. */
  readonly lockTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
const LOCK_TIMEOUT_MS = 30_000;

/**
 * Opens a connection with the settings that every one of ours has. There is no statement time-out, since loads and
 * index builds take as long as the table is large; whoever waits can end the session.
 * @throws POSTGRES_UNREACHABLE naming host and port, never the password
 */
export async function openSession(options: SessionOptions): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  // An idle connection that breaks emits an error nobody awaits; the next query on it fails and is handled.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(sessionSettings(options));
  } catch (error) {
    await client.end().catch(() => {});
    throw isPostgresError(error) && error.code !== undefined && !error.code.startsWith('28')
      ? error
      : syncedTablesError(
          'POSTGRES_UNREACHABLE',
          { server: describeServer(options.url), reason: reasonOf(error) },
          error,
        );
  }
  return client;
}

function sessionSettings(options: SessionOptions): string {
  const settings = [
    options.role === null ? '' : `set role ${pg.escapeIdentifier(options.role)};`,
    `set search_path = pg_catalog, pg_temp; set client_encoding = 'UTF8'; set datestyle = 'ISO, YMD'; set timezone = 'UTC';`,
    `set statement_timeout = 0; set idle_in_transaction_session_timeout = 0;`,
    `set lock_timeout = ${options.lockTimeoutMs ?? LOCK_TIMEOUT_MS};`,
  ];
  return settings.join(' ');
}

/** `host:port/database` of a connection string: all of it that may be shown. */
export function describeServer(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url);
    return `${hostname || 'localhost'}:${port || '5432'}${pathname}`;
  } catch {
    return 'the configured server';
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

export function isPostgresError(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError;
}

/**
 * Runs `work` in a transaction: committed when it fulfils, rolled back when it throws.
 * A rollback that fails too leaves a broken connection, of which the first error is the one to tell.
 */
export async function inTransaction<Result>(client: pg.Client, work: () => Promise<Result>): Promise<Result> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
}
