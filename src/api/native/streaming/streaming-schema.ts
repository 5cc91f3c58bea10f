import { z } from 'zod';
import { exactNumber } from '../../wire/wire-fields.js';

const flow = z.object({
  name: z.string(),
  kind: z.enum(['changes', 'snapshot']),
  source: z.string().describe('What it reads from, as the declaration names it'),
  source_kind: z.string(),
  options: z
    .record(z.string(), z.unknown())
    .describe('As the SQL functions name them, without those that were not given'),
  created_by: z.string(),
  batch_id: exactNumber.nullable().describe('Of the newest batch; null before the first'),
  read_up_to: z
    .array(
      z.object({
        table: z.string(),
        version: exactNumber.nullable().describe('Of a table of the lakehouse'),
        transaction: exactNumber.nullable().describe('Of a Postgres table: all transactions below it had ended'),
      }),
    )
    .describe('How far it has read each table; empty before the first batch, and for functions'),
  committed_at: z.string().nullable(),
});

export const streamingTableReply = z.object({
  name: z.string(),
  synced_table: z.string(),
  instance: z.string(),
  database: z.string(),
  pipeline_id: z.string(),
  pipeline_name: z.string(),
  scheduling_policy: z.string(),
  state: z.string(),
  message: z.string().nullable(),
  error_code: z.string().nullable(),
  last_sync_at: z.string().nullable(),
  created_by: z.string(),
  created_at: z.string(),
  scd_type: z.int().nullable().describe('Null before the first update'),
  keys: z.array(z.string()),
  sequence: z.string().nullable(),
  columns: z.array(z.string()).describe('Names and types'),
  tracked_columns: z.array(z.string()).describe('SCD type 2: whose changes begin a new row'),
  change_feed: z
    .object({ from: exactNumber, to: exactNumber })
    .nullable()
    .describe('Versions that table_changes can read; null if there are none'),
  truncated_at: z.string().nullable(),
  tombstone_seconds: z.number().describe('How long deletes are remembered'),
  flows: z.array(flow),
  statement: z
    .string()
    .nullable()
    .describe('SQL that declares it as it is; null for what only files and programs can declare'),
  may: z.object({ sync: z.boolean(), read_rows: z.boolean() }),
});

export type StreamingTableReply = z.output<typeof streamingTableReply>;
