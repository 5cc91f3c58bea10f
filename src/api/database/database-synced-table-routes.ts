import { syncedTablesError } from '../../core/errors.js';
import { chooseInstance } from '../names/chosen-instance.js';
import { parseTableName, sqlNameOf } from '../names/table-name.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { createSyncedTable } from '../synced-tables/create-synced-table.js';
import { deleteTableByName } from '../synced-tables/delete-synced-table.js';
import { requireName, requireSpecFields } from '../synced-tables/required-fields.js';
import { listSyncedTables, requireSyncedTable } from '../synced-tables/synced-table-place.js';
import { syncedTableReplyOf } from '../synced-tables/synced-table-reply.js';
import {
  purgeQuery,
  syncedTableInput,
  syncedTableListReply,
  syncedTableReply,
} from '../synced-tables/synced-table-schema.js';
import { pageOf, pageQuery } from '../wire/page.js';
import { instanceParams, nameParams, nothing } from '../wire/wire-fields.js';

const PATH = '/api/2.0/database/synced_tables';
const tags = ['database'];

/** Synced tables of the `database` service (docs/reference/databricks-api.md#database-service). */
export function addDatabaseSyncedTableRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    PATH,
    { schema: { tags, summary: 'Create a synced table', body: syncedTableInput, response: { 200: syncedTableReply } } },
    async ({ body, caller }) => {
      const { logical_database_name: database, new_pipeline_spec: pipeline } = body;
      const spec = {
        ...body.spec,
        ...(pipeline && !body.spec?.new_pipeline_spec ? { new_pipeline_spec: pipeline } : {}),
      };
      const name = parseTableName(requireName(body.name, 'name'));
      requireSpecFields(body.spec, sqlNameOf(name));
      const created = await createSyncedTable(context, caller, {
        name,
        instance: await chooseInstance(context, caller, body),
        database: database || undefined,
        spec,
        createsSchemaByDefault: true,
      });
      return syncedTableReplyOf(created);
    },
  );
  server.get(
    `${PATH}/:name`,
    { schema: { tags, summary: 'Read a synced table', params: nameParams, response: { 200: syncedTableReply } } },
    async ({ params, caller }) => syncedTableReplyOf(await requireSyncedTable(context, caller, params.name)),
  );
  server.delete(
    `${PATH}/:name`,
    {
      schema: {
        tags,
        summary: 'Stop syncing a table; purge_data drops it too, also one that is no longer synced',
        params: nameParams,
        querystring: purgeQuery,
        response: { 200: nothing },
      },
    },
    async ({ params, query, caller }) => {
      await deleteTableByName(context, caller, params.name, query.purge_data === 'true');
      return {};
    },
  );
  server.get(
    '/api/2.0/database/instances/:instance_name/synced_tables',
    {
      schema: {
        tags,
        summary: 'The synced tables of an instance',
        params: instanceParams,
        querystring: pageQuery,
        response: { 200: syncedTableListReply },
      },
    },
    async ({ params, query, caller }) => {
      const instance = context.instances.find(caller, params.instance_name);
      const { items, next } = pageOf(await listSyncedTables(instance, caller), ({ fullName }) => fullName, query);
      return { synced_tables: items.map(syncedTableReplyOf), ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.patch(`${PATH}/:name`, { schema: { tags, summary: 'Not implemented, as on the real service' } }, async () => {
    throw syncedTablesError('NOT_IMPLEMENTED', {
      call: 'Updating a synced table',
      reason: 'the real service has no such call either',
      alternative: 'Use PATCH /api/2.0/synced-tables/tables/<name>, or delete it and create it again.',
    });
  });
}
