import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../api-context.js';
import { nothing } from '../database/wire-fields.js';
import { pageOf } from '../page.js';
import { addEventRoutes } from './event-routes.js';
import { pageSizeOf } from './max-results.js';
import { findPipeline, listPipelines } from './pipeline-record.js';
import { pipelineReplyOf } from './pipeline-reply.js';
import {
  PIPELINES_PATH,
  pipelineListQuery,
  pipelineListReply,
  pipelineParams,
  pipelineReply,
} from './pipeline-schema.js';
import { addUpdateRoutes } from './update-routes.js';

const PAGE_SIZE_MAX = 100;
const tags = ['pipelines'];

/** The `pipelines` service, as far as it is about synced tables (databricks-api.md C). */
export function addPipelineRoutes(server: ApiServer, context: ApiContext): void {
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
      await database.asCaller(caller, (client) =>
        client.query('select synced_tables.stop_pipeline($1)', [record.pipelineId]),
      );
      return {};
    },
  );
  server.delete(
    `${PIPELINES_PATH}/:pipeline_id`,
    {
      schema: {
        tags,
        summary: 'Stop syncing the tables of a pipeline for good; the tables stay',
        params: pipelineParams,
        response: { 200: nothing },
      },
    },
    async ({ params, caller }) => {
      const { database, tables } = await findPipeline(context, caller, params.pipeline_id);
      await database.asCaller(caller, async (client) => {
        for (const { record } of tables) {
          await client.query('select synced_tables.delete_synced_table($1)', [record.sqlName]);
        }
      });
      return {};
    },
  );
  addRefusedCalls(server);
  addUpdateRoutes(server, context);
  addEventRoutes(server, context);
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

function addRefusedCalls(server: ApiServer): void {
  const refused = [
    ['POST', PIPELINES_PATH, 'Creating a pipeline by itself', 'Create a synced table: it brings a pipeline along.'],
    ['PUT', `${PIPELINES_PATH}/:pipeline_id`, 'Changing a pipeline', 'Delete its synced tables and create them again.'],
  ] as const;
  for (const [method, url, call, alternative] of refused) {
    server.route({
      method,
      url,
      schema: { tags, summary: 'Refused: pipelines come and go with their synced tables' },
      handler: async () => {
        const reason = 'a pipeline is what its synced tables are';
        throw syncedTablesError('NOT_IMPLEMENTED', { call, reason, alternative });
      },
    });
  }
}
