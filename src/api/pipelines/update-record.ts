import type pg from 'pg';
import type { UpdateInfo } from './pipeline-schema.js';

interface UpdateRow {
  readonly pipeline_id: string;
  readonly update_id: string;
  readonly state: UpdateInfo['state'];
  readonly cause: UpdateInfo['cause'];
  readonly mode: UpdateInfo['mode'];
  readonly full_refresh: boolean;
  readonly selection: { refresh?: string[]; full_refresh?: string[] } | null;
  readonly created_at_ms: string;
}

export interface UpdateFilter {
  readonly pipelineId: string;
  readonly updateId: string | null;
  readonly limit: number;
  /** The update at which the list begins, or after which it does. */
  readonly place: { readonly updateId: string; readonly isIncluded: boolean } | null;
}

/** Updates of a pipeline, newest first. The caller checks beforehand who may see the pipeline. */
export async function readUpdates(
  client: pg.ClientBase,
  filter: UpdateFilter,
): Promise<{ readonly info: UpdateInfo }[]> {
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
    info: {
      pipeline_id: row.pipeline_id,
      update_id: row.update_id,
      state: row.state,
      cause: row.cause,
      creation_time: BigInt(row.created_at_ms),
      full_refresh: row.full_refresh,
      validate_only: false,
      mode: row.mode,
      ...(row.selection?.refresh?.length ? { refresh_selection: row.selection.refresh } : {}),
      ...(row.selection?.full_refresh?.length ? { full_refresh_selection: row.selection.full_refresh } : {}),
    },
  }));
}
