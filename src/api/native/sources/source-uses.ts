import { countSourceUses } from '../../../postgres/registry/api/source-uses.js';
import type { ApiContext } from '../../places/api-context.js';
import { askEachDatabase } from '../../places/ask-databases.js';
import type { Caller } from '../../places/caller.js';
import { databasesOf } from '../../places/database-place.js';

/** How many synced tables that the caller may see come from each of these sources, over all databases that answer. */
export async function readSourceUses(
  context: ApiContext,
  caller: Caller,
  sources: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const total = new Map<string, number>();
  const { answers } = await askEachDatabase(databasesOf(context, caller), async ({ database }) => {
    const role = await database.roleNameOf(caller);
    return database.asService((client) => countSourceUses(client, role, sources));
  });
  for (const { answer } of answers) {
    for (const [source, tables] of answer) total.set(source, (total.get(source) ?? 0) + tables);
  }
  return total;
}
