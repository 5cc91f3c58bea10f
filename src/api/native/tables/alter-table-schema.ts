import { z } from 'zod';
import { createSpecInput } from '../../synced-tables/create-request.js';
import { text } from '../../wire/wire-fields.js';

/** Settings that need not be given. */
const RESETTABLE = [
  'timeseries_key',
  'columns',
  'row_filter',
  'type_overrides',
  'extra_columns',
  'extra_index_definitions',
  'trigger_interval_ms',
] as const;

/** What is to be changed: every argument of `alter_synced_table`. Fields that are absent stay as they are. */
export const alterTableInput = z
  .object({
    ...createSpecInput.pick({
      source_table_full_name: true,
      primary_key_columns: true,
      scheduling_policy: true,
      timeseries_key: true,
      invalid_characters: true,
      allow_file_diff: true,
      on_history_gap: true,
      type_overrides: true,
      extra_columns: true,
      extra_index_definitions: true,
      accelerated_sync: true,
      columns: true,
      row_filter: true,
    }).shape,
    trigger_interval_ms: z.int().nullish().describe('How often a CONTINUOUS pipeline looks for changes'),
    reset: z.array(z.enum(RESETTABLE)).optional().describe('What is to be as if it had never been given'),
  })
  .describe('Fields that are absent stay as they are');

export type AlterTableInput = Partial<z.output<typeof alterTableInput>>;

/** The settings of a table by the names under which they are changed. */
export const tableSettingsReply = z.object({
  source_table_full_name: z.string(),
  primary_key_columns: z.array(z.string()),
  scheduling_policy: z.enum(['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS']),
  timeseries_key: z.string().nullable(),
  columns: z.array(z.string()).nullable().describe('Null: all that the source has'),
  row_filter: z.string().nullable().describe('Null: all rows'),
  invalid_characters: z.enum(['fail', 'strip']),
  allow_file_diff: z.boolean(),
  on_history_gap: z.enum(['fail', 'refresh']),
  accelerated_sync: z.boolean(),
  type_overrides: z.array(z.record(z.string(), z.unknown())),
  extra_columns: z.array(z.record(z.string(), z.unknown())),
  extra_index_definitions: z.array(z.record(z.string(), z.unknown())),
  trigger_interval_ms: z.int().nullable().describe("Null: as the sidecar's settings say"),
});

export type TableSettings = z.infer<typeof tableSettingsReply>;

export const alterTableReply = z.object({
  update_id: z.string().describe('The update that makes the change, or refuses it'),
  pipeline_id: z.string(),
});

export const renameTableInput = z.object({
  new_name: text.describe('schema.table, or three parts with the catalog that it has'),
});

export const renameTableReply = z.object({ name: z.string().describe('Its three-part name from now on') });

export const cancelReply = z.object({ canceled: z.int().describe('How many updates ran or waited') });
