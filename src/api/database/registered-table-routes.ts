import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../api-context.js';
import type { ApiInstance } from '../api-instance.js';
import type { Caller } from '../caller.js';
import { findCatalog } from '../catalog-place.js';
import { fullNameOf, parseTableName } from '../table-name.js';
import { maybe, nameParams, nothing, text } from './wire-fields.js';

const PATH = '/api/2.0/database/tables';
const tags = ['database'];

const tableInput = z.object({
  name: text,
  database_instance_name: maybe(text),
  logical_database_name: maybe(text),
});

const tableReply = z.object({
  name: z.string(),
  database_instance_name: z.string(),
  logical_database_name: z.string(),
});

interface RegisteredTable {
  readonly name: string;
  readonly instance: ApiInstance;
  readonly database: string;
  readonly createdBy: string;
}

/** Three-part names for Postgres tables that are not synced, in standard catalogs (databricks-api.md A.6). */
export function addRegisteredTableRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    PATH,
    { schema: { tags, summary: 'Register a Postgres table', body: tableInput, response: { 200: tableReply } } },
    async ({ body, caller }) => toReply(await registerTable(context, caller, body)),
  );
  server.get(
    `${PATH}/:name`,
    { schema: { tags, summary: 'Read a registered table', params: nameParams, response: { 200: tableReply } } },
    async ({ params, caller }) => toReply(await requireTable(context, caller, params.name)),
  );
  server.delete(
    `${PATH}/:name`,
    {
      schema: {
        tags,
        summary: 'Unregister a table; the Postgres table stays',
        params: nameParams,
        response: { 200: nothing },
      },
    },
    async ({ params, caller }) => {
      await unregisterTable(await requireTable(context, caller, params.name), caller);
      return {};
    },
  );
}

function toReply({ name, instance, database }: RegisteredTable): z.infer<typeof tableReply> {
  return { name, database_instance_name: instance.name, logical_database_name: database };
}

async function registerTable(
  context: ApiContext,
  caller: Caller,
  body: z.output<typeof tableInput>,
): Promise<RegisteredTable> {
  const name = parseTableName(body.name);
  const fullName = fullNameOf(name);
  if (await findCatalog(context, caller, name.catalog)) {
    const reason = `catalog ${name.catalog} is a database catalog, which shows the tables of its database by itself`;
    throw syncedTablesError('REQUEST_INVALID', { reason });
  }
  const { database_instance_name: instanceName, logical_database_name: databaseName } = body;
  if (!instanceName || !databaseName) {
    const field = instanceName ? 'logical_database_name' : 'database_instance_name';
    throw syncedTablesError('CATALOG_PLACE_MISSING', { catalog: name.catalog, field });
  }
  const instance = context.instances.find(caller, instanceName);
  const role = await readingRole(instance, databaseName, caller, name);
  if (await findTable(context, caller, fullName))
    throw syncedTablesError('REGISTERED_TABLE_EXISTS', { table: fullName });
  const { rowCount } = await instance.home.asService((client) =>
    client.query(
      `insert into synced_tables._registered_tables (table_full_name, database_name, created_by) values ($1, $2, $3)
       on conflict do nothing`,
      [fullName, databaseName, role],
    ),
  );
  if (rowCount === 0) throw syncedTablesError('REGISTERED_TABLE_EXISTS', { table: fullName });
  return { name: fullName, instance, database: databaseName, createdBy: role };
}

/** The caller's role, if it may read the table. */
async function readingRole(
  instance: ApiInstance,
  databaseName: string,
  caller: Caller,
  name: { readonly schema: string; readonly table: string },
): Promise<string> {
  const database = instance.database(databaseName);
  if (!database) {
    throw syncedTablesError('LOGICAL_DATABASE_NOT_FOUND', { database: databaseName, instance: instance.name });
  }
  return database.asCaller(caller, async (client) => {
    const { rows } = await client.query<{ role: string; may: boolean | null }>(
      `select current_user as role,
              (select pg_catalog.has_table_privilege(c.oid, 'select') from pg_catalog.pg_class c
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')) as may`,
      [name.schema, name.table],
    );
    const { role = '', may = null } = rows[0] ?? {};
    if (may === true) return role;
    throw syncedTablesError('REGISTERED_TABLE_NOT_FOUND', { table: `${databaseName}.${name.schema}.${name.table}` });
  });
}

async function requireTable(context: ApiContext, caller: Caller, name: string): Promise<RegisteredTable> {
  const table = await findTable(context, caller, fullNameOf(parseTableName(name)));
  if (!table) throw syncedTablesError('REGISTERED_TABLE_NOT_FOUND', { table: name });
  return table;
}

async function findTable(context: ApiContext, caller: Caller, name: string): Promise<RegisteredTable | null> {
  for (const instance of context.instances.of(caller)) {
    const { rows } = await instance.home.asService((client) =>
      client.query<{ database_name: string; created_by: string }>(
        'select database_name, created_by from synced_tables._registered_tables where table_full_name = $1',
        [name],
      ),
    );
    if (rows[0]) return { name, instance, database: rows[0].database_name, createdBy: rows[0].created_by };
  }
  return null;
}

async function unregisterTable(table: RegisteredTable, caller: Caller): Promise<void> {
  const { home } = table.instance;
  const role = await home.roleNameOf(caller);
  const { rowCount } = await home.asService((client) =>
    client.query(
      `delete from synced_tables._registered_tables
        where table_full_name = $1 and synced_tables._role_may_control($2, created_by)`,
      [table.name, role],
    ),
  );
  if (rowCount !== 0) return;
  throw syncedTablesError('ACCESS_DENIED', { reason: `table ${table.name} was registered by ${table.createdBy}` });
}
