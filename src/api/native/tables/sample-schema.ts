import { z } from 'zod';
import { exactNumber } from '../../wire/wire-fields.js';
import { tableQuery } from './placed-table.js';

const POINTS = 300;
const POINTS_MAX = 1_000;
const HOURS_MAX = 24 * 366;

const time = z.iso.datetime({ offset: true }).optional();

/** Which time, and in how many steps. */
export const sampleQuery = tableQuery.extend({
  from: time.describe('If left out, so many hours before the end'),
  hours: z.coerce.number().positive().max(HOURS_MAX).default(1),
  to: time.describe('Now if left out'),
  points: z.coerce.number().int().min(1).max(POINTS_MAX).default(POINTS),
});

const count = exactNumber.nullable();

/** Lag and rows over time. */
export const sampleReply = z.object({
  from: z.string(),
  to: z.string(),
  samples: z
    .array(
      z.object({
        sampled_at: z.string(),
        lag_seconds: z.number().nullable().describe('The most since the sample before; null if not known'),
        lag_versions: count,
        row_count: count.describe('Of a streaming table about how many, as Postgres knows since the last ANALYZE'),
        synced_version: count,
        is_failed: z.boolean(),
      }),
    )
    .describe('Oldest first, at most one for each of as many equal steps as "points" says'),
  quiet_seconds: z.number().describe('Samples further apart than this: in between nobody looked'),
  hourly_before: z.string().describe('Of the time before this, one sample an hour is left'),
});
