import type pg from 'pg';
import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { readPipelineEvents } from '../../postgres/registry/api/events.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import {
  eventListReply,
  PIPELINES_PATH,
  type PipelineEvent,
  pageSizeOf,
  pipelineListQuery,
  pipelineParams,
} from './pipeline-schema.js';
import { findPipeline, type PlacedPipeline } from './placed-pipeline.js';

const PAGE_SIZE_MAX = 250;

/** Where the next page continues. The token also holds the list's other parameters, which clients then leave out. */
const cursor = z.object({
  filter: z.string(),
  isAscending: z.boolean(),
  after: z
    .string()
    .regex(/^\d{1,18}$/)
    .nullable(),
});
type Cursor = z.output<typeof cursor>;

/** The event log of a pipeline. */
export function addEventRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    `${PIPELINES_PATH}/:pipeline_id/events`,
    {
      schema: {
        tags: ['pipelines'],
        summary: 'What happened in a pipeline, newest first unless order_by says otherwise',
        params: pipelineParams,
        querystring: pipelineListQuery,
        response: { 200: eventListReply },
      },
    },
    async ({ params, query, caller }) => {
      const pipeline = await findPipeline(context, caller, params.pipeline_id);
      const place = query.page_token ? readToken(query.page_token) : firstPage(query);
      const size = pageSizeOf(query, PAGE_SIZE_MAX);
      const found = await pipeline.database.asService((client) => readEvents(client, pipeline, place, size + 1));
      const events = found.slice(0, size);
      const last = events.at(-1);
      return {
        events,
        ...(found.length > size && last ? { next_page_token: makeToken({ ...place, after: last.id }) } : {}),
      };
    },
  );
}

function firstPage(query: z.output<typeof pipelineListQuery>): Cursor {
  const [order, ...more] = [query.order_by ?? []].flat();
  const match = /^timestamp(?:\s+(asc|desc))?$/i.exec(order ?? 'timestamp desc');
  if (!match || more.length > 0) {
    throw syncedTablesError('REQUEST_INVALID', {
      reason: 'order_by: it is neither "timestamp asc" nor "timestamp desc"',
    });
  }
  return { filter: query.filter ?? '', isAscending: match[1]?.toLowerCase() !== 'desc', after: null };
}

function makeToken(place: Cursor): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function readToken(token: string): Cursor {
  try {
    return cursor.parse(JSON.parse(Buffer.from(token, 'base64url').toString()));
  } catch (error) {
    throw syncedTablesError('REQUEST_INVALID', { reason: 'page_token: it is not one of this list' }, error);
  }
}

async function readEvents(
  client: pg.ClientBase,
  { record, tables }: PlacedPipeline,
  place: Cursor,
  limit: number,
): Promise<PipelineEvent[]> {
  const rows = await readPipelineEvents(client, {
    ...place,
    pipelineId: record.pipelineId,
    tables: tables.map((table) => table.sqlName),
    limit,
  });
  return rows.map((row) => ({
    id: row.id,
    timestamp: row.occurredAt,
    level: row.level,
    event_type: row.type,
    message: row.message,
    maturity_level: 'STABLE',
    origin: {
      pipeline_id: record.pipelineId,
      pipeline_name: record.name,
      ...(row.updateId === null ? {} : { update_id: row.updateId }),
      ...(row.syncedTable === null ? {} : { dataset_name: row.syncedTable }),
    },
    sequence: { control_plane_seq_no: BigInt(row.id) },
    ...(row.level === 'ERROR'
      ? { error: { fatal: true, exceptions: [{ class_name: row.errorCode ?? 'UNKNOWN', message: row.message }] } }
      : {}),
  }));
}
