import type pg from 'pg';
import { asSyncedTablesError, SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { describeServer } from '../../core/postgres-url.js';
import { asRaisedError } from '../../postgres/refusals/raised-error.js';
import { isPostgresError, openSession } from '../../postgres/session/session.js';
import { requireSession } from '../../postgres/session/session-trial.js';
import { openShortSession } from '../../postgres/session/short-session.js';
import type { ManagedDatabase } from '../../sidecar/managed-databases.js';

/**
 * Runs `work` with a session of the login role, whose rights decide what it may do. Its statements may each run in another session
 * of the server, unless `isKept`.
 * @param isKept whether the session has to stay the same
 * @throws POSTGRES_SESSION_NOT_KEPT, what the SQL functions raise, POSTGRES_UNREACHABLE, DATABASE_NOT_MIGRATED, PERMISSION_DENIED,
 *   POSTGRES_REFUSED
 */
export async function withDatabase<Result>(
  database: ManagedDatabase,
  work: (client: pg.Client) => Promise<Result>,
  isKept = false,
): Promise<Result> {
  try {
    const client = await open(database, isKept);
    try {
      return await work(client);
    } finally {
      // The session itself may have failed.
      await client.end().catch(() => {});
    }
  } catch (error) {
    throw explainDatabaseError(error, database);
  }
}

async function open({ url }: ManagedDatabase, isKept: boolean): Promise<pg.Client> {
  const connection = { url, applicationName: 'synced-tables command' };
  if (!isKept) return openShortSession({ ...connection, role: null });
  await requireSession(connection);
  return openSession({ ...connection, role: null });
}

function explainDatabaseError(error: unknown, database: ManagedDatabase): unknown {
  const known = asSyncedTablesError(error) ?? asRaisedError(error);
  if (known) return known;
  const server = describeServer(database.url);
  if (!isPostgresError(error)) {
    const isLost = error instanceof Error && /^Connection terminated|^read ECONN|^write E/.test(error.message);
    return isLost ? syncedTablesError('POSTGRES_UNREACHABLE', { server, reason: error.message }, error) : error;
  }
  const { code = 'XX000', message } = error;
  if (/^(3F000|42P01|42883)$/.test(code) && /synced_tables/.test(message)) {
    return syncedTablesError('DATABASE_NOT_MIGRATED', { database: database.name }, error);
  }
  if (code === '42501') {
    return new SyncedTablesError(
      'PERMISSION_DENIED',
      `The role of this connection may not use synced tables in ${database.name}: ${message}.`,
      'Log in as a member of databricks_superuser, or ask an administrator: GRANT databricks_superuser TO <role>.',
      error,
    );
  }
  return syncedTablesError('POSTGRES_REFUSED', { server, reason: message, sql_state: code }, error);
}
