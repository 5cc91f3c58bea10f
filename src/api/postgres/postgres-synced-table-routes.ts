import { z } from 'zod';
import type { TableName } from '../../core/names.js';
import { findByBranch } from '../names/resource-names.js';
import { fullNameOf, parseTableName, sqlNameOf } from '../names/table-name.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { createSyncedTable } from '../synced-tables/create-synced-table.js';
import { deleteTableByName } from '../synced-tables/delete-synced-table.js';
import { requireName, requireSpecFields } from '../synced-tables/required-fields.js';
import { requireSyncedTable } from '../synced-tables/synced-table-place.js';
import { purgeQuery } from '../synced-tables/synced-table-schema.js';
import { nameParams } from '../wire/wire-fields.js';
import { EMPTY_RESPONSE, findOperation, operationReplyOf, recordOperation, TYPES } from './operation.js';
import { createQuery, operationReply, postgresSyncedTable, syncedTableBody } from './postgres-schema.js';
import { postgresTableOf } from './synced-table-view.js';

const PATH = '/api/2.0/postgres/synced_tables';
const KIND = 'SyncedTable';
const tags = ['postgres'];
const operationParams = z.object({ name: z.string(), operation_id: z.string() });

/** Synced tables with their operations, all done when answered: the load continues in the background. */
export function addPostgresSyncedTableRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    PATH,
    {
      schema: {
        tags,
        summary: 'Create a synced table; synced_table_id is its three-part name',
        querystring: createQuery,
        body: syncedTableBody,
        response: { 200: operationReply },
      },
    },
    async ({ query, body, caller }) => {
      const name: TableName = parseTableName(requireName(query.synced_table_id, 'synced_table_id'));
      requireSpecFields(body.spec, sqlNameOf(name));
      const given: Partial<NonNullable<z.output<typeof syncedTableBody>['spec']>> = body.spec ?? {};
      const { branch, postgres_database: database, ...spec } = given;
      const instance = branch ? findByBranch(context, caller, branch) : undefined;
      const created = await createSyncedTable(context, caller, {
        name,
        instance,
        database: database || undefined,
        // Defaults to true, unlike in the database service.
        spec: { ...spec, create_database_objects_if_missing: spec.create_database_objects_if_missing ?? true },
        createsSchemaByDefault: true,
      });
      const resourceName = `synced_tables/${fullNameOf(name)}`;
      const operation = await recordOperation(created.instance, caller, { resourceName, action: 'CREATE' });
      return operationReplyOf(operation, KIND, { '@type': `${TYPES}.SyncedTable`, ...postgresTableOf(created) });
    },
  );
  server.get(
    `${PATH}/:name`,
    { schema: { tags, summary: 'Read a synced table', params: nameParams, response: { 200: postgresSyncedTable } } },
    async ({ params, caller }) => postgresTableOf(await requireSyncedTable(context, caller, params.name)),
  );
  server.delete(
    `${PATH}/:name`,
    {
      schema: {
        tags,
        summary: 'Stop syncing a table; the Postgres table stays unless purge_data is true',
        params: nameParams,
        querystring: purgeQuery,
        response: { 200: operationReply },
      },
    },
    async ({ params, query, caller }) => {
      const deleted = await deleteTableByName(context, caller, params.name, query.purge_data === 'true');
      const resourceName = `synced_tables/${deleted.fullName}`;
      return operationReplyOf(
        await recordOperation(deleted.instance, caller, { resourceName, action: 'DELETE' }),
        KIND,
        EMPTY_RESPONSE,
      );
    },
  );
  server.get(
    `${PATH}/:name/operations/:operation_id`,
    { schema: { tags, summary: 'Read an operation', params: operationParams, response: { 200: operationReply } } },
    async ({ params, caller }) => {
      const name = `synced_tables/${params.name}/operations/${params.operation_id}`;
      const operation = await findOperation(context, caller, name);
      if (operation.action === 'DELETE') return operationReplyOf(operation, KIND, EMPTY_RESPONSE);
      const table = postgresTableOf(await requireSyncedTable(context, caller, params.name));
      return operationReplyOf(operation, KIND, { '@type': `${TYPES}.SyncedTable`, ...table });
    },
  );
}
