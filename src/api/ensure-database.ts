import { syncedTablesError } from '../core/errors.js';
import type { ApiDatabase } from './api-database.js';
import type { ApiInstance } from './api-instance.js';
import type { Caller } from './caller.js';

/**
 * The database, made and looked after from now on if it was not and `create` allows it.
 * @throws LOGICAL_DATABASE_NOT_FOUND, ACCESS_DENIED, MIGRATION_NOT_ALLOWED
 */
export async function ensureDatabase(
  caller: Caller,
  place: { readonly instance: ApiInstance; readonly database: string },
  create: boolean,
): Promise<ApiDatabase> {
  const { instance, database } = place;
  const open = instance.database(database);
  if (open) return open;
  if (!create) throw syncedTablesError('LOGICAL_DATABASE_NOT_FOUND', { database, instance: instance.name });
  return instance.adopt(database, await roleThatMayCreateDatabases(instance, caller));
}

/** The caller's role. Its right is asked here, since the sidecar creates and migrates the database with its own. */
async function roleThatMayCreateDatabases(instance: ApiInstance, caller: Caller): Promise<string> {
  return instance.home.asCaller(caller, async (client) => {
    const { rows } = await client.query<{ name: string; may: boolean }>(
      `select r.rolname as name, r.rolsuper or r.rolcreatedb
                or pg_catalog.pg_has_role(r.oid, 'databricks_superuser', 'usage') as may
         from pg_catalog.pg_roles r where r.rolname = current_user`,
    );
    const { name = '', may = false } = rows[0] ?? {};
    if (!may) throw syncedTablesError('ACCESS_DENIED', { reason: `role ${name} may not create databases` });
    return name;
  });
}
