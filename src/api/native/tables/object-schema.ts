import { z } from 'zod';
import { exactNumber } from '../../wire/wire-fields.js';

const count = exactNumber.nullable();

const object = z.object({
  kind: z.enum([
    'TABLE',
    'PARTITION',
    'PRIMARY_KEY',
    'INDEX',
    'VIEW',
    'MATERIALIZED_VIEW',
    'FOREIGN_KEY',
    'FUNCTION',
    'OTHER',
    'PUBLICATION',
    'COMMENT',
    'GRANT',
    'MANAGER',
  ]),
  name: z.string(),
  definition: z.string().nullable().describe('The statement that makes it; null for what a sync makes'),
  size_bytes: count,
  is_valid: z.boolean().nullable(),
  scans: count.describe('How often an index was used since the last switch'),
  depth: z.number().nullable().describe('Of what depends on the table: 1, or more through views'),
  blocks_drop: z.boolean(),
  granted_by: z.string().nullable(),
  granted_at: z.string().nullable(),
});

/** What hangs on a table. */
export const objectReply = z.object({
  size_bytes: count.describe('The whole table; null while there is none'),
  index_bytes: count,
  refreshes_merge: z
    .boolean()
    .describe('Whether a full copy is merged into the table instead of switched in, for a foreign key to it'),
  drop_refused_by: z.array(z.string()).describe('Names of what would have to go before the table can be dropped'),
  objects: z.array(object).describe('A refresh keeps all of them'),
});
