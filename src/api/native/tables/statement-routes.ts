import { syncedTablesError } from '../../../core/errors.js';
import { readTableOptions, type TableOptions } from '../../../postgres/registry/api/table-options.js';
import { parseTableName } from '../../names/table-name.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { createSpecInput } from '../../synced-tables/create-request.js';
import { NATIVE_TAGS } from '../native-path.js';
import { createStatements } from '../statements/create-statements.js';
import { addressOf, statementPlaceOf } from '../statements/statement-place.js';
import { statements } from '../statements/statement-schema.js';
import { requireTable, TABLE_PATH, tableParams, tableQuery } from './placed-table.js';
import { tableSettingsOf } from './table-settings.js';

/** The statements that create a table as it is, for whoever sees the table. */
export function addStatementRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    `${TABLE_PATH}/statements`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'What creates a synced table as it is, with all its options, as SQL, command line, curl and Python',
        params: tableParams,
        querystring: tableQuery,
        response: { 200: statements },
      },
    },
    async (request) => {
      const { instance, database, fullName, table } = await requireTable(context, request);
      const options = await database.asService((client) => readTableOptions(client, table.tableId));
      if (options === null) throw syncedTablesError('SYNCED_TABLE_NOT_FOUND', { target: fullName });
      const place = { instance: instance.name, database: database.name };
      return createStatements(
        {
          name: parseTableName(fullName),
          // A catalog of its own says nothing of where the table is.
          ...(table.catalog === null
            ? { instance: undefined, database: undefined }
            : { instance, database: database.name }),
          spec: specOf(options, table.pipelineId),
          createsSchemaByDefault: true,
          ...(options.schedule && !options.sharesPipeline ? { schedule: options.schedule } : {}),
        },
        statementPlaceOf(context, place, addressOf(context, request)),
      );
    },
  );
}

/** A pipeline that has other tables goes on with them, and so do its schedule and its way of publishing. */
function specOf(options: TableOptions, pipelineId: string) {
  return createSpecInput.partial().parse({
    ...tableSettingsOf(options),
    create_database_objects_if_missing: options.createsSchema,
    ...(options.sharesPipeline
      ? { existing_pipeline_id: pipelineId }
      : { publish: options.publish, new_pipeline_spec: options.newPipelineSpec }),
  });
}
