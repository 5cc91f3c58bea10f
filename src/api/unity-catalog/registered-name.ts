import { listRegisteredTables } from '../../postgres/registry/api/registered-tables.js';
import { parseTableName } from '../names/table-name.js';
import type { ApiContext } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import type { DatabasePlace } from '../places/database-place.js';
import { type RelationRecord, readRelations } from './relation-record.js';

/** A Postgres table with a registered three-part name. */
export interface RegisteredName extends DatabasePlace {
  readonly catalog: string;
  readonly relation: RelationRecord;
}

/**
 * The registered tables that a caller may read.
 * @param catalog null for all catalogs
 */
export async function findRegistered(
  context: ApiContext,
  caller: Caller,
  catalog: string | null,
): Promise<RegisteredName[]> {
  const found: RegisteredName[] = [];
  for (const instance of context.instances.of(caller)) {
    const rows = await instance.home.asService((client) => listRegisteredTables(client, catalog));
    for (const row of rows) {
      const { catalog: named, ...filter } = parseTableName(row.name);
      const database = instance.database(row.database);
      if (!database) continue;
      const role = await database.roleNameOf(caller);
      const [relation] = await database.asService((client) => readRelations(client, role, filter));
      if (relation) found.push({ catalog: named, instance, database, relation });
    }
  }
  return found;
}
