import type pg from 'pg';
import { isoTime } from './iso-time.js';

/** A flow of a streaming table: as declared, and how far it has read. */
export interface StreamingFlow {
  readonly name: string;
  readonly kind: 'changes' | 'snapshot';
  readonly source: Readonly<Record<string, unknown>>;
  /** As the SQL functions name them; those that were not given are absent. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly createdBy: string;
  readonly batchId: string | null;
  readonly position: unknown;
  readonly committedAt: string | null;
}

/** What is known of a streaming table beside its status. */
export interface StreamingRecord {
  readonly state: string;
  readonly message: string | null;
  readonly errorCode: string | null;
  readonly lastSyncAt: string | null;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly policy: string;
  readonly pipelineName: string;
  readonly declared: Readonly<Record<string, unknown>>;
  /** Null before the first update. */
  readonly target: {
    readonly keys: readonly string[];
    readonly sequence: string;
    readonly scdType: number;
    readonly trackedColumns: readonly string[];
    readonly columns: readonly string[];
    /** The newest version of the change feed. */
    readonly commitVersion: string;
    /** The oldest version that the feed still has; null if there is no feed. */
    readonly feedFrom: string | null;
    readonly truncatedAt: string | null;
  } | null;
  readonly flows: readonly StreamingFlow[];
  /** Whether the role may sync and change it. */
  readonly mayControl: boolean;
  /** Whether the role may read its rows. */
  readonly mayRead: boolean;
}

interface StreamingRow {
  readonly state: string;
  readonly message: string | null;
  readonly last_error_code: string | null;
  readonly last_sync_at: string | null;
  readonly created_by: string;
  readonly created_at: string;
  readonly scheduling_policy: string;
  readonly pipeline_name: string;
  readonly declared: Readonly<Record<string, unknown>>;
  readonly target: StreamingRecord['target'];
  readonly flows: readonly StreamingFlow[];
  readonly may_control: boolean;
  readonly may_read: boolean;
}

/** The streaming table with that id, which the role may see; null if it is gone. */
export async function readStreamingRecord(
  client: pg.ClientBase,
  role: string,
  tableId: string,
): Promise<StreamingRecord | null> {
  const { rows } = await client.query<StreamingRow>(
    `select t.state, t.message, t.last_error_code, ${isoTime('t.last_sync_at')} as last_sync_at, t.created_by,
            ${isoTime('t.created_at')} as created_at, p.scheduling_policy, p.name as pipeline_name, t.declared,
            case when g.target_id is not null then jsonb_build_object(
              'keys', g.shape -> 'keys', 'sequence', g.shape -> 'sequence', 'scdType', g.shape -> 'scdType',
              'trackedColumns', coalesce(g.shape -> 'tracked', '[]'), 'columns', g.shape -> 'columns',
              'commitVersion', g.commit_version::text,
              'feedFrom', case when g.feed is not null then (g.feed_starts_after + 1)::text end,
              'truncatedAt', ${isoTime('g.truncated_at')}) end as target,
            coalesce((select jsonb_agg(jsonb_build_object(
                        'name', f.flow_name, 'kind', f.kind, 'source', f.source, 'options', jsonb_strip_nulls(f.options),
                        'createdBy', f.created_by, 'batchId', o.batch_id::text, 'position', o.position,
                        'committedAt', ${isoTime('o.committed_at')}) order by f.created_at, f.flow_name)
                        from synced_tables._flows f
                        left join synced_tables._cdc_positions o on o.target_id = g.target_id and o.flow_name = f.flow_name
                       where f.table_id = t.table_id), '[]') as flows,
            synced_tables_internal._role_may_control($1, t.created_by) as may_control,
            coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regrole(pg_catalog.quote_ident($1)), t.relation, 'select'), false) as may_read
       from synced_tables._streaming_tables t
       join synced_tables._pipelines p using (pipeline_id)
       left join synced_tables._cdc_targets g
         on g.schema_name = t.schema_name and g.table_name = t.table_name and g.refreshed_by is null
      where t.table_id = $2`,
    [role, tableId],
  );
  const [row] = rows;
  if (!row) return null;
  return {
    state: row.state,
    message: row.message,
    errorCode: row.last_error_code,
    lastSyncAt: row.last_sync_at,
    createdBy: row.created_by,
    createdAt: row.created_at,
    policy: row.scheduling_policy,
    pipelineName: row.pipeline_name,
    declared: row.declared,
    target: row.target,
    flows: row.flows,
    mayControl: row.may_control,
    mayRead: row.may_read,
  };
}
