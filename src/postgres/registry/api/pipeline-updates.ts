import type pg from 'pg';
import { isoTime } from './iso-time.js';
import type { UpdatePlace } from './table-updates.js';

/** What an update of a pipeline did to one of its tables. */
interface UpdatedTable {
  /** As the SQL functions take it. */
  readonly synced_table: string;
  readonly catalog_name: string | null;
  readonly kind: 'SYNCED' | 'STREAMING';
  readonly state: PipelineUpdateRecord['state'];
  readonly method: string | null;
  readonly rows_written: string | null;
  readonly rows_deleted: string | null;
  readonly error_code: string | null;
  readonly message: string | null;
}

/** An update of a pipeline with what it did to each table. Timestamps are ISO 8601 texts in UTC. */
export interface PipelineUpdateRecord {
  readonly update_id: string;
  readonly state: 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELED';
  readonly cause: string;
  readonly mode: 'DEFAULT' | 'CONTINUOUS' | 'VALIDATE' | 'CHANGE';
  readonly full_refresh: boolean;
  readonly is_of_some: boolean;
  readonly requested_by: string | null;
  readonly attempt: number;
  readonly next_attempt_at: string | null;
  readonly error_code: string | null;
  readonly message: string | null;
  readonly remedy: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  /** Of those that the role may see. */
  readonly tables: readonly UpdatedTable[];
  /** `created_at` to the microsecond. */
  readonly place: string;
}

// The page is found first, by the index of a pipeline's updates; what came to the tables is read for it alone.
const SELECT_UPDATES = `
  with page as (
    select u.* from synced_tables._updates u
     where u.pipeline_id = $2 and ($3::timestamptz is null or (u.created_at, u.update_id) < ($3, $4::uuid))
     order by u.created_at desc, u.update_id desc limit $5
  ), visible as materialized (
    select k.table_id, k.synced_table, s.catalog_name,
           case when exists (select from synced_tables._streaming_tables st where st.table_id = k.table_id)
                then 'STREAMING' else 'SYNCED' end as kind
      from synced_tables._known_tables k left join synced_tables._table_specs s using (table_id)
     where k.pipeline_id = $2 and synced_tables_internal._role_may_see($1, k.created_by, k.relation)
  )
  select u.update_id, u.state, u.cause, u.mode,
         u.full_refresh or coalesce(jsonb_array_length(u.selection -> 'full_refresh') > 0, false) as full_refresh,
         u.selection is not null as is_of_some, u.requested_by, u.attempt,
         ${isoTime('u.next_attempt_at')} as next_attempt_at, u.error_code, u.message, u.remedy,
         ${isoTime('u.created_at')} as created_at, ${isoTime('u.started_at')} as started_at,
         ${isoTime('u.finished_at')} as finished_at,
         to_char(u.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place,
         coalesce((select jsonb_agg(jsonb_build_object(
                     'synced_table', v.synced_table, 'catalog_name', v.catalog_name, 'kind', v.kind, 'state', r.state,
                     'method', r.method, 'rows_written', coalesce(r.num_upserted_rows, r.rows_written)::text,
                     'rows_deleted', coalesce(r.num_deleted_rows, r.rows_deleted)::text, 'error_code', r.error_code,
                     'message', r.message) order by v.synced_table)
                     from synced_tables._table_updates r join visible v using (table_id)
                    where r.update_id = u.update_id), '[]') as tables
    from page u
   order by u.created_at desc, u.update_id desc`;

/**
 * The updates of a pipeline, newest first. The caller checks beforehand who may see the pipeline.
 * @param client a session with the sidecar's rights
 * @param role of whose tables the updates tell
 */
export async function readPipelineUpdates(
  client: pg.ClientBase,
  role: string,
  {
    pipelineId,
    after,
    limit,
  }: {
    readonly pipelineId: string;
    /** The update after which the list begins; null for the newest. */
    readonly after: UpdatePlace | null;
    readonly limit: number;
  },
): Promise<PipelineUpdateRecord[]> {
  const values = [role, pipelineId, after?.createdAt ?? null, after?.updateId ?? null, limit];
  return (await client.query<PipelineUpdateRecord>(SELECT_UPDATES, values)).rows;
}
