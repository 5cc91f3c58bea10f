import { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import { type KnownTable, readKnownTable } from '../../../postgres/registry/api/known-table.js';
import { findCatalog } from '../../names/catalog-place.js';
import { parseTableName } from '../../names/table-name.js';
import type { ApiContext } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { type DatabasePlace, databasesOf } from '../../places/database-place.js';
import { NATIVE_PATH } from '../native-path.js';

/** Calls about one table are below its name. */
export const TABLE_PATH = `${NATIVE_PATH}/tables/:name`;

export const tableParams = z.object({ name: z.string().describe('Three-part name: catalog.schema.table') });

/** Where several instances have a table of that name. */
export const tableQuery = z.object({ instance: z.string().max(1_000).optional() });

/** A synced or streaming table, and where it was found. */
export interface PlacedTable extends DatabasePlace {
  /** The three-part name that was asked for. */
  readonly fullName: string;
  readonly table: KnownTable;
}

export interface TableRequest {
  readonly params: z.output<typeof tableParams>;
  readonly query: z.output<typeof tableQuery>;
  readonly caller: Caller;
}

/**
 * Finds the table that a call is about. Its catalog is a registered one, the standard catalog that it was created in, or
 * the name of its database.
 * @throws API_NAME_INVALID; SYNCED_TABLE_NOT_FOUND, also for a table that the caller may not see
 */
export async function requireTable(context: ApiContext, request: TableRequest): Promise<PlacedTable> {
  const { params, query, caller } = request;
  const name = parseTableName(params.name);
  const registered = await findCatalog(context, caller, name.catalog);
  let byDatabase: PlacedTable | null = null;
  for (const place of databasesOf(context, caller)) {
    const { instance, database } = place;
    if (query.instance && instance.name !== query.instance) continue;
    const isRegistered = registered?.instance === instance && registered.database === database.name;
    if (registered && !isRegistered) continue;
    const role = await database.roleNameOf(caller);
    const table = await database.asService((client) => readKnownTable(client, role, name));
    if (!table) continue;
    const placed = { ...place, fullName: params.name, table };
    if (isRegistered || table.catalog === name.catalog) return placed;
    if (database.name === name.catalog) byDatabase ??= placed;
  }
  if (byDatabase) return byDatabase;
  throw syncedTablesError('SYNCED_TABLE_NOT_FOUND', { target: params.name });
}
