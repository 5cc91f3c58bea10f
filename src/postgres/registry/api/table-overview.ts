import type pg from 'pg';
import type { ConditionFacts } from '../../../core/table-condition.js';

/** What lists of all tables are filtered and ordered by: as little as that takes, since there may be a thousand. */
export interface TableOverview extends ConditionFacts {
  readonly tableId: string;
  readonly kind: 'synced' | 'streaming';
  readonly schema: string;
  readonly table: string;
  /** In the form that the SQL functions take. */
  readonly sqlName: string;
  /** Sources of a streaming table are listed with commas. */
  readonly source: string;
  readonly policy: 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS';
  readonly pipelineId: string;
  readonly rowCount: bigint | null;
  /** Seconds since 1970. */
  readonly lastSyncAt: number | null;
  readonly errorCode: string | null;
  /** Catalog of its three-part name; null if the database gives it. */
  readonly catalog: string | null;
}

interface OverviewRow {
  readonly table_id: string;
  readonly kind: TableOverview['kind'];
  readonly schema_name: string;
  readonly table_name: string;
  readonly synced_table: string;
  readonly source: string | null;
  readonly scheduling_policy: TableOverview['policy'];
  readonly pipeline_id: string;
  readonly state: TableOverview['state'];
  readonly is_canceled: boolean;
  readonly waits: boolean;
  readonly retries: boolean;
  readonly is_paused: boolean;
  readonly is_changed_by_hand: boolean;
  readonly lag_seconds: number | null;
  readonly lag_versions: string | null;
  readonly row_count: string | null;
  readonly last_sync_at: number | null;
  readonly last_error_code: string | null;
  readonly catalog_name: string | null;
}

/** Age and count of the commits that a table does not reflect yet, as in the view synced_tables.status. */
export const LAG = `
         t.source_version - t.synced_version as lag_versions,
         case when t.synced_version >= t.source_version then 0
              when t.synced_version is not null
              then greatest(0, extract(epoch from clock_timestamp() - coalesce(t.behind_since, t.source_committed_at)))::double precision
         end as lag_seconds`;

/** A wait that was told longer ago is over, for it is told again every ten seconds; and so is one before the last sync. */
export const WAIT_IS_NOW = `w.told_at > greatest(clock_timestamp() - interval '20 s', t.last_sync_at)`;

// A role that sees everything is asked once, not for each of a thousand tables.
const SELECT_OVERVIEW = `
  with caller as materialized (
    select synced_tables_internal._role_may_control($1, 'databricks_superuser') as sees_all
  ), known as (
    select t.table_id, 'synced' as kind, t.schema_name, t.table_name, t.synced_table,
           t.source_table_full_name as source, t.pipeline_id, t.state, t.relation, t.created_by, t.row_count,
           t.last_sync_at, t.last_error_code, s.catalog_name,${LAG}
      from synced_tables._tables t left join synced_tables._table_specs s using (table_id)
    union all
    select t.table_id, 'streaming', t.schema_name, t.table_name, t.synced_table,
           (select string_agg(coalesce((select string_agg(part.value, '.' order by part.ordinality)
                                          from jsonb_array_elements_text(f.source -> 'parts') with ordinality part),
                                       f.source ->> 'kind'), ', ' order by f.flow_name)
              from synced_tables._flows f where f.table_id = t.table_id),
           t.pipeline_id, t.state, t.relation, t.created_by, null, t.last_sync_at, t.last_error_code, null, null,
           synced_tables_internal._streaming_lag_seconds(t)
      from synced_tables._streaming_tables t
  ), waiting_updates as materialized (
    select distinct u.pipeline_id from synced_tables._updates u
     where u.state = 'QUEUED' and u.next_attempt_at > clock_timestamp()
  ), waiting_tables as materialized (
    select distinct r.table_id from synced_tables._table_updates r
     where r.state = 'RUNNING' and r.next_attempt_at > clock_timestamp()
  ), waits as materialized (
    select t.table_id from synced_tables._lock_waits w join synced_tables._tables t using (table_id) where ${WAIT_IS_NOW}
  )
  select t.table_id, t.kind, t.schema_name, t.table_name, t.synced_table, t.source, p.scheduling_policy, t.pipeline_id,
         case when d.dropped then 'SYNCED_TABLED_OFFLINE' else t.state end as state,
         t.state = 'SYNCED_TABLE_OFFLINE_FAILED' and coalesce(
           (select u.state = 'CANCELED' from synced_tables._updates u where u.pipeline_id = t.pipeline_id
             order by u.created_at desc limit 1), false) as is_canceled,
         exists (select from waits w where w.table_id = t.table_id) as waits,
         exists (select from waiting_updates u where u.pipeline_id = t.pipeline_id)
           or exists (select from waiting_tables r where r.table_id = t.table_id) as retries,
         (p.is_stopped or p.paused_at is not null) as is_paused,
         exists (select from synced_tables._hand_writes w where w.table_id = t.table_id) as is_changed_by_hand,
         case when not d.dropped then t.lag_seconds end as lag_seconds,
         case when not d.dropped then t.lag_versions::text end as lag_versions, t.row_count::text,
         extract(epoch from t.last_sync_at)::double precision as last_sync_at, t.last_error_code, t.catalog_name
    from known t
    join synced_tables._pipelines p using (pipeline_id)
    left join pg_catalog.pg_class c on c.oid = t.relation
   cross join lateral (select t.relation is not null and c.oid is null as dropped) d
   where ($2::text is null or t.schema_name = $2) and ($3::text is null or t.table_name = $3)
     and ((select sees_all from caller) or synced_tables_internal._role_may_see($1, t.created_by, t.relation))`;

/**
 * The synced and streaming tables of a database that a role may see, in no order.
 * @param client a session with the sidecar's rights
 */
export async function readTableOverview(
  client: pg.ClientBase,
  role: string,
  only: { readonly schema?: string; readonly table?: string } = {},
): Promise<TableOverview[]> {
  const { rows } = await client.query<OverviewRow>({
    name: 'synced_tables_overview',
    text: SELECT_OVERVIEW,
    values: [role, only.schema ?? null, only.table ?? null],
  });
  return rows.map((row) => ({
    tableId: row.table_id,
    kind: row.kind,
    schema: row.schema_name,
    table: row.table_name,
    sqlName: row.synced_table,
    source: row.source ?? '',
    policy: row.scheduling_policy,
    pipelineId: row.pipeline_id,
    state: row.state,
    isCanceled: row.is_canceled,
    waitsForLock: row.waits,
    retries: row.retries,
    isPaused: row.is_paused,
    isChangedByHand: row.is_changed_by_hand,
    lagSeconds: row.lag_seconds,
    lagVersions: row.lag_versions === null ? null : BigInt(row.lag_versions),
    rowCount: row.row_count === null ? null : BigInt(row.row_count),
    lastSyncAt: row.last_sync_at,
    errorCode: row.last_error_code,
    catalog: row.catalog_name,
  }));
}
