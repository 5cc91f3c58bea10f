import { z } from 'zod';
import { unreachableDatabase } from '../../places/ask-databases.js';
import { pageQuery } from '../../wire/page.js';

const state = z
  .enum(['WORKING', 'WAITING', 'RESTING', 'PAUSED', 'FAILED'])
  .describe('The first that holds: paused, an update runs, one waits, one of its tables failed, none of these');

const kind = z.enum(['SYNCED_TABLES', 'FLOWS']);

export const pipelineListQuery = pageQuery.extend({
  q: z
    .string()
    .max(1_000)
    .optional()
    .describe('A text in the name of the pipeline, or of one of its tables, in whatever case'),
  kind: kind.optional(),
  state: state.optional(),
  instance: z.string().max(1_000).optional(),
  database: z.string().max(1_000).optional(),
});

const update = z.object({
  update_id: z.string(),
  state: z.string(),
  cause: z.string(),
  mode: z.string().describe('CONTINUOUS: follows the sources until another update is requested'),
  full_refresh: z.boolean(),
  created_at: z.string(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  next_attempt_at: z.string().nullable(),
  attempt: z.int(),
  error_code: z.string().nullable(),
  message: z.string().nullable(),
});

const pipelineReply = z.object({
  pipeline_id: z.string(),
  name: z.string(),
  instance: z.string(),
  database: z.string(),
  kind,
  scheduling_policy: z.enum(['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS']),
  state,
  publish: z.enum(['separately', 'together']),
  trigger_interval_ms: z.int().nullable(),
  runs_in_program: z.boolean().describe('Run by a program of its own; sidecars leave it alone'),
  created_by: z.string(),
  created_at: z.string(),
  paused_at: z.string().nullable(),
  paused_by: z.string().nullable(),
  worked_on_by: z.enum(['this sidecar', 'another sidecar', 'nobody']),
  tables: z.array(
    z.object({
      name: z.string().describe('Three-part name'),
      synced_table: z.string().describe('As the SQL functions take it'),
      kind: z.enum(['SYNCED', 'STREAMING']),
      state: z.string(),
      error_code: z.string().nullable(),
      may_sync: z.boolean(),
      rows_done: z.number().nullable(),
      rows_total: z.number().nullable(),
    }),
  ),
  hidden_tables: z.int().describe('How many of its tables the caller may not see'),
  schedule: z
    .object({
      cron: z.string(),
      time_zone: z.string(),
      next_run_at: z.string().nullable(),
      message: z.string().nullable().describe('Why it does not run; null if it does'),
    })
    .nullable(),
  active_update: update.nullable().describe('The one that runs, else the one that waits'),
  last_update: update.nullable().describe('The newest that has ended'),
  may: z.object({ operate: z.boolean().describe('Sync, pause, schedule: takes the control of all its tables') }),
});

export type PipelineReply = z.output<typeof pipelineReply>;

export const pipelineListReply = z.object({
  pipelines: z.array(pipelineReply).describe('By name'),
  total: z.int().describe('How many fit the filter'),
  next_page_token: z.string().optional(),
  unreachable: z.array(unreachableDatabase),
});

export const pipelineParams = z.object({ pipeline_id: z.string() });

export const onePipelineReply = pipelineReply.extend({
  spec: z.record(z.string(), z.unknown()).nullable().describe('What a pipeline of flows was created from over HTTP'),
});

export type PipelineListReply = z.output<typeof pipelineListReply>;
export type OnePipelineReply = z.output<typeof onePipelineReply>;
