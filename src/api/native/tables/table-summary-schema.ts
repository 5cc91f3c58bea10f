import { z } from 'zod';
import { TABLE_CONDITIONS, TABLE_GROUPS } from '../../../core/table-condition.js';
import { exactNumber } from '../../wire/wire-fields.js';

const update = z.object({
  update_id: z.string(),
  state: z.enum(['QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELED']),
  method: z.string().nullable(),
  rows_written: exactNumber.nullable(),
  rows_deleted: exactNumber.nullable(),
  load_seconds: z.number().nullable(),
  error_code: z.string().nullable(),
  message: z.string().nullable(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
});

const tableError = z.object({
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
  retry: z
    .enum(['none', 'timed', 'manual'])
    .describe('Whether trying again helps; manual: once a person has done something'),
  update_id: z.string().nullable(),
  attempt: z.int().nullable(),
  next_attempt_at: z.string().nullable().describe('When it is tried again by itself'),
  at: z.string().nullable(),
  failing_column: z.string().nullable(),
  failing_keys: z.array(z.string()).nullable().describe('For callers who may read the table'),
});

const progress = z.object({
  phase: z
    .enum(['PROVISIONING_PHASE_MAIN', 'PROVISIONING_PHASE_INDEX_SCAN', 'PROVISIONING_PHASE_INDEX_SORT'])
    .nullable(),
  phase_started_at: z.string().nullable(),
  rows_done: exactNumber,
  rows_total: exactNumber.nullable(),
  completion: z.number().nullable().describe('0 to 1; null if the total is not known'),
  estimated_seconds: z
    .number()
    .nullable()
    .describe('To copy the remaining rows at the rate so far, without the indexes'),
  processing_version: exactNumber.nullable(),
});

/** A synced or streaming table as our own calls show it: all that one row of a list or the head of a page needs. */
export const tableSummary = z.object({
  table_id: z.string(),
  name: z.string().describe('catalog.schema.table'),
  instance: z.string(),
  database: z.string(),
  schema: z.string(),
  table: z.string(),
  sql_name: z.string().describe('As the SQL functions take it'),
  kind: z.enum(['synced', 'streaming']),
  source: z.string(),
  policy: z.enum(['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS']),
  state: z.string().describe('As the Databricks API names it'),
  condition: z.enum(TABLE_CONDITIONS).describe('The state together with what else is known'),
  group: z.enum(TABLE_GROUPS),
  message: z.string().nullable(),
  pipeline: z.object({
    pipeline_id: z.string(),
    name: z.string(),
    tables: z.int(),
    publish: z.enum(['separately', 'together']),
  }),
  schedule: z
    .object({
      cron: z.string(),
      time_zone: z.string(),
      next_run_at: z.string().nullable(),
      problem: z.string().nullable(),
    })
    .nullable(),
  paused: z.object({ at: z.string(), by: z.string() }).nullable().describe('Since when, and who paused its pipeline'),
  changed_by_hand: z
    .object({ at: z.string(), by: z.string() })
    .nullable()
    .describe('Since when somebody else than a sidecar has written to it, and who began; the next update mends it'),
  key_columns: z.array(z.string()),
  timeseries_key: z.string().nullable(),
  columns: z.array(z.string()).nullable().describe('The source columns that it has; null: all'),
  row_filter: z
    .string()
    .nullable()
    .describe("The source rows that it has, as a condition of the lakehouse's SQL; null: all"),
  lag_seconds: z.number().nullable().describe('Null while it is not known, and for a table that was dropped'),
  lag_versions: exactNumber.nullable(),
  lag_points: z
    .array(z.number().nullable())
    .optional()
    .describe(
      'If asked for: the most seconds in each two minutes of the last hour, oldest first; null where nobody looked',
    ),
  synced_version: exactNumber.nullable(),
  source_version: exactNumber.nullable(),
  source_seen_at: z
    .string()
    .nullable()
    .describe('When an update last looked at the source, which the lag is as of; null while the source is followed'),
  synced_committed_at: z.string().nullable(),
  row_count: exactNumber.nullable(),
  size_bytes: exactNumber.nullable().describe('With its indexes'),
  last_sync_started_at: z.string().nullable(),
  last_sync_at: z.string().nullable(),
  progress: progress.nullable(),
  last_update: update.nullable(),
  error: tableError.nullable().describe('Only if it is newer than the last success'),
  waiting_for: z
    .object({
      since: z.string(),
      sessions: z.array(
        z.object({
          process: z.int(),
          role: z.string().nullable(),
          application: z.string().nullable(),
          since: z.string().nullable(),
        }),
      ),
    })
    .nullable()
    .describe('Whose transactions the switch waits for'),
  is_readable: z.boolean().describe('Whether readers can use the table'),
  created_by: z.string(),
  created_at: z.string(),
  may: z
    .object({
      sync: z.boolean(),
      delete: z.boolean(),
      pause: z.boolean(),
      schedule: z.boolean(),
      manage: z.boolean().describe('Index, drop and appoint'),
      change_rows: z.boolean().describe('Change its source, key, columns and rows'),
      read_rows: z.boolean(),
    })
    .describe('What the caller may do with it'),
});

export type TableSummary = z.infer<typeof tableSummary>;
