import type { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import { isUuid } from '../../../core/uuid.js';
import { syncTable } from '../../../postgres/registry/api/pipelines.js';
import {
  readTableUpdates,
  type TableUpdateFilter,
  type TableUpdateRecord,
} from '../../../postgres/registry/api/table-updates.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { PAGE_SIZE_MAX } from '../../wire/page.js';
import { exactNumberOf } from '../../wire/wire-fields.js';
import { NATIVE_TAGS } from '../native-path.js';
import { readUpdateToken, updateTokenOf } from '../update-token.js';
import { type PlacedTable, requireTable, TABLE_PATH, tableParams, tableQuery } from './placed-table.js';
import {
  syncInput,
  syncReply,
  tableUpdateListQuery,
  tableUpdateListReply,
  tableUpdateParams,
  tableUpdateReply,
} from './update-schema.js';

const tags = NATIVE_TAGS;

/** Updates of one table: asking for one, and what became of them. */
export function addTableUpdateRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    `${TABLE_PATH}/sync`,
    {
      schema: {
        tags,
        summary: 'Update a table, also while it is followed; an update that has not begun yet is shared',
        params: tableParams,
        querystring: tableQuery,
        // A call without a body asks for an update of the pipeline.
        body: syncInput.nullish(),
        response: { 200: syncReply },
      },
    },
    async (request) => {
      const { table, database } = await requireTable(context, request);
      const { full_refresh: isFullRefresh = false, scope = 'pipeline' } = request.body ?? {};
      const wanted = { sqlName: table.sqlName, isFullRefresh, scope };
      const updateId = await database.asCaller(request.caller, (client) => syncTable(client, wanted));
      return { update_id: updateId, pipeline_id: table.pipelineId, scope };
    },
  );
  server.get(
    `${TABLE_PATH}/updates`,
    {
      schema: {
        tags,
        summary: 'The updates of a table, newest first',
        params: tableParams,
        querystring: tableUpdateListQuery,
        response: { 200: tableUpdateListReply },
      },
    },
    async (request) => {
      const { query, caller } = request;
      const size = Math.min(query.page_size || PAGE_SIZE_MAX, PAGE_SIZE_MAX);
      const filter = {
        updateId: null,
        states: query.state.length === 0 ? null : query.state,
        causes: query.cause.length === 0 ? null : query.cause,
        after: readUpdateToken(query.page_token),
        limit: size + 1,
      };
      const found = await read(await requireTable(context, request), caller, filter);
      const last = found.length > size ? found[size - 1] : undefined;
      return {
        updates: found.slice(0, size).map(updateOf),
        ...(last === undefined ? {} : { next_page_token: updateTokenOf(last) }),
      };
    },
  );
  server.get(
    `${TABLE_PATH}/updates/:update_id`,
    {
      schema: {
        tags,
        summary: 'What an update did to a table',
        params: tableUpdateParams,
        querystring: tableQuery,
        response: { 200: tableUpdateReply },
      },
    },
    async (request) => {
      const placed = await requireTable(context, request);
      const { update_id: id } = request.params;
      const filter = { updateId: id.toLowerCase(), states: null, causes: null, after: null, limit: 1 };
      const [found] = isUuid(id.toLowerCase()) ? await read(placed, request.caller, filter) : [];
      if (!found) throw syncedTablesError('UPDATE_NOT_FOUND', { update: id });
      return updateOf(found);
    },
  );
}

async function read({ database, table }: PlacedTable, caller: Caller, filter: Omit<TableUpdateFilter, 'tableId'>) {
  const role = await database.roleNameOf(caller);
  return database.asService((client) => readTableUpdates(client, role, { ...filter, tableId: table.tableId }));
}

function updateOf(record: TableUpdateRecord): z.output<typeof tableUpdateReply> {
  const exact = (text: string | null) => exactNumberOf(text === null ? null : BigInt(text));
  return {
    ...record,
    cause: record.cause as z.output<typeof tableUpdateReply>['cause'],
    previous_version: exact(record.previous_version),
    synced_version: exact(record.synced_version),
    rows_written: exact(record.rows_written),
    rows_deleted: exact(record.rows_deleted),
    rows_without_key: exact(record.rows_without_key),
    rows_with_stripped_characters: exact(record.rows_with_stripped_characters),
    num_upserted_rows: exact(record.num_upserted_rows),
    num_deleted_rows: exact(record.num_deleted_rows),
    batches: exact(record.batches),
  };
}
