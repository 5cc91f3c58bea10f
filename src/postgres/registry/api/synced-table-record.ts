import type pg from 'pg';
import type { SyncedTableState } from '../../../core/synced-table.js';
import { isoTime } from './iso-time.js';

type ProvisioningPhase = 'PROVISIONING_PHASE_MAIN' | 'PROVISIONING_PHASE_INDEX_SCAN' | 'PROVISIONING_PHASE_INDEX_SORT';

/** All that the registry knows about a synced table, for the services. Timestamps are ISO 8601 texts in UTC. */
export interface SyncedTableRecord {
  readonly tableId: string;
  readonly schema: string;
  readonly table: string;
  /** In the form that the SQL functions take. */
  readonly sqlName: string;
  readonly source: string;
  readonly keyColumns: readonly string[];
  readonly timeseriesKey: string | null;
  readonly policy: 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS';
  readonly pipelineId: string;
  readonly state: SyncedTableState;
  readonly message: string | null;
  readonly errorCode: string | null;
  readonly syncedVersion: bigint | null;
  /** When `syncedVersion` was committed in the source. */
  readonly syncedCommittedAt: string | null;
  readonly rowCount: bigint | null;
  /** Progress of the running update; null when none runs. */
  readonly rowsDone: bigint | null;
  readonly rowsTotal: bigint | null;
  /** Meaningless while `rowsDone` is null, as is the phase. */
  readonly processingVersion: bigint | null;
  readonly phase: ProvisioningPhase | null;
  /** Estimated seconds to copy the remaining rows, at the rate so far. */
  readonly estimatedSeconds: number | null;
  readonly lastSyncStartedAt: string | null;
  readonly lastSyncAt: string | null;
  /** Whether an update is rebuilding the table. */
  readonly isFullRefreshing: boolean;
  /** Whether readers can use the table. */
  readonly isServing: boolean;
  readonly createdBy: string;
  readonly createdAt: string;
  /** Catalog of its three-part name; null if the table was not created over HTTP, or is in a database catalog. */
  readonly catalog: string | null;
  /** The spec that it was created with over HTTP; empty for other tables. */
  readonly spec: Readonly<Record<string, unknown>>;
}

interface RecordRow {
  readonly table_id: string;
  readonly schema_name: string;
  readonly table_name: string;
  readonly synced_table: string;
  readonly source_table_full_name: string;
  readonly primary_key_columns: string[];
  readonly timeseries_key: string | null;
  readonly scheduling_policy: SyncedTableRecord['policy'];
  readonly pipeline_id: string;
  readonly state: SyncedTableState;
  readonly message: string | null;
  readonly last_error_code: string | null;
  readonly synced_version: string | null;
  readonly synced_committed_at: string | null;
  readonly row_count: string | null;
  readonly rows_done: string | null;
  readonly rows_total: string | null;
  readonly processing_version: string | null;
  readonly provisioning_phase: ProvisioningPhase | null;
  readonly estimated_seconds: number | null;
  readonly last_sync_started_at: string | null;
  readonly last_sync_at: string | null;
  readonly is_full_refreshing: boolean;
  readonly is_serving: boolean;
  readonly created_by: string;
  readonly created_at: string;
  readonly catalog_name: string | null;
  readonly spec: Record<string, unknown> | null;
}

/** A table created with SQL: its options in the form of a request, those alone that it was given. */
const OPTIONS_OF_SQL = `jsonb_strip_nulls(jsonb_build_object(
           'accelerated_sync', nullif(t.accelerated_sync, false), 'columns', to_jsonb(t.columns), 'row_filter', t.row_filter,
           'type_overrides', (select jsonb_agg(jsonb_build_object('column_name', e ->> 'column_name', 'pg_type', e ->> 'pg_type',
                                                                  'size', (e ->> 'size')::integer))
                                from jsonb_array_elements(t.type_overrides) e),
           'extra_columns', (select jsonb_agg(jsonb_build_object('column_name', e ->> 'column_name', 'column_type', e ->> 'column_type',
                                                                 'compute', e ->> 'compute', 'maintenance', e ->> 'maintenance'))
                               from jsonb_array_elements(t.extra_columns) e),
           'extra_index_definitions', (select jsonb_agg(jsonb_build_object('name', e ->> 'name', 'definition', e ->> 'definition'))
                                         from jsonb_array_elements(t.extra_index_definitions) e)))`;

