import { z } from 'zod';
import { pageQuery } from '../../wire/page.js';
import { exactNumber } from '../../wire/wire-fields.js';

const state = z.enum(['QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELED']);
const time = z.string().nullable();

export const pipelineUpdateListQuery = pageQuery;

const updatedTable = z.object({
  name: z.string().describe('Three-part name'),
  synced_table: z.string().describe('As the SQL functions take it'),
  kind: z.enum(['SYNCED', 'STREAMING']),
  state,
  method: z.string().nullable(),
  rows_written: exactNumber.nullable(),
  rows_deleted: exactNumber.nullable(),
  error_code: z.string().nullable(),
  message: z.string().nullable(),
});

const pipelineUpdate = z.object({
  update_id: z.string(),
  state,
  cause: z.string(),
  mode: z.enum(['DEFAULT', 'CONTINUOUS', 'VALIDATE', 'CHANGE']),
  full_refresh: z.boolean(),
  is_of_some: z.boolean().describe('Whether it was asked for some tables of the pipeline only'),
  requested_by: z.string().nullable().describe('A Postgres role'),
  attempt: z.int(),
  next_attempt_at: time,
  error_code: z.string().nullable(),
  message: z.string().nullable(),
  remedy: z.string().nullable(),
  created_at: z.string(),
  started_at: time,
  finished_at: time,
  tables: z.array(updatedTable).describe('Those that the update has reached and that the caller may see'),
});

export const pipelineUpdateListReply = z.object({
  updates: z.array(pipelineUpdate).describe('Newest first'),
  next_page_token: z.string().optional(),
});

export type PipelineUpdateList = z.output<typeof pipelineUpdateListReply>;
