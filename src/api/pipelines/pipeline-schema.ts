import { z } from 'zod';
import { int64, maybe, text } from '../wire/wire-fields.js';
import { pipelineSpecReply } from './pipeline-spec.js';

// The objects of docs/reference/databricks-api.md#pipelines-service.

export const PIPELINES_PATH = '/api/2.0/pipelines';

export const pipelineParams = z.object({ pipeline_id: z.string() });
export const updateParams = z.object({ pipeline_id: z.string(), update_id: z.string() });

const pipelineState = z.enum([
  'DELETED',
  'DEPLOYING',
  'FAILED',
  'IDLE',
  'RECOVERING',
  'RESETTING',
  'RUNNING',
  'STARTING',
  'STOPPING',
]);

export const updateState = z.enum([
  'CREATED',
  'QUEUED',
  'WAITING_FOR_RESOURCES',
  'INITIALIZING',
  'SETTING_UP_TABLES',
  'RESETTING',
  'RUNNING',
  'STOPPING',
  'COMPLETED',
  'CANCELED',
  'FAILED',
]);

const updateCause = z.enum([
  'API_CALL',
  'INFRASTRUCTURE_MAINTENANCE',
  'JOB_TASK',
  'RETRY_ON_FAILURE',
  'SCHEMA_CHANGE',
  'SERVICE_UPGRADE',
  'USER_ACTION',
]);

const names = maybe(z.array(text).max(1_000));

const startUpdateFields = z.object({
  full_refresh: maybe(z.boolean()),
  refresh_selection: names,
  full_refresh_selection: names,
  cause: maybe(updateCause),
  validate_only: maybe(z.boolean()),
  rewind_spec: maybe(z.unknown()),
  replace_where_overrides: maybe(z.array(z.unknown())),
  reset_checkpoint_selection: names,
  refresh_flow_selection: names,
});

export type StartUpdate = Partial<z.output<typeof startUpdateFields>>;

/** Body of a start, if any. Unsupported options are parsed too, so that they can be refused by name. */
export const startUpdateInput = startUpdateFields.nullish().transform((body): StartUpdate => body ?? {});

export const startUpdateReply = z.object({ update_id: z.string() });

const latestUpdate = z.object({ update_id: z.string(), state: updateState, creation_time: z.string() });

export const pipelineReply = z.object({
  pipeline_id: z.string(),
  name: z.string(),
  state: pipelineState,
  health: z.enum(['HEALTHY', 'UNHEALTHY']),
  cause: z.string().optional(),
  creator_user_name: z.string(),
  run_as_user_name: z.string(),
  last_modified: int64,
  latest_updates: z.array(latestUpdate),
  spec: pipelineSpecReply,
});

const pipelineStateInfo = pipelineReply.omit({ spec: true, last_modified: true, cause: true });

const flag = z.enum(['true', 'false', '']).optional();

/** Whether the tables are deleted too: by default those of flows are, as on the real service, and synced tables are not. */
export const deletePipelineQuery = z.object({ cascade: flag, delete_datasets: flag });

const DEFAULT_RESULTS = 25;

/** The query of paged lists of this service, whose sizes are called max_results. */
const listQuery = z.object({
  max_results: z.coerce.number().int().min(0).max(1_000_000).optional(),
  page_token: z.string().max(2_000).optional(),
});

/** The page size: 25 unless a client asks for another; 0 means "as you like". */
export function pageSizeOf(query: { readonly max_results?: number | undefined }, largest: number): number {
  return Math.min(query.max_results || DEFAULT_RESULTS, largest);
}

export const pipelineListQuery = listQuery.extend({
  filter: z.string().max(10_000).optional(),
  order_by: z.union([z.string(), z.array(z.string())]).optional(),
});

export const pipelineListReply = z.object({
  statuses: z.array(pipelineStateInfo),
  next_page_token: z.string().optional(),
});

const updateInfo = z.object({
  pipeline_id: z.string(),
  update_id: z.string(),
  state: updateState,
  cause: updateCause,
  creation_time: int64,
  full_refresh: z.boolean(),
  refresh_selection: z.array(z.string()).optional(),
  full_refresh_selection: z.array(z.string()).optional(),
  validate_only: z.boolean(),
  mode: z.enum(['CONTINUOUS', 'DEFAULT']),
});

export type UpdateInfo = z.output<typeof updateInfo>;

export const updateReply = z.object({ update: updateInfo });

export const updateListQuery = listQuery.extend({ until_update_id: z.string().optional() });

export const updateListReply = z.object({
  updates: z.array(updateInfo),
  next_page_token: z.string().optional(),
  prev_page_token: z.string().optional(),
});

const eventError = z.object({
  fatal: z.boolean(),
  exceptions: z.array(z.object({ class_name: z.string(), message: z.string() })),
});

const pipelineEvent = z.object({
  id: z.string(),
  timestamp: z.string(),
  level: z.enum(['ERROR', 'INFO', 'METRICS', 'WARN']),
  event_type: z.string(),
  message: z.string(),
  maturity_level: z.enum(['DEPRECATED', 'EVOLVING', 'STABLE']),
  origin: z.object({
    pipeline_id: z.string(),
    pipeline_name: z.string(),
    update_id: z.string().optional(),
    dataset_name: z.string().optional(),
  }),
  sequence: z.object({ control_plane_seq_no: int64 }),
  error: eventError.optional(),
});

export type PipelineEvent = z.output<typeof pipelineEvent>;

export const eventListReply = z.object({
  events: z.array(pipelineEvent),
  next_page_token: z.string().optional(),
  prev_page_token: z.string().optional(),
});
