import type pg from 'pg';
import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import { isPostgresFailure, postgresReason } from '../../../core/reasons/postgres-reason.js';
import { closeSession, connect, cutSession, isDirect, setUpSession } from '../../../postgres/session/session.js';
import { settingsWithoutQueries } from '../../../postgres/session/session-settings.js';

/** A Postgres that is read from. */
export interface SourceServer {
  readonly url: string;
  /** Name of the catalog in the settings, for messages. */
  readonly catalog: string;
}

/**
 * Runs `work` on a session of the server, in a transaction that reads one state and writes nothing.
 * @param table full name of the source table, for messages
 * @throws CATALOG_UNREACHABLE, CATALOG_ACCESS_DENIED, CATALOG_LOGIN_REFUSED, REMOTE_QUERY_FAILED
 */
export async function withServer<Result>(
  server: SourceServer,
  table: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await openReader(server, table);
  try {
    return await work(client);
  } catch (error) {
    throw explainFailure(server, table, error);
  } finally {
    await closeSession(client);
  }
}

/** How such a transaction begins, by session. Nothing of it is a query, which would take the snapshot. */
const beginnings = new WeakMap<pg.Client, string>();

/** Begins the transaction of a session that `openReader` opened, anew if it is in one. */
export async function beginReading(client: pg.Client): Promise<void> {
  const end = client.getTransactionStatus() === 'I' ? '' : 'rollback; ';
  await client.query(`${end}${beginnings.get(client) ?? ''}`);
}

/** A session in such a transaction. Through a pooler the transaction has our settings, where the session would keep them. */
export async function openReader(server: SourceServer, table: string): Promise<pg.Client> {
  try {
    const options = { url: server.url, applicationName: 'synced-tables source', role: null };
    const client = await connect(options);
    try {
      const settings = (await isDirect(client))
        ? await setUpSession(client, options).then(() => '')
        : await settingsWithoutQueries(client, options);
      // A policy would leave rows out in silence: without row_security the query fails.
      const begin = `begin isolation level repeatable read read only; ${settings} set local row_security = off`;
      beginnings.set(client, begin);
      await beginReading(client);
      return client;
    } catch (error) {
      cutSession(client);
      throw error;
    }
  } catch (error) {
    throw explainFailure(server, table, error);
  }
}

/** Logins and passwords, connections and servers, and what a server has too little of for the moment. */
const LOGIN = /^28/;
const TRANSIENT = /^(?:08|40|53|57|55P03)/;

/** The error to report for one of `pg`. */
export function explainFailure({ catalog }: SourceServer, table: string, error: unknown): unknown {
  const known = asSyncedTablesError(error);
  if (known !== null && !known.code.startsWith('POSTGRES_')) return error;
  if (known?.code === 'POSTGRES_PASSWORD_MISSING') {
    return syncedTablesError('CATALOG_LOGIN_REFUSED', { catalog, table, reason: withoutStop(known.message) }, error);
  }
  const cause = known === null ? error : (known.cause ?? error);
  if (!isPostgresFailure(cause)) {
    const reason = cause instanceof Error ? withoutStop(cause.message) : 'no connection';
    return syncedTablesError('CATALOG_UNREACHABLE', { catalog, table, attempts: 1, reason }, error);
  }
  const { code = '' } = cause;
  const reason = postgresReason(cause);
  if (LOGIN.test(code)) return syncedTablesError('CATALOG_LOGIN_REFUSED', { catalog, table, reason }, error);
  if (TRANSIENT.test(code))
    return syncedTablesError('CATALOG_UNREACHABLE', { catalog, table, attempts: 1, reason }, error);
  if (code === '42501')
    return syncedTablesError('CATALOG_ACCESS_DENIED', { catalog, table, wanted: 'a read', reason }, error);
  return syncedTablesError('REMOTE_QUERY_FAILED', { catalog, table, reason }, error);
}

function withoutStop(text: string): string {
  return text.replace(/\.$/, '');
}
