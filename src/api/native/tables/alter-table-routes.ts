import { syncedTablesError } from '../../../core/errors.js';
import { postgresTableName } from '../../../core/names.js';
import {
  alterSyncedTable,
  cancelUpdates,
  renameSyncedTable,
} from '../../../postgres/registry/api/alter-synced-table.js';
import { readTableOptions } from '../../../postgres/registry/api/table-options.js';
import { withReservedName } from '../../names/reserved-name.js';
import { fullNameOf, parseTableName } from '../../names/table-name.js';
import { findTakenName } from '../../names/taken-name.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { checkCreateSource } from '../../synced-tables/check-create-source.js';
import { sourceRequestOf } from '../../synced-tables/create-parameters.js';
import { createSpecInput } from '../../synced-tables/create-request.js';
import { NATIVE_TAGS } from '../native-path.js';
import {
  type AlterTableInput,
  alterTableInput,
  alterTableReply,
  cancelReply,
  renameTableInput,
  renameTableReply,
  tableSettingsReply,
} from './alter-table-schema.js';
import { namingFields } from './create-fields.js';
import { type PlacedTable, requireTable, TABLE_PATH, tableParams, tableQuery } from './placed-table.js';
import { tableSettingsOf } from './table-settings.js';

const tags = NATIVE_TAGS;

/** Changing a synced table in place: how it is synced, and its name; canceling its updates. */
export function addAlterTableRoutes(server: ApiServer, context: ApiContext): void {
  server.patch(
    TABLE_PATH,
    {
      schema: {
        tags,
        summary: 'Change how a table is synced, in place; a change that is refused changes nothing',
        params: tableParams,
        querystring: tableQuery,
        body: alterTableInput,
        response: { 200: alterTableReply },
      },
    },
    async (request) => {
      const placed = await requireTable(context, request);
      const { table, database } = placed;
      return namingFields(async () => {
        await checkSource(context, request.caller, placed, request.body);
        const updateId = await database.asCaller(request.caller, (client) =>
          alterSyncedTable(client, table.sqlName, request.body),
        );
        return { update_id: updateId, pipeline_id: table.pipelineId };
      });
    },
  );
  server.get(
    `${TABLE_PATH}/settings`,
    {
      schema: {
        tags,
        summary: 'How a synced table is synced, by the names under which PATCH changes it',
        params: tableParams,
        querystring: tableQuery,
        response: { 200: tableSettingsReply },
      },
    },
    async (request) => {
      const { table, database, fullName } = await requireTable(context, request);
      const options = await database.asService((client) => readTableOptions(client, table.tableId));
      if (options === null) throw syncedTablesError('SYNCED_TABLE_NOT_FOUND', { target: fullName });
      return tableSettingsOf(options);
    },
  );
  server.post(
    `${TABLE_PATH}/rename`,
    {
      schema: {
        tags,
        summary: 'Give a table another name, or move it to another schema; its sync goes on',
        params: tableParams,
        querystring: tableQuery,
        body: renameTableInput,
        response: { 200: renameTableReply },
      },
    },
    async (request) => {
      const placed = await requireTable(context, request);
      const rename = () => renameTable(context, request.caller, placed, request.body.new_name);
      return namingFields(async () => ({ name: await rename() }), { name: 'new_name' });
    },
  );
  server.post(
    `${TABLE_PATH}/cancel`,
    {
      schema: {
        tags,
        summary: 'Cancel the update that runs in the pipeline of a table, and those that wait',
        params: tableParams,
        querystring: tableQuery,
        response: { 200: cancelReply },
      },
    },
    async (request) => {
      const { table, database } = await requireTable(context, request);
      return { canceled: await database.asCaller(request.caller, (client) => cancelUpdates(client, table.sqlName)) };
    },
  );
}

/**
 * Renames a table as the caller asks for, in two parts or three.
 * @returns its three-part name from now on, in the catalog by which it was asked for
 * @throws API_NAME_INVALID, CATALOG_FIXED, SYNCED_TABLE_EXISTS, NAME_BEING_TAKEN, and what Postgres says
 */
async function renameTable(
  context: ApiContext,
  caller: Caller,
  { table, database, instance, fullName }: PlacedTable,
  newName: string,
): Promise<string> {
  const { catalog } = parseTableName(fullName);
  const given = parseTableName(newName.split('.').length === 3 ? newName : `${catalog}.${newName}`);
  const isIn = (known: string | null) => known?.toLowerCase() === given.catalog.toLowerCase();
  if (!isIn(catalog) && !isIn(table.catalog)) {
    throw syncedTablesError('CATALOG_FIXED', { table: fullName, catalog: given.catalog });
  }
  const take = () =>
    database.asCaller(caller, (client) =>
      renameSyncedTable(client, table.sqlName, postgresTableName(given.schema, given.table)),
    );
  if (table.catalog === null) {
    // A database itself keeps the names unique that are in no standard catalog.
    await take();
    return fullNameOf(given);
  }
  // Its own catalog, whatever the request calls it: a database is one too.
  const before = fullNameOf({ catalog: table.catalog, schema: table.schema, table: table.table });
  const wanted = { ...given, catalog: table.catalog };
  const after = fullNameOf(wanted);
  const request = { name: `table ${after}`, instance: instance.name, database: database.name };
  await withReservedName(context, request, async () => {
    // Another spelling of its name is no other table's.
    const isItself = after.toLowerCase() === before.toLowerCase();
    if (!isItself && (await findTakenName(context, wanted)) !== null) {
      throw syncedTablesError('SYNCED_TABLE_EXISTS', { target: after });
    }
    await take();
  });
  return fullNameOf(given);
}

/** Refuses at once what the update would refuse because of the source. */
async function checkSource(
  context: ApiContext,
  caller: Caller,
  { database, table, fullName }: PlacedTable,
  change: AlterTableInput,
): Promise<void> {
  const options = await database.asService((client) => readTableOptions(client, table.tableId));
  if (options === null) return; // a streaming table, which the database refuses
  const present = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  const resets = Object.fromEntries((change.reset ?? []).map((name) => [name, undefined]));
  const now = createSpecInput.partial().parse(tableSettingsOf(options));
  await checkCreateSource(
    context,
    caller,
    sourceRequestOf({
      name: parseTableName(fullName),
      instance: undefined,
      database: undefined,
      createsSchemaByDefault: true,
      spec: { ...now, ...present, ...resets },
    }),
  );
}
