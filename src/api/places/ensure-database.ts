import { syncedTablesError } from '../../core/errors.js';
import type { ApiDatabase } from './api-database.js';
import type { ApiInstance } from './api-instance.js';
import type { Caller } from './caller.js';

interface WantedDatabase {
  readonly instance: ApiInstance;
  readonly database: string;
}

/**
 * The database, managed from now on. One that is missing, or that has no synced tables yet, is set up only if `create`
 * allows it.
 * @throws LOGICAL_DATABASE_NOT_FOUND, ACCESS_DENIED, MIGRATION_NOT_ALLOWED
 */
export async function ensureDatabase(caller: Caller, place: WantedDatabase, create: boolean): Promise<ApiDatabase> {
  const { instance, database } = place;
  const open = instance.database(database);
  if (open) return open;
  return instance.adopt(database, create ? await roleThatMayMakeReady(place, caller) : null);
}

/**
 * The managed database as `ensureDatabase` would give it, without making it ready: null if that were still to be done.
 * @throws LOGICAL_DATABASE_NOT_FOUND, ACCESS_DENIED
 */
export async function findDatabase(
  caller: Caller,
  place: WantedDatabase,
  create: boolean,
): Promise<ApiDatabase | null> {
  const { instance, database } = place;
  const open = instance.database(database);
  if (open === null && !create)
    throw syncedTablesError('LOGICAL_DATABASE_NOT_FOUND', { database, instance: instance.name });
  if (open === null) await roleThatMayMakeReady(place, caller);
  return open;
}

/** The caller's role. Its rights are checked here: the sidecar creates and migrates the database with its own. */
async function roleThatMayMakeReady({ instance, database }: WantedDatabase, caller: Caller): Promise<string> {
  return instance.home.asCaller(caller, async (client) => {
    const { rows } = await client.query<{ name: string; mayCreate: boolean; mayUse: boolean | null }>(
      `select r.rolname as name,
              r.rolsuper or r.rolcreatedb or pg_catalog.pg_has_role(r.oid, 'databricks_superuser', 'usage') as "mayCreate",
              (select not d.datistemplate and pg_catalog.has_database_privilege(d.oid, 'create')
                 from pg_catalog.pg_database d where d.datname = $1) as "mayUse"
         from pg_catalog.pg_roles r where r.rolname = current_user`,
      [database],
    );
    const { name = '', mayCreate = false, mayUse = null } = rows[0] ?? {};
    if (mayUse === null && !mayCreate) {
      throw syncedTablesError('ACCESS_DENIED', { reason: `role ${name} may not create databases` });
    }
    if (mayUse === false) {
      throw syncedTablesError('ACCESS_DENIED', { reason: `role ${name} lacks CREATE on database ${database}` });
    }
    return name;
  });
}
