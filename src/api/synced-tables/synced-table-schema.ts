import { z } from 'zod';
import { int64, maybe, text } from '../wire/wire-fields.js';

// The objects of docs/reference/databricks-api.md#synced-tables. In requests, unknown fields are ignored and null means
// absent.

const typeOverride = z.object({
  column_name: text,
  pg_type: z.enum(['PG_SPECIFIC_TYPE_VECTOR', 'PG_SPECIFIC_TYPE_HALFVEC', 'PG_SPECIFIC_TYPE_VARCHAR']),
  size: z.int().positive().optional(),
});

const extraColumn = z.object({
  column_name: text,
  column_type: text,
  compute: text.optional(),
  maintenance: z.enum(['STORED_GENERATED', 'DEFAULT_VALUE']).optional(),
});

const extraIndexDefinition = z.object({
  name: text,
  definition: text,
  creation_point: z.enum(['CREATION_POINT_AFTER_DATA_LOAD']).optional(),
});

const newPipelineSpec = z.object({
  storage_catalog: text.optional(),
  storage_schema: text.optional(),
  budget_policy_id: text.optional(),
  pipeline_channel: text.optional(),
});

const schedulingPolicy = z.enum(['CONTINUOUS', 'SNAPSHOT', 'TRIGGERED']);

/** The requested definition of a synced table. */
export const syncedTableSpecInput = z.object({
  source_table_full_name: maybe(text),
  primary_key_columns: maybe(z.array(text).max(1_000)),
  scheduling_policy: maybe(schedulingPolicy),
  timeseries_key: maybe(text),
  create_database_objects_if_missing: maybe(z.boolean()),
  new_pipeline_spec: maybe(newPipelineSpec),
  existing_pipeline_id: maybe(text),
  accelerated_sync: maybe(z.boolean()),
  type_overrides: maybe(z.array(typeOverride).max(1_600)),
  extra_columns: maybe(z.array(extraColumn).max(1_600)),
  extra_index_definitions: maybe(z.array(extraIndexDefinition).max(100)),
  // Ours. A caller who leaves personal data out must not be answered with a table that has it.
  columns: maybe(z.array(text).max(1_600)).describe('Not in the Databricks API: the source columns that the table has'),
  row_filter: maybe(text).describe(
    "Not in the Databricks API: the source rows that the table has, as a condition of the lakehouse's SQL over one row",
  ),
});

/** Body of a create. Documentation examples mistakenly put `new_pipeline_spec` beside `spec`. */
export const syncedTableInput = z.object({
  name: text,
  database_instance_name: maybe(text),
  logical_database_name: maybe(text),
  database_project_id: maybe(text),
  database_branch_id: maybe(text),
  spec: maybe(syncedTableSpecInput),
  new_pipeline_spec: maybe(newPipelineSpec),
});

const syncedTableState = z.enum([
  'SYNCED_TABLE_PROVISIONING',
  'SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES',
  'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT',
  'SYNCED_TABLE_ONLINE',
  'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
  'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE',
  'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
  'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES',
  'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
  'SYNCED_TABLE_OFFLINE_FAILED',
  'SYNCED_TABLED_OFFLINE',
]);

const provisioningInfoState = z.enum(['ACTIVE', 'DEGRADED', 'DELETING', 'FAILED', 'PROVISIONING', 'UPDATING']);

const syncedTableSpec = z.object({
  source_table_full_name: z.string(),
  primary_key_columns: z.array(z.string()),
  scheduling_policy: schedulingPolicy,
  timeseries_key: z.string().optional(),
  create_database_objects_if_missing: z.boolean().optional(),
  new_pipeline_spec: newPipelineSpec.optional(),
  existing_pipeline_id: z.string().optional(),
  accelerated_sync: z.boolean().optional(),
  type_overrides: z.array(typeOverride).optional(),
  extra_columns: z.array(extraColumn).optional(),
  extra_index_definitions: z.array(extraIndexDefinition).optional(),
  columns: z.array(z.string()).optional(),
  row_filter: z.string().optional(),
});

const pipelineProgress = z.object({
  latest_version_currently_processing: int64.optional(),
  synced_row_count: int64.optional(),
  total_row_count: int64.optional(),
  sync_progress_completion: z.number().optional(),
  estimated_completion_time_seconds: z.number().optional(),
  provisioning_phase: z
    .enum(['PROVISIONING_PHASE_MAIN', 'PROVISIONING_PHASE_INDEX_SCAN', 'PROVISIONING_PHASE_INDEX_SORT'])
    .optional(),
});

export type PipelineProgress = z.infer<typeof pipelineProgress>;

const syncedTablePosition = z.object({
  sync_start_timestamp: z.string().optional(),
  sync_end_timestamp: z.string().optional(),
  delta_table_sync_info: z
    .object({ delta_commit_version: int64.optional(), delta_commit_timestamp: z.string().optional() })
    .optional(),
});

const processed = {
  last_processed_commit_version: int64.optional(),
  timestamp: z.string().optional(),
};

const syncedTableStatus = z.object({
  detailed_state: syncedTableState,
  message: z.string().optional(),
  pipeline_id: z.string(),
  last_sync: syncedTablePosition.optional(),
  provisioning_status: z.object({ initial_pipeline_sync_progress: pipelineProgress.optional() }).optional(),
  continuous_update_status: z
    .object({ initial_pipeline_sync_progress: pipelineProgress.optional(), ...processed })
    .optional(),
  triggered_update_status: z
    .object({ triggered_update_progress: pipelineProgress.optional(), ...processed })
    .optional(),
  failed_status: z.object(processed).optional(),
});

export type SyncedTableStatusReply = z.infer<typeof syncedTableStatus>;

/** A synced table as replies show it. */
export const syncedTableReply = z.object({
  name: z.string(),
  database_instance_name: z.string().optional(),
  logical_database_name: z.string().optional(),
  spec: syncedTableSpec,
  data_synchronization_status: syncedTableStatus,
  unity_catalog_provisioning_state: provisioningInfoState,
  effective_database_instance_name: z.string(),
  effective_logical_database_name: z.string(),
  effective_database_project_id: z.string(),
  effective_database_branch_id: z.string(),
});

export type SyncedTableReply = z.infer<typeof syncedTableReply>;

export const syncedTableListReply = z.object({
  synced_tables: z.array(syncedTableReply),
  next_page_token: z.string().optional(),
});

/** Whether the data of a table that is deleted goes too. */
export const purgeQuery = z.object({ purge_data: z.enum(['true', 'false', '']).optional() });
