import type pg from 'pg';
import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { isoTime } from '../wire/iso-time.js';
import { eventCondition } from './event-filter.js';
import { findPipeline, type PlacedPipeline } from './pipeline-record.js';
import {
  eventListReply,
  PIPELINES_PATH,
  type PipelineEvent,
  pageSizeOf,
  pipelineListQuery,
  pipelineParams,
} from './pipeline-schema.js';

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

interface EventRow {
  readonly event_id: string;
  readonly occurred_at: string;
  readonly level: PipelineEvent['level'];
  readonly event_type: string;
  readonly message: string;
  readonly update_id: string | null;
  readonly synced_table: string | null;
  readonly error_code: string | null;
}

async function readEvents(
  client: pg.ClientBase,
  { record, tables }: PlacedPipeline,
  place: Cursor,
  limit: number,
): Promise<PipelineEvent[]> {
  const condition = eventCondition(place.filter, 5);
  const order = place.isAscending ? 'asc' : 'desc';
  const { rows } = await client.query<EventRow>(
    // Of a shared pipeline, only events about tables that the caller may see and about the pipeline itself.
    `select e.event_id::text, ${isoTime('e.occurred_at')} as occurred_at, e.level, e.event_type, e.message, e.update_id,
            e.synced_table, e.details->>'error_code' as error_code
       from synced_tables._events e
      where e.pipeline_id = $1 and (e.synced_table is null or e.synced_table = any ($2))
        and ($3::bigint is null or e.event_id ${place.isAscending ? '>' : '<'} $3) and ${condition.sql}
      order by e.event_id ${order} limit $4`,
    [record.pipelineId, tables.map((table) => table.sqlName), place.after, limit, ...condition.values],
  );
  return rows.map((row) => ({
    id: row.event_id,
    timestamp: row.occurred_at,
    level: row.level,
    event_type: row.event_type,
    message: row.message,
    maturity_level: 'STABLE',
    origin: {
      pipeline_id: record.pipelineId,
      pipeline_name: record.name,
      ...(row.update_id === null ? {} : { update_id: row.update_id }),
      ...(row.synced_table === null ? {} : { dataset_name: row.synced_table }),
    },
    sequence: { control_plane_seq_no: BigInt(row.event_id) },
    ...(row.level === 'ERROR'
      ? { error: { fatal: true, exceptions: [{ class_name: row.error_code ?? 'UNKNOWN', message: row.message }] } }
      : {}),
  }));
}
