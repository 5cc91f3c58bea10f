import { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import { type KnownTable, readKnownTable } from '../../../postgres/registry/api/known-table.js';
import { findReachableCatalog } from '../../names/catalog-place.js';
import { parseTableName } from '../../names/table-name.js';
import type { ApiContext } from '../../places/api-context.js';
import { firstAnswer } from '../../places/ask-databases.js';
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
 * @throws API_NAME_INVALID; SYNCED_TABLE_NOT_FOUND, also for a table that the caller may not see; what a server that is down
 *   says, if no other has it
 */
export async function requireTable(context: ApiContext, request: TableRequest): Promise<PlacedTable> {
  const { params, query, caller } = request;
  const name = parseTableName(params.name);
  const registered = await findReachableCatalog(context, caller, name.catalog);
  const isRegistered = ({ instance, database }: DatabasePlace) =>
    registered?.instance === instance && registered.database === database.name;
  const places = databasesOf(context, caller).filter(
    (place) => (!query.instance || place.instance.name === query.instance) && (!registered || isRegistered(place)),
  );
  const ask = async (place: DatabasePlace): Promise<PlacedTable | null> => {
    const { database } = place;
    const role = await database.roleNameOf(caller);
    const table = await database.asService((client) => readKnownTable(client, role, name));
    const isNamed = table?.catalog === name.catalog || database.name === name.catalog || isRegistered(place);
    return table !== null && isNamed ? { ...place, fullName: params.name, table } : null;
  };
  const isCertain = (found: PlacedTable) => isRegistered(found) || found.table.catalog === name.catalog;
  const found = await firstAnswer(places, ask, isCertain);
  if (found) return found;
  // It may well be on a server of which nobody knows whether the caller has a role there.
  for (const [instance, error] of caller.unreachable ?? []) {
    if (!query.instance || query.instance === instance) throw error;
  }
  throw syncedTablesError('SYNCED_TABLE_NOT_FOUND', { target: params.name });
}
