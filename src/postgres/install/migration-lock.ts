import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { isPostgresError } from '../session/session.js';

/**
 * Held while migrating, so that a second migration of the database waits: ours, and that of postgres-migrations, which
 * by itself would ask for it once a second without end. Any role may take such a lock, so that nobody waits for ever.
 */
export const LOCK_KEYS = ['5073171826352271', '-8525285245963000605'] as const;
/** Longer than migrating an empty database takes on a slow machine. */
const LOCK_PATIENCE_MS = 60_000;

export interface MigrationLockOptions {
  readonly database: string;
  readonly patienceMs?: number;
}

/**
 * Takes the lock of migrations; `releaseMigrationLock` gives it back, as does the end of the session.
 * @throws MIGRATION_LOCKED naming the session that holds it
 */
export async function takeMigrationLock(client: pg.Client, options: MigrationLockOptions): Promise<void> {
  const { database, patienceMs = LOCK_PATIENCE_MS } = options;
  await client.query(`select set_config('lock_timeout', $1, false)`, [`${patienceMs}ms`]);
  for (const key of LOCK_KEYS) {
    try {
      await client.query('select pg_catalog.pg_advisory_lock($1)', [key]);
    } catch (error) {
      if (!isPostgresError(error) || error.code !== '55P03') throw error;
      const [holder = { pid: 0, session: 'a session that is gone' }] = await holdersOf(client, key);
      const details = { database, seconds: Math.round(patienceMs / 1000), session: holder.session, pid: holder.pid };
      throw syncedTablesError('MIGRATION_LOCKED', details, error);
    }
  }
}

/** Gives back what `takeMigrationLock` took. */
export async function releaseMigrationLock(client: pg.Client): Promise<void> {
  // One that was not taken is none to give back, which Postgres would warn of.
  await client.query(
    `select pg_catalog.pg_advisory_unlock(k) from unnest($1::bigint[]) as k
      where exists (select from pg_catalog.pg_locks l where l.pid = pg_catalog.pg_backend_pid() and ${isLockOf('k')})`,
    [LOCK_KEYS],
  );
}

function isLockOf(key: string): string {
  return `l.locktype = 'advisory' and l.granted and l.objsubid = 1
    and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
    and l.classid::bigint = ((${key} >> 32) & 4294967295) and l.objid::bigint = (${key} & 4294967295)`;
}

/** How a session is named before there is a function of ours for it. For aliases `a` of activity. */
const SESSION_NAME = `format('%s (role %s, application "%s", since %s UTC)', a.pid, a.usename, a.application_name,
  to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'))`;

async function holdersOf(client: pg.Client, key: string): Promise<{ pid: number; session: string }[]> {
  const { rows } = await client.query<{ pid: number; session: string }>(
    `select a.pid, ${SESSION_NAME} as session
       from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
      where ${isLockOf('$1::bigint')} and l.pid <> pg_catalog.pg_backend_pid() order by a.backend_start`,
    [key],
  );
  return rows;
}

/** Sessions that hold something of ours, which a migration may be about to change. */
export async function sessionsInTheWay(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ session: string }>(
    `select distinct ${SESSION_NAME} as session
       from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
       join pg_catalog.pg_class c on c.oid = l.relation join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
        and l.granted and l.pid <> pg_catalog.pg_backend_pid()
        and n.nspname in ('synced_tables', 'synced_tables_internal', 'synced_tables_served', 'databricks_auth', '__db_system')
      order by 1 limit 5`,
  );
  return rows.map(({ session }) => session);
}