// Same rules as the view synced_tables.status, for a given role ($1) instead of the current one.
const SELECT_RECORDS = `
  select t.table_id, t.schema_name, t.table_name, t.synced_table, t.source_table_full_name, t.primary_key_columns,
         t.timeseries_key, p.scheduling_policy, t.pipeline_id, t.last_error_code,
         case when d.dropped then 'SYNCED_TABLED_OFFLINE' else t.state end as state,
         case when d.dropped then synced_tables_internal._dropped_message(t.synced_table) else synced_tables_internal._told_message(t.message, h.message) end as message,
         t.synced_version::text, ${isoTime('t.synced_committed_at')} as synced_committed_at,
         t.row_count::text, t.rows_done::text, t.rows_total::text, t.processing_version::text, t.provisioning_phase,
         case when t.provisioning_phase = 'PROVISIONING_PHASE_MAIN' and t.rows_done * 100 >= t.rows_total
              then (extract(epoch from clock_timestamp() - t.phase_started_at)
                    * greatest(0, t.rows_total - t.rows_done) / nullif(t.rows_done, 0))::double precision
         end as estimated_seconds,
         ${isoTime('t.last_sync_started_at')} as last_sync_started_at, ${isoTime('t.last_sync_at')} as last_sync_at,
         exists (select from synced_tables._updates u where u.pipeline_id = t.pipeline_id and u.state = 'RUNNING'
                                                        and u.full_refresh) as is_full_refreshing,
         c.oid is not null as is_serving, t.created_by, ${isoTime('t.created_at')} as created_at, s.catalog_name,
         coalesce(s.spec, ${OPTIONS_OF_SQL}) as spec
    from synced_tables._tables t
    join synced_tables._pipelines p using (pipeline_id)
    left join synced_tables._table_specs s using (table_id)
    left join pg_catalog.pg_class c on c.oid = t.relation
    left join synced_tables_internal._hand_changes h on h.table_id = t.table_id
   cross join lateral (select t.relation is not null and c.oid is null as dropped) d
   where synced_tables_internal._role_may_see($1, t.created_by, t.relation)`;

/** Which tables to find; each field narrows the search. */
export interface RecordFilter {
  readonly schema?: string;
  readonly table?: string;
  readonly pipelineId?: string;
  /** The catalog that the table was named with; null for any. */
  readonly catalog?: string | null;
  /** Whether schema and table may be written in another case. */
  readonly inAnyCase?: boolean;
}

/**
 * The synced tables of a database that a role may see, by schema and name.
 * @param client a session with the sidecar's rights
 * @param role that the caller acts as
 */
export async function readSyncedTables(
  client: pg.ClientBase,
  role: string,
  filter: RecordFilter = {},
): Promise<SyncedTableRecord[]> {
  const { rows } = await client.query<RecordRow>(
    `${SELECT_RECORDS} and ($2::text is null or t.schema_name = $2 or $6 and lower(t.schema_name) = lower($2))
        and ($3::text is null or t.table_name = $3 or $6 and lower(t.table_name) = lower($3))
        and ($4::uuid is null or t.pipeline_id = $4) and ($5::text is null or s.catalog_name = $5)
      order by t.schema_name, t.table_name`,
    [
      role,
      filter.schema ?? null,
      filter.table ?? null,
      filter.pipelineId ?? null,
      filter.catalog ?? null,
      filter.inAnyCase === true,
    ],
  );
  return rows.map(toRecord);
}

function toRecord(row: RecordRow): SyncedTableRecord {
  return {
    tableId: row.table_id,
    schema: row.schema_name,
    table: row.table_name,
    sqlName: row.synced_table,
    source: row.source_table_full_name,
    keyColumns: row.primary_key_columns,
    timeseriesKey: row.timeseries_key,
    policy: row.scheduling_policy,
    pipelineId: row.pipeline_id,
    state: row.state,
    message: row.message,
    errorCode: row.last_error_code,
    syncedVersion: toBigInt(row.synced_version),
    syncedCommittedAt: row.synced_committed_at,
    rowCount: toBigInt(row.row_count),
    rowsDone: toBigInt(row.rows_done),
    rowsTotal: toBigInt(row.rows_total),
    processingVersion: toBigInt(row.processing_version),
    phase: row.provisioning_phase,
    estimatedSeconds: row.estimated_seconds,
    lastSyncStartedAt: row.last_sync_started_at,
    lastSyncAt: row.last_sync_at,
    isFullRefreshing: row.is_full_refreshing,
    isServing: row.is_serving,
    createdBy: row.created_by,
    createdAt: row.created_at,
    catalog: row.catalog_name,
    spec: row.spec ?? {},
  };
}

function toBigInt(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
