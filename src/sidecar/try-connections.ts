import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import { describeServer } from '../core/postgres-url.js';
import { leadToSameDatabase, requireSession } from '../postgres/session/session-trial.js';
import type { ManagedDatabase } from './managed-databases.js';

/**
 * Tries whether sessions of a database stay, and whether its two connection strings, if it has two, lead to the same place.
 * @returns as `tryPooler`
 * @throws POSTGRES_SESSION_NOT_KEPT, POSTGRES_URLS_DIFFER, and what connecting by the one for sessions throws
 */
export async function tryConnections(
  database: ManagedDatabase,
  applicationName: string,
): Promise<SyncedTablesError | null> {
  await requireSession({ url: database.url, applicationName });
  return tryPooler(database, applicationName);
}

/**
 * Tries whether the connection string for short transactions, if there is one, leads to the same place as the other.
 * @returns why it cannot be used at the moment; null if it can
 * @throws POSTGRES_URLS_DIFFER, and what connecting by the other one throws
 */
export async function tryPooler(
  { url, pooledUrl, instance }: ManagedDatabase,
  applicationName: string,
): Promise<SyncedTablesError | null> {
  if (pooledUrl === null) return null;
  const isSame = await leadToSameDatabase({ url, applicationName }, { url: pooledUrl, applicationName }).catch(
    (error: unknown) => {
      const known = asSyncedTablesError(error);
      if (known === null) throw error;
      return known;
    },
  );
  if (isSame === true) return null;
  if (isSame !== false) return isSame;
  const details = { server: describeServer(pooledUrl), direct: describeServer(url), instance };
  throw syncedTablesError('POSTGRES_URLS_DIFFER', details);
}
