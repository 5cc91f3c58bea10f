import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { chooseInstance } from '../names/chosen-instance.js';
import {
  type RegisteredTable,
  registerTable,
  requireRegisteredTable,
  requireStandardCatalog,
  unregisterTable,
} from '../names/registered-table.js';
import { parseTableName } from '../names/table-name.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { maybe, nameParams, nothing, text } from '../wire/wire-fields.js';

const PATH = '/api/2.0/database/tables';
const tags = ['database'];

const tableInput = z.object({
  name: text,
  database_instance_name: maybe(text),
  database_project_id: maybe(text),
  database_branch_id: maybe(text),
  logical_database_name: maybe(text),
});

const tableReply = z.object({
  name: z.string(),
  database_instance_name: z.string(),
  logical_database_name: z.string(),
});

/**
 * Three-part names for Postgres tables that are not synced, in standard catalogs
 * (docs/reference/databricks-api.md#other-objects).
 */
export function addRegisteredTableRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    PATH,
    { schema: { tags, summary: 'Register a Postgres table', body: tableInput, response: { 200: tableReply } } },
    async ({ body, caller }) => {
      const { name, logical_database_name: database } = body;
      const { catalog } = parseTableName(name);
      await requireStandardCatalog(context, caller, catalog);
      const instance = await chooseInstance(context, caller, body);
      if (!instance || !database) {
        const field = instance ? 'logical_database_name' : 'database_instance_name';
        throw syncedTablesError('CATALOG_PLACE_MISSING', { catalog, field });
      }
      return toReply(await registerTable(context, caller, { name, instance, database }));
    },
  );
  server.get(
    `${PATH}/:name`,
    { schema: { tags, summary: 'Read a registered table', params: nameParams, response: { 200: tableReply } } },
    async ({ params, caller }) => toReply(await requireRegisteredTable(context, caller, params.name)),
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
      await unregisterTable(await requireRegisteredTable(context, caller, params.name), caller);
      return {};
    },
  );
}

function toReply({ name, instance, database }: RegisteredTable): z.infer<typeof tableReply> {
  return { name, database_instance_name: instance.name, logical_database_name: database };
}
