import { z } from 'zod';
import { TABLE_CONDITIONS, TABLE_GROUPS } from '../../../core/table-condition.js';
import { unreachableDatabase } from '../../places/ask-databases.js';
import { tableSummary } from './table-summary-schema.js';

/** More than of other lists: a page that is shown is read again as a whole, so that it is of one moment. */
export const TABLE_PAGE_MAX = 1_000;
export const TABLE_PAGE_DEFAULT = 100;

const text = z.string().max(1_000).optional();

export const TABLE_ORDERS = ['problem', 'name', 'lag', 'rows', 'size', 'last_sync'] as const;

export const tableListQuery = z.object({
  q: text.describe('Words that all have to occur in name, source or error code; case does not matter'),
  group: z.enum(TABLE_GROUPS).optional(),
  condition: z.enum(TABLE_CONDITIONS).optional(),
  kind: z.enum(['synced', 'streaming']).optional(),
  policy: z.enum(['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS']).optional(),
  instance: text,
  database: text,
  schema: text,
  source: text.describe('Full name of the source table'),
  pipeline: text.describe('Id of the pipeline'),
  sort: z.enum(TABLE_ORDERS).default('problem').describe('problem: what needs somebody first'),
  descending: z.enum(['true', 'false']).default('false'),
  lag_points: z.enum(['true', 'false']).default('false').describe('Whether to tell the lag of the last hour, too'),
  page_size: z.coerce.number().int().min(0).max(1_000_000).optional(),
  page_token: z.string().max(2_000).optional(),
});

export const tableListReply = z.object({
  tables: z.array(tableSummary),
  total: z.int().describe('Tables that the filter lets through'),
  total_unfiltered: z.int().describe('Tables that the caller may see'),
  counts: z
    .record(z.enum(TABLE_GROUPS), z.int())
    .describe('Tables by group, as if the filter named neither group nor condition'),
  unreachable: z.array(unreachableDatabase),
  next_page_token: z.string().optional(),
});

export type TableListReply = z.infer<typeof tableListReply>;
