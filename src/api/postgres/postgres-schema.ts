import { z } from 'zod';
import { syncedTableReply, syncedTableSpecInput } from '../synced-tables/synced-table-schema.js';
import { int64, maybe, text } from '../wire/wire-fields.js';

// The objects of docs/reference/databricks-api.md#postgres-service: resource names, spec (what was asked for) and
// status (what is).

export const createQuery = z.object({ synced_table_id: z.string().optional() });

export const syncedTableBody = z.object({
  spec: maybe(syncedTableSpecInput.extend({ branch: maybe(text), postgres_database: maybe(text) })),
});

const { spec: databaseSpec, data_synchronization_status: databaseStatus } = syncedTableReply.shape;

const states = [
  ...databaseStatus.shape.detailed_state.options.filter((state) => state !== 'SYNCED_TABLED_OFFLINE'),
  'SYNCED_TABLE_OFFLINE',
] as const;

const progress = z.object({
  latest_version_currently_processing: int64.optional(),
  synced_row_count: int64.optional(),
  total_row_count: int64.optional(),
  sync_progress_completion: z.number().optional(),
  estimated_completion_time_seconds: z.number().optional(),
});

const position = z.object({
  sync_start_time: z.string().optional(),
  sync_end_time: z.string().optional(),
  delta_table_sync_info: z
    .object({ delta_commit_version: int64.optional(), delta_commit_time: z.string().optional() })
    .optional(),
});

export const postgresSyncedTable = z.object({
  name: z.string(),
  synced_table_id: z.string(),
  uid: z.string(),
  create_time: z.string(),
  spec: databaseSpec.extend({ branch: z.string(), postgres_database: z.string() }),
  status: z.object({
    detailed_state: z.enum(states),
    message: z.string().optional(),
    pipeline_id: z.string(),
    project: z.string(),
    unity_catalog_provisioning_state: z.literal('ACTIVE'),
    provisioning_phase: z
      .enum(['PROVISIONING_PHASE_MAIN', 'PROVISIONING_PHASE_INDEX_SCAN', 'PROVISIONING_PHASE_INDEX_SORT'])
      .optional(),
    ongoing_sync_progress: progress.optional(),
    last_processed_commit_version: int64.optional(),
    last_sync_time: z.string().optional(),
    last_sync: position.optional(),
  }),
});

export type PostgresSyncedTable = z.output<typeof postgresSyncedTable>;

const typed = { '@type': z.string() };

/** An operation on resources of a kind. Always done, so `response` is always there, even for deletions. */
export function operationSchema<Resource extends z.ZodObject>(resource: Resource) {
  return z.object({
    name: z.string(),
    done: z.literal(true),
    metadata: z.object(typed),
    response: z.union([resource.extend(typed), z.object(typed)]),
  });
}

export const operationReply = operationSchema(postgresSyncedTable);
