import { z } from 'zod';
import { pageQuery } from '../../wire/page.js';
import { exactNumber } from '../../wire/wire-fields.js';
import { tableParams, tableQuery } from './placed-table.js';

export const verificationParams = tableParams.extend({ verification_id: z.string() });

export const verificationListQuery = tableQuery.extend(pageQuery.shape);

const count = exactNumber.nullable();

const texts = z.record(z.string(), z.string().nullable());

const difference = z.object({
  difference: z.enum(['missing', 'extra', 'different']),
  key: z.record(z.string(), z.string()),
  source: texts.nullable().describe('Null for a row that the source does not have'),
  target: texts.nullable().describe('Null for a row that the table does not have'),
});

export const verificationReply = z.object({
  verification_id: z.string(),
  table: z.string(),
  source_table_full_name: z.string(),
  state: z.enum(['QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELED']),
  is_equal: z.boolean().nullable().describe('Null if they were not compared'),
  synced_version: count.describe('The version that the table reflected, and at which the source was read'),
  source_rows: count,
  target_rows: count,
  missing_rows: count.describe('Rows of the source that the table lacks'),
  extra_rows: count.describe('Rows of the table that the source lacks'),
  different_rows: count.describe('Keys present in both, with different values'),
  differences: z
    .array(difference)
    .nullable()
    .describe(
      'Up to 20 differing keys with the values of both, of the newest verification, for roles that may read the table',
    ),
  failing_column: z.string().nullable(),
  failing_keys: z.array(z.string()).nullable().describe('Keys of a few rows that the error is about, for such roles'),
  may_read_rows: z.boolean(),
  error_code: z.string().nullable(),
  message: z.string().nullable(),
  remedy: z.string().nullable(),
  requested_by: z.string().nullable(),
  created_at: z.string(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
});

export const verificationListReply = z.object({
  verifications: z.array(verificationReply).describe('Newest first'),
  next_page_token: z.string().optional(),
});

export type VerificationReply = z.output<typeof verificationReply>;
export type VerificationListReply = z.output<typeof verificationListReply>;
