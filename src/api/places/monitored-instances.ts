import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext } from './api-context.js';
import type { ApiInstance } from './api-instance.js';
import type { Caller } from './caller.js';

/**
 * The instances that a caller may watch, with all their tables: as a member of pg_monitor or databricks_superuser.
 * @throws ACCESS_DENIED when there is none
 */
export async function monitoredInstances(context: ApiContext, caller: Caller): Promise<ApiInstance[]> {
  const instances = context.instances.of(caller);
  if (caller.kind === 'local') return instances;
  const found = await Promise.all(
    instances.map(async (instance) => {
      const { rows } = await instance.home.asCaller(caller, (client) =>
        client.query<{ may: boolean }>(
          `select pg_catalog.pg_has_role('pg_monitor', 'usage') or pg_catalog.pg_has_role('databricks_superuser', 'usage') as may`,
        ),
      );
      return rows[0]?.may === true ? [instance] : [];
    }),
  );
  if (found.flat().length > 0) return found.flat();
  const reason = `${caller.name} is a member of neither pg_monitor nor databricks_superuser`;
  throw syncedTablesError('ACCESS_DENIED', { reason });
}
