import type pg from 'pg';
import { isoTime } from './iso-time.js';

/** What an update did to one table, as the view synced_tables.updates shows it. Timestamps are ISO 8601 texts in UTC. */
export interface TableUpdateRecord {
  readonly update_id: string;
  readonly pipeline_id: string;
  readonly cause: string;
  readonly mode: 'DEFAULT' | 'CONTINUOUS' | 'VALIDATE' | 'CHANGE';
  readonly full_refresh: boolean;
  readonly state: 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELED';
  readonly method: string | null;
  readonly previous_version: string | null;
  readonly synced_version: string | null;
  readonly rows_written: string | null;
  readonly rows_deleted: string | null;
  readonly rows_without_key: string | null;
  readonly rows_with_stripped_characters: string | null;
  readonly num_upserted_rows: string | null;
  readonly num_deleted_rows: string | null;
  readonly batches: string | null;
  readonly load_seconds: number | null;
  readonly switch_ms: number | null;
  readonly error_code: string | null;
  readonly message: string | null;
  readonly remedy: string | null;
  readonly failing_column: string | null;
  /** Null for roles that may not read the table. */
  readonly failing_keys: string[] | null;
  readonly attempt: number;
  readonly failed_attempts: number | null;
  readonly next_attempt_at: string | null;
  readonly requested_by: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

/** Where an update stands in the list: `created_at` in microseconds, since milliseconds do not tell two apart. */
export interface UpdatePlace {
  readonly createdAt: string;
  readonly updateId: string;
}

export interface TableUpdateFilter {
  readonly tableId: string;
  readonly updateId: string | null;
  /** Null for all. */
  readonly states: readonly string[] | null;
  readonly causes: readonly string[] | null;
  /** The update after which the list begins; null for the newest. */
  readonly after: UpdatePlace | null;
  readonly limit: number;
}

// Each arm ends at its limit, by an index. The second has what came to no table: what waits, and what never began.
const SELECT_TABLE_UPDATES = `
  with member as (
    select k.table_id, k.synced_table, k.pipeline_id, synced_tables_internal._role_may_read($1, k.created_by, k.relation) as may_read
      from synced_tables._known_tables k where k.table_id = $2
  ), listed as (
    (select r.update_id, r.requested_at as at from member m
       join synced_tables._table_updates r on r.synced_table = m.synced_table and r.table_id = m.table_id
       cross join lateral (select u.cause from synced_tables._updates u where u.update_id = r.update_id offset 0) u
      where ($3::uuid is null or r.update_id = $3) and ($4::text[] is null or r.state = any ($4))
        and ($5::text[] is null or u.cause = any ($5))
        and ($6::timestamptz is null or (r.requested_at, r.update_id) < ($6, $7::uuid))
      order by r.requested_at desc, r.update_id desc limit $8)
    union all
    (select u.update_id, u.created_at from member m join synced_tables._updates u on u.pipeline_id = m.pipeline_id
      where (u.state in ('QUEUED', 'RUNNING') or u.ended_before_tables)
        and not exists (select from synced_tables._table_updates r where r.update_id = u.update_id and r.table_id = m.table_id)
        and (u.selection is null or u.selection -> 'refresh' ? m.synced_table or u.selection -> 'full_refresh' ? m.synced_table)
        and ($3::uuid is null or u.update_id = $3) and ($4::text[] is null or u.state = any ($4))
        and ($5::text[] is null or u.cause = any ($5))
        and ($6::timestamptz is null or (u.created_at, u.update_id) < ($6, $7::uuid))
      order by u.created_at desc, u.update_id desc limit $8))
  select u.update_id, u.pipeline_id, u.cause, u.mode,
         u.full_refresh or coalesce(u.selection -> 'full_refresh' ? m.synced_table, false) as full_refresh,
         coalesce(r.state, u.state) as state, r.method, r.previous_version::text, r.synced_version::text, r.rows_written::text,
         r.rows_deleted::text, r.rows_without_key::text, r.rows_with_stripped_characters::text, r.num_upserted_rows::text,
         r.num_deleted_rows::text, r.batches::text, r.load_seconds, r.switch_ms, coalesce(r.error_code, u.error_code) as error_code,
         coalesce(r.message, u.message) as message, coalesce(r.remedy, u.remedy) as remedy,
         case when m.may_read then r.failing_column end as failing_column,
         case when m.may_read then r.failing_keys end as failing_keys, u.attempt, r.failed_attempts,
         ${isoTime('coalesce(r.next_attempt_at, u.next_attempt_at)')} as next_attempt_at, u.requested_by,
         ${isoTime('u.created_at')} as created_at, 
         to_char(u.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place,
         ${isoTime('coalesce(r.started_at, u.started_at)')} as started_at,
         ${isoTime('coalesce(r.finished_at, u.finished_at)')} as finished_at
    from listed l cross join member m join synced_tables._updates u using (update_id)
    left join synced_tables._table_updates r on r.update_id = u.update_id and r.table_id = m.table_id
   order by l.at desc, l.update_id desc limit $8`;

/**
 * The updates of a table that is registered, newest first. The caller checks beforehand who may see the table.
 * @param client a session with the sidecar's rights
 * @param role whose right to read the table decides whether keys are told
 */
export async function readTableUpdates(
  client: pg.ClientBase,
  role: string,
  filter: TableUpdateFilter,
): Promise<(TableUpdateRecord & { readonly place: string })[]> {
  const { tableId, updateId, states, causes, after, limit } = filter;
  const values = [role, tableId, updateId, states, causes, after?.createdAt ?? null, after?.updateId ?? null, limit];
  const { rows } = await client.query<TableUpdateRecord & { readonly place: string }>(SELECT_TABLE_UPDATES, values);
  return rows;
}
