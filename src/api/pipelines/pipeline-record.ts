import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { isUuid } from '../../core/uuid.js';
import { catalogOfDatabase } from '../names/catalog-place.js';
import { fullNameOf } from '../names/table-name.js';
import type { ApiContext } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { type DatabasePlace, databasesOf } from '../places/database-place.js';
import { isoTime } from '../wire/iso-time.js';
import type { PipelineSpec } from './pipeline-spec.js';

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
  readonly spec: PipelineSpec | null;
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
  readonly spec: PipelineSpec | null;
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

async function readPipelines(client: pg.ClientBase, role: string, id: string | null): Promise<PipelineRecord[]> {
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

/** A synced or streaming table of a pipeline. */
export interface PipelineTable {
  /** The three-part name that lists show. */
  readonly fullName: string;
  readonly schema: string;
  readonly table: string;
  /** As the SQL functions take it. */
  readonly sqlName: string;
}

/** A pipeline, where it is, and those of its tables that the caller may see. */
export interface PlacedPipeline extends DatabasePlace {
  readonly record: PipelineRecord;
  readonly tables: readonly PipelineTable[];
}

/** @throws PIPELINE_NOT_FOUND, also for a pipeline that the caller may not see */
export async function findPipeline(context: ApiContext, caller: Caller, id: string): Promise<PlacedPipeline> {
  const pipelineId = id.toLowerCase();
  if (isUuid(pipelineId)) {
    for (const place of databasesOf(context, caller)) {
      const found = await readPlaced(place, caller, pipelineId);
      if (found) return found;
    }
  }
  throw syncedTablesError('PIPELINE_NOT_FOUND', { pipeline: id });
}

async function readPlaced(place: DatabasePlace, caller: Caller, pipelineId: string): Promise<PlacedPipeline | null> {
  const { instance, database } = place;
  const role = await database.roleNameOf(caller);
  const [record] = await database.asService((client) => readPipelines(client, role, pipelineId));
  if (!record) return null;
  const { rows } = await database.asService((client) =>
    client.query<{ schema_name: string; table_name: string; synced_table: string; catalog_name: string | null }>(
      `select t.schema_name, t.table_name, t.synced_table, s.catalog_name
         from synced_tables._tables t left join synced_tables._table_specs s using (table_id)
        where t.pipeline_id = $2 and synced_tables_internal._role_may_see($1, t.created_by, t.relation)
       union all
       select t.schema_name, t.table_name, t.synced_table, null from synced_tables._streaming_tables t
        where t.pipeline_id = $2 and synced_tables_internal._role_may_see($1, t.created_by, t.relation)
        order by 1, 2`,
      [role, pipelineId],
    ),
  );
  const other = await catalogOfDatabase(instance, database.name);
  const tables = rows.map(({ schema_name: schema, table_name: table, synced_table: sqlName, catalog_name: named }) => {
    const catalog = named ?? other;
    return { fullName: fullNameOf({ catalog, schema, table }), schema, table, sqlName };
  });
  return { record, instance, database, tables };
}

/** All pipelines that the caller may see. */
export async function listPipelines(context: ApiContext, caller: Caller): Promise<PipelineRecord[]> {
  const lists = await Promise.all(
    databasesOf(context, caller).map(async ({ database }) => {
      const role = await database.roleNameOf(caller);
      return database.asService((client) => readPipelines(client, role, null));
    }),
  );
  return lists.flat();
}
