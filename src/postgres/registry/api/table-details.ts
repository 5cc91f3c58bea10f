import type pg from 'pg';
import { isoTime } from './iso-time.js';
import { LAG, WAIT_IS_NOW } from './table-overview.js';

/**
 * What is shown of a table beside its state, as JSON of the database: times are ISO 8601 texts in UTC, 64-bit numbers
 * texts.
 */
export interface TableDetails {
  readonly table_id: string;
  readonly key_columns: string[];
  readonly timeseries_key: string | null;
  readonly columns: string[] | null;
  readonly row_filter: string | null;
  readonly publish: 'separately' | 'together';
  readonly pipeline_name: string;
  readonly pipeline_tables: number;
  readonly schedule: {
    readonly cron: string;
    readonly time_zone: string;
    readonly next_run_at: string | null;
    readonly message: string | null;
  } | null;
  readonly paused: { readonly at: string; readonly by: string } | null;
  readonly changed_by_hand: { readonly at: string; readonly by: string } | null;
  readonly message: string | null;
  readonly synced_version: string | null;
  readonly source_version: string | null;
  readonly lag_versions: string | null;
  readonly lag_seconds: number | null;
  readonly synced_committed_at: string | null;
  readonly last_sync_started_at: string | null;
  readonly last_sync_at: string | null;
  readonly size_bytes: string | null;
  readonly rows_done: string | null;
  readonly rows_total: string | null;
  readonly processing_version: string | null;
  readonly phase: 'PROVISIONING_PHASE_MAIN' | 'PROVISIONING_PHASE_INDEX_SCAN' | 'PROVISIONING_PHASE_INDEX_SORT' | null;
  readonly phase_started_at: string | null;
  readonly failing_column: string | null;
  readonly failing_keys: string[] | null;
  readonly created_by: string;
  readonly created_at: string;
  readonly is_readable: boolean;
  readonly may_control: boolean;
  readonly may_change_rows: boolean;
  readonly may_schedule: boolean;
  readonly may_read: boolean;
  /** The newest update that reached the table. */
  readonly newest: UpdateDetails | null;
  /** The newest update that failed, or that is tried again. */
  readonly failed: UpdateDetails | null;
  readonly waiting: { readonly sessions: readonly WaitingSession[]; readonly began_at: string } | null;
}

