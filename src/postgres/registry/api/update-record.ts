import type pg from 'pg';
import type { UpdateMode } from '../../../core/update-outcome.js';

/** Why there is an update. */
type UpdateCause =
  | 'API_CALL'
  | 'INFRASTRUCTURE_MAINTENANCE'
  | 'JOB_TASK'
  | 'RETRY_ON_FAILURE'
  | 'SCHEMA_CHANGE'
  | 'SERVICE_UPGRADE'
  | 'USER_ACTION';

/** An update of a pipeline. */
export interface UpdateRecord {
  readonly pipelineId: string;
  readonly updateId: string;
  readonly state: 'QUEUED' | 'RUNNING' | 'COMPLETED' | 'CANCELED' | 'FAILED';
  readonly cause: UpdateCause;
  readonly mode: UpdateMode;
  readonly isFullRefresh: boolean;
  /** Whether it only checks flows, and writes nothing. */
  readonly isValidation: boolean;
  /** Names of the tables that it is for, as the SQL functions take them; null for all of its pipeline. */
  readonly selection: { readonly refresh?: string[]; readonly full_refresh?: string[] } | null;
  /** Milliseconds since 1970. */
  readonly createdAtMs: bigint;
}

interface UpdateRow {
  readonly pipeline_id: string;
  readonly update_id: string;
  readonly state: UpdateRecord['state'];
  readonly cause: UpdateCause;
  readonly mode: UpdateMode | 'VALIDATE' | 'CHANGE';
  readonly full_refresh: boolean;
  readonly selection: { refresh?: string[]; full_refresh?: string[] } | null;
  readonly created_at_ms: string;
}

/** Which updates of a pipeline are wanted. */
interface UpdateFilter {
  readonly pipelineId: string;
  readonly updateId: string | null;
  readonly limit: number;
  /** The update at which the list begins, or after which it does. */
  readonly place: { readonly updateId: string; readonly isIncluded: boolean } | null;
}

/** Updates of a pipeline, newest first. The caller checks beforehand who may see the pipeline. */
export async function readUpdates(client: pg.ClientBase, filter: UpdateFilter): Promise<UpdateRecord[]> {
  const { rows } = await client.query<UpdateRow>(
    `select u.pipeline_id, u.update_id, u.cause, u.mode, u.full_refresh, u.selection, u.state,
            floor(extract(epoch from u.created_at) * 1000)::bigint::text as created_at_ms
       from synced_tables._updates u
       left join synced_tables._updates place on place.update_id = $3 and place.pipeline_id = $1
      where u.pipeline_id = $1 and ($2::uuid is null or u.update_id = $2)
        and ($3::uuid is null or (u.created_at, u.update_id) < (place.created_at, place.update_id)
             or $4 and u.update_id = place.update_id)
      order by u.created_at desc, u.update_id desc limit $5`,
    [
      filter.pipelineId,
      filter.updateId,
      filter.place?.updateId ?? null,
      filter.place?.isIncluded ?? false,
      filter.limit,
    ],
  );
  return rows.map((row) => ({
    pipelineId: row.pipeline_id,
    updateId: row.update_id,
    state: row.state,
    cause: row.cause,
    mode: row.mode === 'CONTINUOUS' ? 'CONTINUOUS' : 'DEFAULT',
    isFullRefresh: row.full_refresh,
    isValidation: row.mode === 'VALIDATE',
    selection: row.selection,
    createdAtMs: BigInt(row.created_at_ms),
  }));
}
