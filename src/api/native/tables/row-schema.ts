import { z } from 'zod';
import { maybe } from '../../wire/wire-fields.js';

export const ROWS_MAX = 100;
export const ROWS_DEFAULT = 50;
/** Characters of a value, unless one value is asked for. */
export const LENGTH_MAX = 1_000;
export const WHOLE_LENGTH_MAX = 1_000_000;

const column = z.string().max(63 * 4);

const rowsFields = z.object({
  limit: maybe(z.int().min(1).max(ROWS_MAX)),
  key: maybe(z.record(column, z.string().max(100_000))).describe(
    'Columns and the values, as texts, that rows have there',
  ),
  current: maybe(z.boolean()).describe('Of a streaming table that keeps history: only the rows that are current'),
  columns: maybe(z.array(column).min(1).max(1_600)).describe('Which columns; all unless given'),
  whole: maybe(z.boolean()).describe(`The first ${WHOLE_LENGTH_MAX} characters of values; for one column of one row`),
});

export const rowsInput = rowsFields.nullish().transform((body): Partial<z.output<typeof rowsFields>> => body ?? {});

export const rowsReply = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string(), is_key: z.boolean() })),
  rows: z.array(z.array(z.string().nullable())).describe('Values as Postgres writes them, sorted by the key'),
  cut: z
    .array(z.object({ row: z.int(), column: z.int() }))
    .describe(`Which values are longer than ${LENGTH_MAX} characters, and only begun here; counted from 0`),
});

export type RowsReply = z.output<typeof rowsReply>;