interface UpdateDetails {
  readonly update_id: string;
  readonly state: 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELED';
  readonly method: string | null;
  readonly rows_written: string | null;
  readonly rows_deleted: string | null;
  readonly load_seconds: number | null;
  readonly error_code: string | null;
  readonly message: string | null;
  readonly remedy: string | null;
  readonly attempt: number;
  readonly next_attempt_at: string | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

interface WaitingSession {
  readonly process: number;
  readonly role: string;
  readonly application: string;
  readonly since: string | null;
}

const UPDATE = `
  jsonb_build_object('update_id', r.update_id, 'state', r.state, 'method', r.method,
    'rows_written', coalesce(r.num_upserted_rows, r.rows_written)::text,
    'rows_deleted', coalesce(r.num_deleted_rows, r.rows_deleted)::text, 'load_seconds', r.load_seconds,
    'error_code', coalesce(r.error_code, u.error_code), 'message', coalesce(r.message, u.message),
    'remedy', coalesce(r.remedy, u.remedy), 'attempt', greatest(u.attempt, r.failed_attempts),
    'next_attempt_at', ${isoTime('coalesce(r.next_attempt_at, u.next_attempt_at)')}, 'started_at', ${isoTime('r.started_at')},
    'finished_at', ${isoTime('r.finished_at')})`;

/** Bytes of the synced table `c` with its indexes: those of its partition, as one statement asks for those of all. */
const SIZE = `(pg_catalog.pg_total_relation_size(c.oid) + coalesce((
           select sum(pg_catalog.pg_total_relation_size(i.inhrelid)) from pg_catalog.pg_inherits i where i.inhparent = c.oid), 0))`;

const SELECT_DETAILS = `
  with known as (
    select t.table_id, t.relation, t.created_by, t.created_at, t.pipeline_id, t.primary_key_columns as key_columns,
           t.timeseries_key, t.columns, t.row_filter, t.message, t.synced_version, t.source_version,${LAG}, t.synced_committed_at,
           t.last_sync_started_at, t.last_sync_at, t.rows_done, t.rows_total, t.processing_version,
           t.provisioning_phase as phase, t.phase_started_at, t.last_error_code, t.failing_column, t.failing_keys,
           t.synced_table, false as is_streaming
      from synced_tables._tables t where t.table_id = any ($2)
    union all
    select t.table_id, t.relation, t.created_by, t.created_at, t.pipeline_id, '{}', null, null, null, t.message, null, null, null,
           synced_tables_internal._streaming_lag_seconds(t), null, null, t.last_sync_at, null, null, null, null, null, t.last_error_code, t.failing_column, t.failing_keys,
           t.synced_table, true
      from synced_tables._streaming_tables t where t.table_id = any ($2)
  ),
  -- Asked once for each creator: there are few of them.
  creator as materialized (
    select c.created_by, synced_tables_internal._role_may_control($1, c.created_by) as may_control
      from (select created_by from known
            union
            select p.created_by from known join synced_tables._pipelines p using (pipeline_id)) c
  )
  select t.table_id, t.key_columns, t.timeseries_key, t.columns, t.row_filter, p.publish, p.name as pipeline_name,
         ((select count(*) from synced_tables._known_tables k where k.pipeline_id = t.pipeline_id))::int as pipeline_tables,
         (select jsonb_build_object('cron', s.cron, 'time_zone', s.time_zone, 'next_run_at', ${isoTime('s.next_run_at')},
                                    'message', s.message)
            from synced_tables._schedules s where s.pipeline_id = t.pipeline_id) as schedule,
         case when p.paused_at is not null
              then jsonb_build_object('at', ${isoTime('p.paused_at')}, 'by', p.paused_by) end as paused,
         case when d.dropped then synced_tables_internal._dropped_message(t.synced_table)
              else nullif(concat_ws(' ', synced_tables_internal._told_message(t.message, h.message), w.message), '') end as message,
         case when h.changed_at is not null
              then jsonb_build_object('at', ${isoTime('h.changed_at')}, 'by', h.changed_by) end as changed_by_hand,
         t.synced_version::text, t.source_version::text, case when not d.dropped then t.lag_versions::text end as lag_versions,
         case when not d.dropped then t.lag_seconds end as lag_seconds,
         ${isoTime('t.synced_committed_at')} as synced_committed_at,
         ${isoTime('t.last_sync_started_at')} as last_sync_started_at, ${isoTime('t.last_sync_at')} as last_sync_at,
         case when c.oid is not null and not t.is_streaming
              then ${SIZE}::text end as size_bytes,
         t.rows_done::text, t.rows_total::text,
         case when t.rows_done is not null then t.processing_version::text end as processing_version,
         case when t.rows_done is not null then t.phase end as phase,
         case when t.rows_done is not null then ${isoTime('t.phase_started_at')} end as phase_started_at,
         case when r.may_read_keys then t.failing_column end as failing_column,
         case when r.may_read_keys then t.failing_keys end as failing_keys,
         t.created_by, ${isoTime('t.created_at')} as created_at, c.oid is not null as is_readable,
         r.may_control or coalesce(databricks_auth.can_manage(t.relation, $1), false) as may_control,
         r.may_control and not t.is_streaming as may_change_rows,
         of_pipeline.may_control as may_schedule,
         r.may_read, newest.update as newest,
         case when t.last_error_code is not null then (
           select ${UPDATE}
             from (select * from synced_tables._table_updates n where n.synced_table = t.synced_table and n.error_code is not null
                    order by n.requested_at desc limit 1) r
             join synced_tables._updates u using (update_id)
            where r.table_id = t.table_id) end as failed,
         (select jsonb_build_object('sessions', w.sessions, 'began_at', ${isoTime('w.began_at')})
            from synced_tables._lock_waits w where w.table_id = t.table_id and ${WAIT_IS_NOW}) as waiting
    from known t
    join synced_tables._pipelines p using (pipeline_id)
    join creator of_table on of_table.created_by = t.created_by
    join creator of_pipeline on of_pipeline.created_by = p.created_by
    left join pg_catalog.pg_class c on c.oid = t.relation
    left join synced_tables_internal._waiting w on w.pipeline_id = t.pipeline_id
    left join synced_tables_internal._hand_changes h on h.table_id = t.table_id
   cross join lateral (select t.relation is not null and c.oid is null as dropped) d
   cross join lateral (
     select of_table.may_control,
            coalesce(pg_catalog.has_table_privilege($1, c.oid, 'select')
                     and pg_catalog.has_schema_privilege($1, c.relnamespace, 'usage'), false) as may_read,
            -- As synced_tables_internal._may_read says it of the acting role.
            case when t.relation is null then of_table.may_control
                 else coalesce(pg_catalog.has_table_privilege($1, c.oid, 'select'), false) end as may_read_keys) r
    -- By name and not by id: that is the index in the order of requests. A former table of the name is told from this one.
    left join lateral (
      select ${UPDATE} as update
        from (select * from synced_tables._table_updates n where n.synced_table = t.synced_table
               order by n.requested_at desc limit 1) r
        join synced_tables._updates u using (update_id)
       where r.table_id = t.table_id) newest on true`;

/**
 * Details of tables, by id; of those that exist and that the caller is known to see.
 * @param client a session with the sidecar's rights
 * @param role that the caller acts as
 */
export async function readTableDetails(
  client: pg.ClientBase,
  role: string,
  tableIds: readonly string[],
): Promise<Map<string, TableDetails>> {
  const { rows } = await client.query<TableDetails>({
    name: 'synced_tables_details',
    text: SELECT_DETAILS,
    values: [role, tableIds],
  });
  return new Map(rows.map((row) => [row.table_id, row]));
}

/** Bytes of each synced table with its indexes, for lists that are ordered by them. */
export async function readTableSizes(client: pg.ClientBase): Promise<Map<string, number>> {
  const { rows } = await client.query<{ table_id: string; bytes: number }>(
    `select t.table_id, ${SIZE}::double precision as bytes
       from synced_tables._tables t join pg_catalog.pg_class c on c.oid = t.relation`,
  );
  return new Map(rows.map(({ table_id: id, bytes }) => [id, bytes]));
}
