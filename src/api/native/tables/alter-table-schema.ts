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

export const alterTableReply = z.object({
  update_id: z.string().describe('The update that makes the change, or refuses it'),
  pipeline_id: z.string(),
});

export const renameTableInput = z.object({
  new_name: text.describe('schema.table, or three parts with the catalog that it has'),
});

export const renameTableReply = z.object({ name: z.string().describe('Its three-part name from now on') });

export const cancelReply = z.object({ canceled: z.int().describe('How many updates ran or waited') });
