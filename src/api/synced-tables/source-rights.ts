import { syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import type { ApiContext } from '../places/api-context.js';
import { firstAnswer } from '../places/ask-databases.js';
import type { Caller } from '../places/caller.js';
import { databasesOf } from '../places/database-place.js';

/**
 * Whether a caller may see the tables of source catalogs, which are read with the sidecar's credentials: only if they
 * may create synced tables in one of the databases, as they could then have any source table copied there.
 */
export async function maySeeSources(context: ApiContext, caller: Caller): Promise<boolean> {
  const may = await firstAnswer(databasesOf(context, caller), async ({ database }) => {
    const role = await database.roleNameOf(caller);
    const { rows } = await database.asService((client) =>
      client.query<{ may: boolean }>(
        `select exists (select from pg_catalog.pg_proc p
                         where p.pronamespace = 'synced_tables'::regnamespace and p.proname = 'create_synced_table'
                           and pg_catalog.has_function_privilege($1::name, p.oid, 'execute'))
                and pg_catalog.has_schema_privilege($1::name, 'synced_tables', 'usage') as may`,
        [role],
      ),
    );
    return rows[0]?.may === true ? true : null;
  });
  return may === true;
}

/** @throws ACCESS_DENIED, with the statement that would allow it, for callers who may not see sources */
export async function requireSeesSources(context: ApiContext, caller: Caller): Promise<void> {
  if (await maySeeSources(context, caller)) return;
  const [first] = context.instances.of(caller);
  const role = first === undefined ? caller.name : await first.home.roleNameOf(caller);
  const grant = `GRANT databricks_superuser TO ${quoteIdentifier(role)};`;
  const reason = `role ${role} may not create synced tables, and so may not see their sources (an administrator allows both with ${grant})`;
  throw syncedTablesError('ACCESS_DENIED', { reason });
}
