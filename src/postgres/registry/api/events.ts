import type pg from 'pg';
import { eventCondition } from './event-filter.js';
import { isoTime } from './iso-time.js';

/** Something that happened in a pipeline. */
export interface RecordedEvent {
  readonly id: string;
  /** ISO 8601 in UTC. */
  readonly occurredAt: string;
  readonly level: 'INFO' | 'WARN' | 'ERROR';
  readonly type: string;
  readonly message: string;
  readonly updateId: string | null;
  readonly syncedTable: string | null;
  readonly errorCode: string | null;
}

/** Which events of a pipeline are wanted. */
interface EventRequest {
  readonly pipelineId: string;
  /** Names of the tables that the caller may see, as the SQL functions take them. */
  readonly tables: readonly string[];
  /** See `eventCondition`. */
  readonly filter: string;
  readonly isAscending: boolean;
  /** The event after which the list goes on; null for its beginning. */
  readonly after: string | null;
  readonly limit: number;
}

interface EventRow {
  readonly event_id: string;
  readonly occurred_at: string;
  readonly level: RecordedEvent['level'];
  readonly event_type: string;
  readonly message: string;
  readonly update_id: string | null;
  readonly synced_table: string | null;
  readonly error_code: string | null;
}

/**
 * Events of a pipeline, in the order in which they happened or the reverse of that.
 * @throws REQUEST_INVALID for a filter that is not understood
 */
export async function readPipelineEvents(client: pg.ClientBase, request: EventRequest): Promise<RecordedEvent[]> {
  const condition = eventCondition(request.filter, 5);
  const order = request.isAscending ? 'asc' : 'desc';
  const { rows } = await client.query<EventRow>(
    // Of a shared pipeline, only events about tables that the caller may see and about the pipeline itself.
    `select e.event_id::text, ${isoTime('e.occurred_at')} as occurred_at, e.level, e.event_type, e.message, e.update_id,
            e.synced_table, e.details->>'error_code' as error_code
       from synced_tables._events e
      where e.pipeline_id = $1 and (e.synced_table is null or e.synced_table = any ($2))
        and ($3::bigint is null or e.event_id ${request.isAscending ? '>' : '<'} $3) and ${condition.sql}
      order by e.event_id ${order} limit $4`,
    [request.pipelineId, request.tables, request.after, request.limit, ...condition.values],
  );
  return rows.map((row) => ({
    id: row.event_id,
    occurredAt: row.occurred_at,
    level: row.level,
    type: row.event_type,
    message: row.message,
    updateId: row.update_id,
    syncedTable: row.synced_table,
    errorCode: row.error_code,
  }));
}
