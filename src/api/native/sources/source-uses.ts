import { countSourceUses } from '../../../postgres/registry/api/source-uses.js';
import type { ApiContext } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { databasesOf } from '../../places/database-place.js';

/** How many synced tables that the caller may see come from each of these sources, over all databases. */
export async function readSourceUses(
  context: ApiContext,
  caller: Caller,
  sources: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const total = new Map<string, number>();
  for (const { database } of databasesOf(context, caller)) {
    const role = await database.roleNameOf(caller);
    const counts = await database.asService((client) => countSourceUses(client, role, sources));
    for (const [source, tables] of counts) total.set(source, (total.get(source) ?? 0) + tables);
  }
  return total;
}
