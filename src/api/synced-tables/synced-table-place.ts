import { SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import { didYouMean } from '../../core/spelling.js';
import {
  type RecordFilter,
  readSyncedTables,
  type SyncedTableRecord,
} from '../../postgres/registry/api/synced-table-record.js';
import { catalogOfDatabase, findReachableCatalog } from '../names/catalog-place.js';
import { fullNameOf, parseTableName } from '../names/table-name.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiDatabase } from '../places/api-database.js';
import type { ApiInstance } from '../places/api-instance.js';
import { firstAnswer } from '../places/ask-databases.js';
import type { Caller } from '../places/caller.js';
import { type DatabasePlace, databasesOf } from '../places/database-place.js';

/** A synced table, and where it was found. */
export interface PlacedTable extends DatabasePlace {
  /** The three-part name that was asked for, or the one that lists show. */
  readonly fullName: string;
  readonly record: SyncedTableRecord;
}

/**
 * Finds a synced table by its three-part name. The catalog is one of: a registered database catalog; the standard
 * catalog that the table was created in; the name of a looked-after database, for tables that were made with SQL.
 * One table may have several names, and each may be written in another case as long as only one table fits.
 * @throws API_NAME_INVALID; SYNCED_TABLE_NOT_FOUND, also for a table that the caller may not see
 */
export async function requireSyncedTable(context: ApiContext, caller: Caller, name: string): Promise<PlacedTable> {
  const placed = await lookUpSyncedTable(context, caller, parseTableName(name));
  if (!placed) throw await unknownTable(context, caller, name);
  return placed;
}

/** SYNCED_TABLE_NOT_FOUND, with the table that the caller may see and most likely meant. */
export async function unknownTable(context: ApiContext, caller: Caller, name: string): Promise<SyncedTablesError> {
  const error = syncedTablesError('SYNCED_TABLE_NOT_FOUND', { target: name });
  const lists = await Promise.allSettled(
    context.instances.of(caller).map((instance) => listSyncedTables(instance, caller)),
  );
  const names = lists
    .flatMap((list) => (list.status === 'fulfilled' ? list.value : []))
    .map(({ fullName }) => fullName);
  return new SyncedTablesError(error.code, `${error.message}${didYouMean(name, names)}`, error.remedy);
}

/** Like requireSyncedTable; null if there is none that the caller may see. */
export async function lookUpSyncedTable(
  context: ApiContext,
  caller: Caller,
  name: TableName,
): Promise<PlacedTable | null> {
  const { catalog, schema, table } = name;
  const fullName = fullNameOf(name);
  const registered = await findReachableCatalog(context, caller, catalog);
  if (registered) {
    const { instance } = registered;
    const database = instance.database(registered.database);
    const record = database && (await readNamed(database, caller, { schema, table }));
    return database && record ? { fullName, instance, database, record } : null;
  }
  const ask = async ({ instance, database }: DatabasePlace): Promise<PlacedTable | null> => {
    const record = await readNamed(database, caller, { schema, table });
    const isNamed = isSame(record?.catalog ?? '', catalog) || isSame(database.name, catalog);
    return record && isNamed ? { fullName, instance, database, record } : null;
  };
  return firstAnswer(databasesOf(context, caller), ask, ({ record }) => isSame(record.catalog ?? '', catalog));
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** The table of that name; else the one whose name is the same but for its case. */
async function readNamed(
  database: ApiDatabase,
  caller: Caller,
  name: { readonly schema: string; readonly table: string },
): Promise<SyncedTableRecord | null> {
  const found = await readVisibleTables(database, caller, { ...name, inAnyCase: true });
  const exact = found.find(({ schema, table }) => schema === name.schema && table === name.table);
  return exact ?? (found.length === 1 ? (found[0] ?? null) : null);
}

/** The synced tables of an instance that the caller may see, each under the name that lists show. */
export async function listSyncedTables(instance: ApiInstance, caller: Caller): Promise<PlacedTable[]> {
  const tables = await Promise.all(instance.databases().map((database) => placeTables(instance, database, caller)));
  return tables.flat();
}

/** Lists show the catalog that a table was created in, else a database catalog, else the database. */
async function placeTables(instance: ApiInstance, database: ApiDatabase, caller: Caller): Promise<PlacedTable[]> {
  const records = await readVisibleTables(database, caller, {});
  if (records.length === 0) return [];
  const other = await catalogOfDatabase(instance, database.name);
  return records.map((record) => {
    const catalog = record.catalog ?? other;
    return { fullName: fullNameOf({ ...record, catalog }), instance, database, record };
  });
}

async function readVisibleTables(
  database: ApiDatabase,
  caller: Caller,
  filter: RecordFilter,
): Promise<SyncedTableRecord[]> {
  const role = await database.roleNameOf(caller);
  return database.asService((client) => readSyncedTables(client, role, filter));
}
