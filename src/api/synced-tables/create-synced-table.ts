import { SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import { readSyncedTables } from '../../postgres/registry/api/synced-table-record.js';
import {
  insertTableSpec,
  isSchemaThere,
  registerSyncedTable,
  setSchedule,
} from '../../postgres/registry/api/synced-tables.js';
import { withReservedName } from '../names/reserved-name.js';
import { fullNameOf, sqlNameOf } from '../names/table-name.js';
import { findTakenName } from '../names/taken-name.js';
import type { ApiContext } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { ensureDatabase, findDatabase } from '../places/ensure-database.js';
import { type CheckedRequest, checkRequest } from './checked-request.js';
import { parametersOf } from './create-parameters.js';
import { choosePlace, type Place } from './create-place.js';
import type { CreateRequest } from './create-request.js';
import { lookUpSyncedTable, type PlacedTable } from './synced-table-place.js';

/** A synced table that has just been created. */
export interface CreatedTable extends PlacedTable {
  /** Its first update. */
  readonly updateId: string;
}

/**
 * Creates a synced table for a caller, in a database catalog or a standard one; used by both services.
 * @throws CATALOG_PLACE_MISSING, CATALOG_PLACE_DIFFERS, LOGICAL_DATABASE_NOT_FOUND, SYNCED_TABLE_EXISTS, and what
 *   checkRequest and create_synced_table raise
 */
export async function createSyncedTable(
  context: ApiContext,
  caller: Caller,
  request: CreateRequest,
): Promise<CreatedTable> {
  const { name } = request;
  const place = await choosePlace(context, caller, request);
  const create = async () => {
    await requireFree(context, caller, { name, place });
    return createAt(place, caller, await checkRequest(context, caller, request));
  };
  // A database catalog maps to one database, which itself keeps names unique.
  if (!place.isStandard) return create();
  const wanted = { name: `table ${fullNameOf(name)}`, instance: place.instance.name, database: place.database };
  return withReservedName(context, wanted, create);
}

/** What creating a synced table would do. */
export interface CreateTrial {
  readonly instance: string;
  readonly database: string;
  /** Objects that would be created besides the table. */
  readonly creates: readonly ('database' | 'schema')[];
}

/**
 * Does what `createSyncedTable` does, and undoes it. The source is not looked at.
 * @throws what `createSyncedTable` throws, except errors of the source
 */
export async function tryToCreate(context: ApiContext, caller: Caller, request: CreateRequest): Promise<CreateTrial> {
  const { name, spec, schedule } = request;
  const place = await choosePlace(context, caller, request);
  await requireFree(context, caller, { name, place });
  const found = { instance: place.instance.name, database: place.database };
  const database = await findDatabase(caller, place, spec.create_database_objects_if_missing === true);
  // Nothing more can be known of a database that is not there.
  if (database === null) return { ...found, creates: ['database', 'schema'] };
  const hasSchema = await database.asCallerUndone(caller, async (client) => {
    const isThere = await isSchemaThere(client, name.schema);
    await registerSyncedTable(client, parametersOf(request));
    if (schedule) await setSchedule(client, { table: sqlNameOf(name), ...schedule });
    return isThere;
  });
  return { ...found, creates: hasSchema ? [] : ['schema'] };
}

async function requireFree(
  context: ApiContext,
  caller: Caller,
  { name, place }: { readonly name: TableName; readonly place: Place },
): Promise<void> {
  const fullName = fullNameOf(name);
  const taken = place.isStandard ? await findTakenName(context, name) : null;
  if (taken === 'registered') throw syncedTablesError('REGISTERED_TABLE_EXISTS', { table: fullName });
  if (taken === 'synced' || (await lookUpSyncedTable(context, caller, name)) !== null) {
    throw syncedTablesError('SYNCED_TABLE_EXISTS', { target: fullName });
  }
}

async function createAt(place: Place, caller: Caller, { given, spelled }: CheckedRequest): Promise<CreatedTable> {
  const { name, spec, schedule } = given;
  const database = await ensureDatabase(caller, place, spec.create_database_objects_if_missing === true);
  const role = await database.roleNameOf(caller);
  const catalog = place.isStandard ? name.catalog : null;
  return database.asCaller(caller, async (client, asService) => {
    const updateId = await registerSyncedTable(client, parametersOf(spelled));
    if (schedule) await setSchedule(client, { table: sqlNameOf(name), ...schedule });
    const record = await asService(async () => {
      const [created] = await readSyncedTables(client, role, { schema: name.schema, table: name.table });
      if (!created) throw new SyncedTablesError('API_DEFECT', `${fullNameOf(name)} was created but is not there.`, '');
      await insertTableSpec(client, { tableId: created.tableId, catalog, spec });
      return { ...created, spec: { ...spec }, catalog };
    });
    return { fullName: fullNameOf(name), instance: place.instance, database, record, updateId };
  });
}
