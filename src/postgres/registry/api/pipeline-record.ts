import type pg from 'pg';
import { isoTime } from './iso-time.js';

/** A pipeline as the API shows it. */
export interface PipelineRecord {
  readonly pipelineId: string;
  readonly kind: 'SYNCED_TABLES' | 'FLOWS';
  readonly name: string;
  readonly isContinuous: boolean;
  readonly isStopped: boolean;
  readonly createdBy: string;
  /** Milliseconds since 1970. */
  readonly modifiedAtMs: bigint;
  readonly hasFailedTable: boolean;
  /** Newest first, at most five. */
  readonly latestUpdates: readonly { readonly updateId: string; readonly state: string; readonly createdAt: string }[];
  /** The spec it was created from over HTTP; null for other pipelines, and for callers who may only read its tables. */
  readonly spec: Readonly<Record<string, unknown>> | null;
}

interface PipelineRow {
  readonly pipeline_id: string;
  readonly kind: PipelineRecord['kind'];
  readonly name: string;
  readonly scheduling_policy: string;
  readonly is_stopped: boolean;
  readonly created_by: string;
  readonly modified_at_ms: string;
  readonly has_failed_table: boolean;
  readonly latest_updates: PipelineRecord['latestUpdates'] | null;
  readonly spec: Readonly<Record<string, unknown>> | null;
}

const FAILED_STATES = `'SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLE_OFFLINE_FAILED', 'SYNCED_TABLED_OFFLINE'`;

// Callers see the pipelines that they may control, and those with a table that they may see.
const SELECT_PIPELINES = `
  select p.pipeline_id, p.kind, p.name, p.scheduling_policy, p.is_stopped, p.created_by,
         floor(extract(epoch from coalesce(s.updated_at, p.created_at)) * 1000)::bigint::text as modified_at_ms,
         exists (select from synced_tables._tables t
                  where t.pipeline_id = p.pipeline_id and t.state in (${FAILED_STATES}))
           or exists (select from synced_tables._streaming_tables t
                       where t.pipeline_id = p.pipeline_id and t.state in (${FAILED_STATES})) as has_failed_table,
         (select jsonb_agg(jsonb_build_object('updateId', u.update_id, 'state', u.state, 'createdAt', ${isoTime('u.created_at')})
                           order by u.created_at desc)
            from (select * from synced_tables._updates u where u.pipeline_id = p.pipeline_id
                   order by u.created_at desc limit 5) u) as latest_updates,
         case when synced_tables_internal._role_may_control($1, p.created_by) then s.spec end as spec
    from synced_tables._pipelines p
    left join synced_tables._pipeline_specs s using (pipeline_id)
   where (exists (select from synced_tables._tables t
                   where t.pipeline_id = p.pipeline_id and synced_tables_internal._role_may_see($1, t.created_by, t.relation))
          or exists (select from synced_tables._streaming_tables t
                      where t.pipeline_id = p.pipeline_id and synced_tables_internal._role_may_see($1, t.created_by, t.relation))
          or p.kind = 'FLOWS' and synced_tables_internal._role_may_control($1, p.created_by))`;

/**
 * The pipelines that a role may see.
 * @param id null for all of them
 */
export async function readPipelines(client: pg.ClientBase, role: string, id: string | null): Promise<PipelineRecord[]> {
  const { rows } = await client.query<PipelineRow>(`${SELECT_PIPELINES} and ($2::uuid is null or p.pipeline_id = $2)`, [
    role,
    id,
  ]);
  return rows.map((row) => ({
    pipelineId: row.pipeline_id,
    kind: row.kind,
    name: row.name,
    isContinuous: row.scheduling_policy === 'CONTINUOUS',
    isStopped: row.is_stopped,
    createdBy: row.created_by,
    modifiedAtMs: BigInt(row.modified_at_ms),
    hasFailedTable: row.has_failed_table,
    latestUpdates: row.latest_updates ?? [],
    spec: row.spec,
  }));
}

/** A synced or streaming table of a pipeline, as the registry names it. */
interface PipelineMember {
  readonly schema: string;
  readonly table: string;
  /** In the form that the SQL functions take. */
  readonly sqlName: string;
  /** The catalog of its three-part name, if that is a standard one; else null. */
  readonly catalog: string | null;
}

/** The tables of a pipeline that a role may see, by schema and name. */
export async function readPipelineMembers(
  client: pg.ClientBase,
  role: string,
  pipelineId: string,
): Promise<PipelineMember[]> {
  const { rows } = await client.query<{
    schema_name: string;
    table_name: string;
    synced_table: string;
    catalog_name: string | null;
  }>(
    `select t.schema_name, t.table_name, t.synced_table, s.catalog_name
         from synced_tables._tables t left join synced_tables._table_specs s using (table_id)
        where t.pipeline_id = $2 and synced_tables_internal._role_may_see($1, t.created_by, t.relation)
       union all
       select t.schema_name, t.table_name, t.synced_table, null from synced_tables._streaming_tables t
        where t.pipeline_id = $2 and synced_tables_internal._role_may_see($1, t.created_by, t.relation)
        order by 1, 2`,
    [role, pipelineId],
  );
  return rows.map((row) => ({
    schema: row.schema_name,
    table: row.table_name,
    sqlName: row.synced_table,
    catalog: row.catalog_name,
  }));
}
