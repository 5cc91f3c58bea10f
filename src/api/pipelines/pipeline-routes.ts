import type { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { deleteFlowPipeline, deletePipelineTable, stopPipeline } from '../../postgres/registry/api/pipelines.js';
import type { CallersWorkspace } from '../files/callers-workspace.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { pageOf } from '../wire/page.js';
import { nothing } from '../wire/wire-fields.js';
import { addEventRoutes } from './event-routes.js';
import { addFlowPipelineRoutes } from './flow-pipeline-routes.js';
import { addJobRoutes } from './jobs/job-routes.js';
import { addPermissionRoutes } from './permissions/permission-routes.js';
import { pipelineReplyOf } from './pipeline-reply.js';
import {
  deletePipelineQuery,
  PIPELINES_PATH,
  pageSizeOf,
  pipelineListQuery,
  pipelineListReply,
  pipelineParams,
  pipelineReply,
} from './pipeline-schema.js';
import { findPipeline, listPipelines, type PlacedPipeline } from './placed-pipeline.js';
import { addUpdateRoutes } from './update-routes.js';

const PAGE_SIZE_MAX = 100;
const tags = ['pipelines'];

/** The `pipelines` service for synced tables (docs/reference/databricks-api.md#pipelines-service). */
export function addPipelineRoutes(server: ApiServer, context: ApiContext, workspace: CallersWorkspace): void {
  server.get(
    PIPELINES_PATH,
    {
      schema: { tags, summary: 'The pipelines', querystring: pipelineListQuery, response: { 200: pipelineListReply } },
    },
    async ({ query, caller }) => {
      const matches = nameFilter(query.filter);
      const all = (await listPipelines(context, caller)).filter(({ name }) => matches(name));
      const size = { page_size: pageSizeOf(query, PAGE_SIZE_MAX), page_token: query.page_token };
      const { items, next } = pageOf(all, ({ name, pipelineId }) => `${name} ${pipelineId}`, size);
      return { statuses: items.map(pipelineReplyOf), ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.get(
    `${PIPELINES_PATH}/:pipeline_id`,
    { schema: { tags, summary: 'Read a pipeline', params: pipelineParams, response: { 200: pipelineReply } } },
    async ({ params, caller }) => pipelineReplyOf((await findPipeline(context, caller, params.pipeline_id)).record),
  );
  server.post(
    `${PIPELINES_PATH}/:pipeline_id/stop`,
    {
      schema: {
        tags,
        summary: 'Stop what a pipeline does; a continuous one stays stopped until its next update',
        params: pipelineParams,
        response: { 200: nothing },
      },
    },
    async ({ params, caller }) => {
      const { record, database } = await findPipeline(context, caller, params.pipeline_id);
      await database.asCaller(caller, (client) => stopPipeline(client, record.pipelineId));
      return {};
    },
  );
  server.delete(
    `${PIPELINES_PATH}/:pipeline_id`,
    {
      schema: {
        tags,
        summary:
          'Delete a pipeline: streaming tables go with it unless cascade is false, synced tables stay unless it is true',
        params: pipelineParams,
        querystring: deletePipelineQuery,
        response: { 200: nothing },
      },
    },
    async ({ params, query, caller }) => {
      const found = await findPipeline(context, caller, params.pipeline_id);
      await deletePipeline(found, caller, dropsTables(query, found.record.kind === 'FLOWS'));
      return {};
    },
  );
  addFlowPipelineRoutes(server, context, workspace);
  addUpdateRoutes(server, context, workspace);
  addEventRoutes(server, context);
  addJobRoutes(server, context, workspace);
  addPermissionRoutes(server, context);
}

/** @param byDefault what happens where the request does not say */
function dropsTables({ cascade, delete_datasets }: z.output<typeof deletePipelineQuery>, byDefault: boolean): boolean {
  const given = cascade || delete_datasets;
  return given ? given === 'true' : byDefault;
}

async function deletePipeline(
  { record, database, tables }: PlacedPipeline,
  caller: Caller,
  purge: boolean,
): Promise<void> {
  await database.asCaller(caller, async (client) => {
    if (record.kind === 'FLOWS') {
      await deleteFlowPipeline(client, record.pipelineId, purge);
      return;
    }
    for (const { sqlName } of tables) {
      await deletePipelineTable(client, sqlName, purge);
    }
  });
}

/** `name LIKE '%x%'` of the real service; anything else is refused. */
function nameFilter(filter: string | undefined): (name: string) => boolean {
  if (filter === undefined || filter.trim() === '') return () => true;
  const pattern = /^\s*name\s+like\s+'((?:[^']|'')*)'\s*$/i.exec(filter)?.[1]?.replaceAll("''", "'");
  if (pattern === undefined) {
    throw syncedTablesError('REQUEST_INVALID', { reason: `filter: it is not of the form name LIKE '%text%'` });
  }
  const escaped = pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const expression = new RegExp(`^${escaped.replaceAll('%', '.*').replaceAll('_', '.')}$`, 'is');
  return (name) => expression.test(name);
}
