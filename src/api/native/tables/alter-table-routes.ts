import { syncedTablesError } from '../../../core/errors.js';
import { postgresTableName } from '../../../core/names.js';
import {
  alterSyncedTable,
  cancelUpdates,
  renameSyncedTable,
} from '../../../postgres/registry/api/alter-synced-table.js';
import { readSyncedTables } from '../../../postgres/registry/api/synced-table-record.js';
import { withReservedName } from '../../names/reserved-name.js';
import { fullNameOf, parseTableName } from '../../names/table-name.js';
import { findTakenName } from '../../names/taken-name.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { checkCreateSource } from '../../synced-tables/check-create-source.js';
import { sourceRequestOf } from '../../synced-tables/create-parameters.js';
import { NATIVE_TAGS } from '../native-path.js';
import {
  type AlterTableInput,
  alterTableInput,
  alterTableReply,
  cancelReply,
  renameTableInput,
  renameTableReply,
} from './alter-table-schema.js';
import { namingFields } from './create-fields.js';
import { type PlacedTable, requireTable, TABLE_PATH, tableParams, tableQuery } from './placed-table.js';

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
    (request) =>
      namingFields(async () => {
        const placed = await requireTable(context, request);
        const { table, database } = placed;
        await checkSource(context, request.caller, placed, request.body);
        const updateId = await database.asCaller(request.caller, (client) =>
          alterSyncedTable(client, table.sqlName, request.body),
        );
        return { update_id: updateId, pipeline_id: table.pipelineId };
      }),
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
    (request) =>
      namingFields(async () => {
        const { table, database, instance } = await requireTable(context, request);
        const { catalog } = parseTableName(request.params.name);
        const { new_name: given } = request.body;
        const name = parseTableName(given.split('.').length === 3 ? given : `${catalog}.${given}`);
        if (name.catalog !== catalog)
          throw syncedTablesError('CATALOG_FIXED', { table: request.params.name, catalog: name.catalog });
        const rename = async () => {
          if (table.catalog !== null && (await findTakenName(context, name)) !== null) {
            throw syncedTablesError('SYNCED_TABLE_EXISTS', { target: fullNameOf(name) });
          }
          const sqlName = postgresTableName(name.schema, name.table);
          await database.asCaller(request.caller, (client) => renameSyncedTable(client, table.sqlName, sqlName));
        };
        const wanted = { name: `table ${fullNameOf(name)}`, instance: instance.name, database: database.name };
        // A database itself keeps the names unique that are in no standard catalog.
        await (table.catalog === null ? rename() : withReservedName(context, wanted, rename));
        return { name: fullNameOf(name) };
      }),
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

/** Refuses at once what the update would refuse because of the source. */
async function checkSource(
  context: ApiContext,
  caller: Caller,
  { database, table, fullName }: PlacedTable,
  change: AlterTableInput,
): Promise<void> {
  const role = await database.roleNameOf(caller);
  const [record] = await database.asService((client) =>
    readSyncedTables(client, role, { schema: table.schema, table: table.table }),
  );
  if (!record) return; // a streaming table, which the database refuses
  const { source, keyColumns, timeseriesKey, policy, spec } = record;
  const present = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  const resets = Object.fromEntries((change.reset ?? []).map((name) => [name, undefined]));
  const now = {
    ...spec,
    source_table_full_name: source,
    primary_key_columns: [...keyColumns],
    scheduling_policy: policy,
    ...(timeseriesKey === null ? {} : { timeseries_key: timeseriesKey }),
  };
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
