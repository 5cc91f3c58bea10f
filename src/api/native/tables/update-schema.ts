import { z } from 'zod';
import { pageQuery } from '../../wire/page.js';
import { exactNumber } from '../../wire/wire-fields.js';
import { tableParams, tableQuery } from './placed-table.js';

/** Several values of a filter, separated by commas. */
const values = <Value extends string>(allowed: readonly [Value, ...Value[]]) =>
  z
    .string()
    .max(1_000)
    .optional()
    .transform((text) => (text ?? '').split(',').filter((part) => part !== ''))
    .pipe(z.array(z.enum(allowed)));

const STATES = ['QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELED'] as const;
const CAUSES = [
  'API_CALL',
  'INFRASTRUCTURE_MAINTENANCE',
  'JOB_TASK',
  'RETRY_ON_FAILURE',
  'SCHEMA_CHANGE',
  'SERVICE_UPGRADE',
  'USER_ACTION',
] as const;

export const tableUpdateParams = tableParams.extend({ update_id: z.string() });

export const tableUpdateListQuery = tableQuery.extend(pageQuery.shape).extend({
  state: values(STATES).describe('QUEUED, RUNNING, COMPLETED, FAILED or CANCELED; several with commas'),
  cause: values(CAUSES).describe('USER_ACTION, API_CALL, JOB_TASK (schedule), RETRY_ON_FAILURE …; several with commas'),
});

const count = exactNumber.nullable();
const time = z.string().nullable();

export const tableUpdateReply = z.object({
  update_id: z.string(),
  pipeline_id: z.string(),
  cause: z.enum(CAUSES),
  mode: z
    .enum(['DEFAULT', 'CONTINUOUS', 'VALIDATE', 'CHANGE'])
    .describe(
      'CONTINUOUS: follows the source until another update is asked for; VALIDATE: only checks flows; CHANGE: changes how the table is synced',
    ),
  full_refresh: z.boolean(),
  state: z.enum(STATES),
  method: z.string().nullable().describe('How the rows were written'),
  previous_version: count.describe('The source version that the table reflected before'),
  synced_version: count,
  rows_written: count,
  rows_deleted: count,
  rows_without_key: count.describe('Source rows left out because a key column was null'),
  rows_with_stripped_characters: count,
  num_upserted_rows: count.describe('Of a streaming table: inserted or updated by its flows from changes'),
  num_deleted_rows: count,
  batches: count.describe('Commits of an update that follows its source'),
  load_seconds: z.number().nullable(),
  switch_ms: z.number().nullable().describe('How long readers may have waited'),
  error_code: z.string().nullable(),
  message: z.string().nullable(),
  remedy: z.string().nullable(),
  failing_column: z.string().nullable(),
  failing_keys: z
    .array(z.string())
    .nullable()
    .describe('Keys of a few rows that the error is about, for roles that may read the table'),
  attempt: z.number(),
  failed_attempts: z.number().nullable(),
  next_attempt_at: time,
  requested_by: z.string().nullable(),
  created_at: z.string(),
  started_at: time,
  finished_at: time,
});

export const tableUpdateListReply = z.object({
  updates: z.array(tableUpdateReply).describe('Newest first'),
  next_page_token: z.string().optional(),
});

export const syncInput = z.object({
  full_refresh: z.boolean().optional().describe('Copy everything again'),
  scope: z
    .enum(['table', 'pipeline'])
    .default('pipeline')
    .describe('Whether the other tables of its pipeline are updated too'),
});

export const syncReply = z.object({
  update_id: z.string(),
  pipeline_id: z.string(),
  scope: z.enum(['table', 'pipeline']),
});
