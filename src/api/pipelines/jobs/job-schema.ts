import { z } from 'zod';
import { int64, maybe, text } from '../../wire/wire-fields.js';

// The part of the Jobs service that jobs of one pipeline need. Whatever else settings hold is kept and given back.

export const JOBS_PATHS = ['/api/2.1/jobs', '/api/2.2/jobs'] as const;

const pipelineTask = z.looseObject({ pipeline_id: text, full_refresh: maybe(z.boolean()) });

const schedule = z.looseObject({
  quartz_cron_expression: text,
  timezone_id: text,
  pause_status: maybe(z.enum(['PAUSED', 'UNPAUSED'])),
});

export const jobSettings = z.looseObject({
  name: maybe(text),
  tasks: maybe(z.array(z.looseObject({ task_key: text, pipeline_task: maybe(pipelineTask) })).max(100)),
  schedule: maybe(schedule),
});

export type JobSettings = z.output<typeof jobSettings>;

/** As JSON numbers, or as their digits: some clients keep no number above 2^53. */
const id = z.union([z.int().positive(), z.string().regex(/^\d{1,18}$/)]).transform((value) => BigInt(value));

export const jobQuery = z.object({ job_id: id });
export const jobBody = z.object({ job_id: id });
export const runQuery = z.object({ run_id: id });
export const runBody = z.object({ run_id: id });

export const resetBody = jobBody.extend({ new_settings: jobSettings });
export const updateBody = jobBody.extend({
  new_settings: maybe(jobSettings),
  fields_to_remove: maybe(z.array(text).max(100)),
});

export const runNowBody = z.looseObject({
  job_id: id,
  pipeline_params: maybe(z.looseObject({ full_refresh: maybe(z.boolean()) })),
});

const listQuery = z.object({
  limit: z.coerce.number().int().min(0).max(100).optional(),
  page_token: z.string().max(200).optional(),
});
export const jobListQuery = listQuery.extend({ name: text.optional(), expand_tasks: z.string().optional() });
export const runListQuery = listQuery.extend({
  job_id: id.optional(),
  active_only: z.string().optional(),
  completed_only: z.string().optional(),
});

export const jobReply = z.object({
  job_id: int64,
  creator_user_name: z.string(),
  run_as_user_name: z.string(),
  created_time: int64,
  settings: z.looseObject({}),
});

export const jobIdReply = z.object({ job_id: int64 });
export const runNowReply = z.object({ run_id: int64, number_in_job: int64 });

const runState = z.object({
  life_cycle_state: z.enum(['PENDING', 'RUNNING', 'TERMINATED']),
  result_state: z.enum(['SUCCESS', 'FAILED', 'CANCELED']).optional(),
  state_message: z.string(),
});

const timed = {
  start_time: int64,
  end_time: int64.optional(),
  setup_duration: int64,
  execution_duration: int64,
  cleanup_duration: int64,
};

export const runReply = z.object({
  job_id: int64,
  run_id: int64,
  number_in_job: int64,
  run_name: z.string(),
  run_type: z.literal('JOB_RUN'),
  trigger: z.enum(['PERIODIC', 'ONE_TIME']),
  creator_user_name: z.string(),
  state: runState,
  ...timed,
  tasks: z.array(
    z.object({
      run_id: int64,
      task_key: z.string(),
      pipeline_task: z.looseObject({}),
      state: runState,
      ...timed,
    }),
  ),
});

export const runOutputReply = z.object({ metadata: runReply, error: z.string().optional() });

export type RunReply = z.output<typeof runReply>;

export const jobListReply = z.object({
  jobs: z.array(jobReply),
  has_more: z.boolean(),
  next_page_token: z.string().optional(),
});

export const runListReply = z.object({
  runs: z.array(runReply),
  has_more: z.boolean(),
  next_page_token: z.string().optional(),
});
