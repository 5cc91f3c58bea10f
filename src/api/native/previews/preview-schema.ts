import { z } from 'zod';
import { exactNumber } from '../../wire/wire-fields.js';
import { finding, sourceReply } from '../sources/source-schema.js';
import { statements } from '../statements/statement-schema.js';
import { createTableInput } from '../tables/create-table-schema.js';

export const PREVIEWS_PATH = '/api/2.0/synced-tables/previews';

/** A create request that may be unfinished. */
export const previewInput = createTableInput.partial().extend({
  source_table_full_name: z.string().min(1).max(1_000),
  depth: z
    .enum(['log', 'rows'])
    .default('log')
    .describe('log: at once, from metadata alone. rows: all rows are read too, as a job that is asked for by its id'),
  rows_from: z
    .uuid()
    .optional()
    .describe(
      'With depth log: an ended preview whose rows count here too, as far as source, version and key are the same',
    ),
});

export type PreviewInput = z.output<typeof previewInput>;

export const previewParams = z.object({ id: z.uuid() });

const previewFinding = finding.extend({
  field: z.string().nullable().describe('The field of the request that it is about'),
  columns: z.array(z.string()).describe('Columns of the source that it is about'),
  ways_out: z.array(z.record(z.string(), z.unknown())).describe('Fields to set, each object one way out'),
});

export type PreviewFinding = z.infer<typeof previewFinding>;

const keyReply = z.object({
  columns: z.array(z.string()),
  rows_with_null: exactNumber,
  duplicate_keys: exactNumber,
  duplicate_rows: exactNumber,
  tied_keys: exactNumber.nullable().describe('Keys with several rows of the greatest timeseries key'),
});

const filesReply = z.object({
  files: z.int(),
  bytes: exactNumber.nullable().describe('Null where the size of a file is not known'),
  of_files: z.int().describe('Files of the table'),
  of_bytes: exactNumber.nullable(),
});

const rowsReply = z.object({
  version: exactNumber.nullable().describe('At which they were read'),
  row_count: exactNumber.nullable(),
  files_read: filesReply
    .nullable()
    .describe('With a row_filter: files that may hold a row that it keeps; null where all files are read'),
  key_candidates: z.array(z.string()).nullable().describe('Columns that are unique and never null; null: not known'),
  primary_key: keyReply.nullable(),
  nul_columns: z.array(z.object({ column: z.string(), rows: exactNumber })),
});

export const previewReply = z.object({
  id: z.string().nullable().describe('Null for depth log, which leaves nothing to ask for'),
  depth: z.enum(['log', 'rows']),
  state: z.enum(['RUNNING', 'DONE', 'FAILED', 'CANCELED']),
  steps_done: z.int().nullable().describe('Passes over the rows'),
  steps_total: z.int().nullable().describe('Null until the first pass is done'),
  failure: finding.nullable(),
  source: sourceReply,
  defaults: z.object({
    name: z.string().nullable(),
    primary_key_columns: z.array(z.string()),
    timeseries_key: z.string().nullable(),
    scheduling_policy: z.enum(['SNAPSHOT', 'TRIGGERED']),
  }),
  likely_keys: z.array(z.string()).describe('Columns that look like a key; those found unique once the rows were read'),
  creates: z.array(z.enum(['database', 'schema'])).describe('What would be created besides the table'),
  stops: z.array(previewFinding).describe('Creating would fail'),
  warnings: z.array(previewFinding).describe('Creating would do something that may surprise'),
  hints: z.array(previewFinding),
  statements: statements
    .nullable()
    .describe('The same as statements that run as they are; null until name and key are given'),
  rows: rowsReply.nullable(),
});

export type PreviewReply = z.infer<typeof previewReply>;
