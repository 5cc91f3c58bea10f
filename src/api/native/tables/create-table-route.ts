import { fullNameOf, parseTableName } from '../../names/table-name.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { checkRequest } from '../../synced-tables/checked-request.js';
import type { CreateRequest } from '../../synced-tables/create-request.js';
import { createSyncedTable, tryToCreate } from '../../synced-tables/create-synced-table.js';
import { namingFields } from './create-fields.js';
import { type CreateTableInput, createTableInput, createTableQuery, createTableReply } from './create-table-schema.js';

/** Creating a synced table with everything that `create_synced_table` can do; refusals name the field. */
export function addCreateTableRoute(server: ApiServer, context: ApiContext): void {
  server.post(
    '/api/2.0/synced-tables/tables',
    {
      schema: {
        tags: ['synced-tables'],
        summary: 'Create a synced table, or check whether that would succeed',
        querystring: createTableQuery,
        body: createTableInput,
        response: { 200: createTableReply },
      },
    },
    ({ body, query, caller }) =>
      namingFields(async () => {
        const request = createRequestOf(context, caller, body);
        const name = fullNameOf(request.name);
        if (query.dry_run === 'true') {
          const { instance, database, creates } = await tryToCreate(context, caller, request);
          await checkRequest(context, caller, request);
          return { name, instance, database, dry_run: true, creates: [...creates] };
        }
        const { instance, database, record, updateId } = await createSyncedTable(context, caller, request);
        return {
          name,
          instance: instance.name,
          database: database.name,
          dry_run: false,
          pipeline_id: record.pipelineId,
          update_id: updateId,
        };
      }),
  );
}

/** @throws API_NAME_INVALID, API_INSTANCE_NOT_FOUND */
export function createRequestOf(context: ApiContext, caller: Caller, body: CreateTableInput): CreateRequest {
  const { name, instance, database, schedule, ...spec } = body;
  return {
    name: parseTableName(name),
    instance: instance ? context.instances.find(caller, instance) : undefined,
    database: database || undefined,
    spec: { ...spec, scheduling_policy: spec.scheduling_policy ?? 'SNAPSHOT' },
    createsSchemaByDefault: true,
    catalogMayBeDatabase: true,
    ...(schedule ? { schedule: { cron: schedule.cron, timeZone: schedule.time_zone || 'UTC' } } : {}),
  };
}
