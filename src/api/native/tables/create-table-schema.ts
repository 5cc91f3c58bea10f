import { z } from 'zod';
import { createSpecInput } from '../../synced-tables/create-request.js';
import { maybe, text } from '../../wire/wire-fields.js';

/** A synced table to be: every argument of `create_synced_table`, and the schedule of its pipeline. */
export const createTableInput = createSpecInput.extend({
  name: text.describe(
    'catalog.schema.table; the catalog is a registered database catalog, or a database, or any other name with instance and database beside it',
  ),
  instance: maybe(text),
  database: maybe(text),
  schedule: maybe(z.object({ cron: text, time_zone: maybe(text) })).describe('When its pipeline is to run'),
});

export type CreateTableInput = Partial<z.output<typeof createTableInput>> & { readonly name: string };

export const createTableQuery = z.object({
  dry_run: z.enum(['true', 'false', '']).optional().describe('true: check everything and leave nothing behind'),
});

export const createTableReply = z.object({
  name: z.string(),
  instance: z.string(),
  database: z.string(),
  dry_run: z.boolean(),
  creates: z
    .array(z.enum(['database', 'schema']))
    .optional()
    .describe('Of a dry run: what would be created besides the table'),
  pipeline_id: z.string().optional(),
  update_id: z.string().optional().describe('Its first update'),
});
