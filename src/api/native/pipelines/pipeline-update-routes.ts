import type { z } from 'zod';
import { type PipelineUpdateRecord, readPipelineUpdates } from '../../../postgres/registry/api/pipeline-updates.js';
import { catalogOfDatabase } from '../../names/catalog-place.js';
import { fullNameOfSql } from '../../names/table-name.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { PAGE_SIZE_MAX } from '../../wire/page.js';
import { exactNumberOf } from '../../wire/wire-fields.js';
import { NATIVE_PATH, NATIVE_TAGS } from '../native-path.js';
import { readUpdateToken, updateTokenOf } from '../update-token.js';
import { requirePipeline } from './pipeline-place.js';
import { pipelineParams } from './pipeline-schema.js';
import { pipelineUpdateListQuery, pipelineUpdateListReply } from './pipeline-update-schema.js';

type Reply = z.output<typeof pipelineUpdateListReply>['updates'][number];

/** What became of the updates of a pipeline, table by table. */
export function addPipelineUpdateRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    `${NATIVE_PATH}/pipelines/:pipeline_id/updates`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'The updates of a pipeline, newest first, with what they did to each table that the caller may see',
        params: pipelineParams,
        querystring: pipelineUpdateListQuery,
        response: { 200: pipelineUpdateListReply },
      },
    },
    async ({ params, query, caller }) => {
      const { instance, database, record } = await requirePipeline(context, caller, params.pipeline_id);
      const size = Math.min(query.page_size || PAGE_SIZE_MAX, PAGE_SIZE_MAX);
      const after = readUpdateToken(query.page_token);
      const role = await database.roleNameOf(caller);
      const found = await database.asService((client) =>
        readPipelineUpdates(client, role, { pipelineId: record.pipelineId, after, limit: size + 1 }),
      );
      const catalog = await catalogOfDatabase(instance, database.name);
      const last = found.length > size ? found[size - 1] : undefined;
      return {
        updates: found.slice(0, size).map((update) => replyOf(update, catalog)),
        ...(last === undefined ? {} : { next_page_token: updateTokenOf(last) }),
      };
    },
  );
}

/** @param catalog of tables that have none of their own */
function replyOf({ place: _, tables, ...update }: PipelineUpdateRecord, catalog: string): Reply {
  const count = (text: string | null) => (text === null ? null : exactNumberOf(text));
  return {
    ...update,
    tables: tables.map(({ catalog_name: own, ...table }) => ({
      ...table,
      name: fullNameOfSql(own ?? catalog, table.synced_table),
      rows_written: count(table.rows_written),
      rows_deleted: count(table.rows_deleted),
    })),
  };
}
