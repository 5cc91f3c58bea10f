import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { isUuid } from '../../core/uuid.js';
import type { ApiContext } from '../api-context.js';
import type { ApiDatabase } from '../api-database.js';
import type { Caller } from '../caller.js';
import { databasesOf, findPipelineTables, type PlacedTable } from '../synced-table-place.js';
import { isoTime } from '../synced-table-record.js';

/** A pipeline as the API tells it. */
export interface PipelineRecord {
  readonly pipelineId: string;
  readonly name: string;
  readonly isContinuous: boolean;
  readonly isStopped: boolean;
  readonly createdBy: string;
  /** Milliseconds since 1970. */
  readonly createdAtMs: bigint;
  readonly hasFailedTable: boolean;
  /** Newest first, at most five. */
  readonly latestUpdates: readonly { readonly updateId: string; readonly state: string; readonly createdAt: string }[];
}

interface PipelineRow {
  readonly pipeline_id: string;
  readonly name: string;
  readonly scheduling_policy: string;
  readonly is_stopped: boolean;
  readonly created_by: string;
  readonly created_at_ms: string;
  readonly has_failed_table: boolean;
  readonly latest_updates: PipelineRecord['latestUpdates'] | null;
}

const FAILED_STATES = `'SYNCED_TABLE_ONLINE_PIPELINE_FAILED', 'SYNCED_TABLE_OFFLINE_FAILED', 'SYNCED_TABLED_OFFLINE'`;

// A caller sees a pipeline when he sees one of its tables.
const SELECT_PIPELINES = `
  select p.pipeline_id, p.name, p.scheduling_policy, p.is_stopped, p.created_by,
         floor(extract(epoch from p.created_at) * 1000)::bigint::text as created_at_ms,
         exists (select from synced_tables._tables t
                  where t.pipeline_id = p.pipeline_id and t.state in (${FAILED_STATES})) as has_failed_table,
         (select jsonb_agg(jsonb_build_object('updateId', u.update_id, 'state', u.state, 'createdAt', ${isoTime('u.created_at')})
                           order by u.created_at desc)
            from (select * from synced_tables._updates u where u.pipeline_id = p.pipeline_id
                   order by u.created_at desc limit 5) u) as latest_updates
    from synced_tables._pipelines p
   where exists (select from synced_tables._tables t
                  where t.pipeline_id = p.pipeline_id and synced_tables._role_may_see($1, t.created_by, t.relation))`;

async function readPipelines(client: pg.ClientBase, role: string, id: string | null): Promise<PipelineRecord[]> {
  const { rows } = await client.query<PipelineRow>(`${SELECT_PIPELINES} and ($2::uuid is null or p.pipeline_id = $2)`, [
    role,
    id,
  ]);
  return rows.map((row) => ({
    pipelineId: row.pipeline_id,
    name: row.name,
    isContinuous: row.scheduling_policy === 'CONTINUOUS',
    isStopped: row.is_stopped,
    createdBy: row.created_by,
    createdAtMs: BigInt(row.created_at_ms),
    hasFailedTable: row.has_failed_table,
    latestUpdates: row.latest_updates ?? [],
  }));
}

/** A pipeline, where it is, and those of its tables that the caller may see. */
export interface PlacedPipeline {
  readonly record: PipelineRecord;
  readonly database: ApiDatabase;
  readonly tables: readonly PlacedTable[];
}

/** @throws PIPELINE_NOT_FOUND, also for a pipeline none of whose tables the caller may see */
export async function findPipeline(context: ApiContext, caller: Caller, id: string): Promise<PlacedPipeline> {
  const pipelineId = id.toLowerCase();
  if (!isUuid(pipelineId)) throw syncedTablesError('PIPELINE_NOT_FOUND', { pipeline: id });
  const tables = await findPipelineTables(context, caller, pipelineId);
  const [first] = tables;
  if (!first) throw syncedTablesError('PIPELINE_NOT_FOUND', { pipeline: id });
  const { database } = first;
  const role = await database.roleNameOf(caller);
  const [record] = await database.asService((client) => readPipelines(client, role, pipelineId));
  if (!record) throw syncedTablesError('PIPELINE_NOT_FOUND', { pipeline: id });
  return { record, database, tables };
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
