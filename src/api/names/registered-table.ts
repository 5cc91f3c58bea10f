import { syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import {
  deleteRegisteredTable,
  findRegisteredTable,
  insertRegisteredTable,
} from '../../postgres/registry/api/registered-tables.js';
import type { ApiContext } from '../places/api-context.js';
import type { ApiInstance } from '../places/api-instance.js';
import type { Caller } from '../places/caller.js';
import { findCatalog } from './catalog-place.js';
import { withReservedName } from './reserved-name.js';
import { fullNameOf, parseTableName } from './table-name.js';
import { findTakenName } from './taken-name.js';

/** A Postgres table that is not synced and has a three-part name. */
export interface RegisteredTable {
  readonly name: string;
  readonly instance: ApiInstance;
  readonly database: string;
  readonly createdBy: string;
}

/**
 * Gives a Postgres table that the caller may read a name in a standard catalog.
 * @throws API_NAME_INVALID, REQUEST_INVALID, REGISTERED_TABLE_EXISTS, REGISTERED_TABLE_NOT_FOUND,
 *   LOGICAL_DATABASE_NOT_FOUND
 */
export async function registerTable(
  context: ApiContext,
  caller: Caller,
  request: { readonly name: string; readonly instance: ApiInstance; readonly database: string },
): Promise<RegisteredTable> {
  const { instance, database } = request;
  const name = parseTableName(request.name);
  const fullName = fullNameOf(name);
  const role = await readingRole(instance, database, caller, name);
  const place = { instance: instance.name, database };
  return withReservedName(context, { name: `table ${fullName}`, ...place }, async () => {
    const taken = await findTakenName(context, name);
    if (taken === 'synced') throw syncedTablesError('SYNCED_TABLE_EXISTS', { target: fullName });
    const isRegistered = await instance.home.asService((client) =>
      insertRegisteredTable(client, { fullName, database, role, isTaken: taken !== null }),
    );
    if (!isRegistered) throw syncedTablesError('REGISTERED_TABLE_EXISTS', { table: fullName });
    return { name: fullName, instance, database, createdBy: role };
  });
}

/** Refuses a name in a catalog that already shows every table of its database. @throws REQUEST_INVALID */
export async function requireStandardCatalog(context: ApiContext, caller: Caller, catalog: string): Promise<void> {
  if ((await findCatalog(context, caller, catalog)) === null) return;
  const reason = `catalog ${catalog} is a database catalog, which shows the tables of its database by itself`;
  throw syncedTablesError('REQUEST_INVALID', { reason });
}

/** The caller's role, if it may read the table. */
async function readingRole(
  instance: ApiInstance,
  databaseName: string,
  caller: Caller,
  name: TableName,
): Promise<string> {
  const database = instance.database(databaseName);
  if (!database) {
    throw syncedTablesError('LOGICAL_DATABASE_NOT_FOUND', { database: databaseName, instance: instance.name });
  }
  const role = await database.roleNameOf(caller);
  if (await mayRead(instance, databaseName, caller, name)) return role;
  throw syncedTablesError('REGISTERED_TABLE_NOT_FOUND', { table: `${databaseName}.${name.schema}.${name.table}` });
}

async function mayRead(instance: ApiInstance, databaseName: string, caller: Caller, name: TableName): Promise<boolean> {
  const database = instance.database(databaseName);
  if (!database) return false;
  const role = await database.roleNameOf(caller);
  const { rowCount } = await database.asService((client) =>
    client.query(
      `select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = $2 and c.relname = $3 and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and pg_catalog.has_schema_privilege($1::name, n.oid, 'usage')
          and pg_catalog.has_table_privilege($1::name, c.oid, 'select')`,
      [role, name.schema, name.table],
    ),
  );
  return rowCount !== 0;
}

/**
 * The registered table with that name, for callers who may read or unregister it.
 * @throws API_NAME_INVALID, REGISTERED_TABLE_NOT_FOUND
 */
export async function requireRegisteredTable(
  context: ApiContext,
  caller: Caller,
  fullName: string,
): Promise<RegisteredTable> {
  const name = parseTableName(fullName);
  for (const instance of context.instances.of(caller)) {
    const role = await instance.home.roleNameOf(caller);
    const found = await instance.home.asService((client) => findRegisteredTable(client, fullNameOf(name), role));
    if (!found) continue;
    if (!found.mayControl && !(await mayRead(instance, found.database, caller, name))) continue;
    return { name: fullNameOf(name), instance, database: found.database, createdBy: found.createdBy };
  }
  throw syncedTablesError('REGISTERED_TABLE_NOT_FOUND', { table: fullName });
}

/** Unregisters the name; the Postgres table stays. @throws ACCESS_DENIED */
export async function unregisterTable(table: RegisteredTable, caller: Caller): Promise<void> {
  const { home } = table.instance;
  const role = await home.roleNameOf(caller);
  if (await home.asService((client) => deleteRegisteredTable(client, table.name, role))) return;
  throw syncedTablesError('ACCESS_DENIED', { reason: `table ${table.name} was registered by ${table.createdBy}` });
}
