import { z } from 'zod';
import { exactNumber, text } from '../../wire/wire-fields.js';

export const SOURCES_PATH = '/api/2.0/synced-tables/sources';

const SOURCES_PAGE_MAX = 100;

export const sourceParams = z.object({ name: text.describe('catalog.schema.table') });

export const sourceListQuery = z.object({
  catalog: text.min(1),
  schema: text.min(1),
  page_size: z.coerce.number().int().min(0).max(SOURCES_PAGE_MAX).optional(),
  page_token: z.string().max(2_000).optional(),
});

/** What stands in the way, and the way out. */
export const finding = z.object({ error_code: z.string(), message: z.string(), remedy: z.string() });

const time = z.string().nullable().describe('ISO 8601; null if unknown');

const sourceSummary = z.object({
  name: z.string(),
  schema: z.string(),
  table: z.string(),
  format: z.string().nullable(),
  is_looked_at: z.boolean().describe('False if the page ended before its metadata was read; what follows is null then'),
  version: exactNumber.nullable(),
  size_bytes: exactNumber.nullable(),
  change_feed: z.boolean().nullable(),
  synced_tables: z
    .int()
    .describe('How many synced tables that the caller may see come from it, in databases that answer'),
  problem: finding.nullable().describe('Why it cannot be read'),
});

export type SourceSummary = z.infer<typeof sourceSummary>;

export const sourceList = z.object({
  sources: z.array(sourceSummary),
  next_page_token: z.string().optional().describe('A page may be empty and still go on'),
});

const sourceColumn = z.object({
  name: z.string(),
  source_type: z.string(),
  postgres_type: z.string().nullable().describe('Null if the column cannot be synced'),
  problem: finding.nullable(),
  nullable: z.boolean(),
  can_be_key: z.boolean().describe('Whether its type allows it in a primary key'),
  partition_index: z.int().nullable(),
  comment: z.string().nullable(),
});

const sourceMode = z.object({
  scheduling_policy: z.enum(['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS']),
  is_possible: z.boolean(),
  problem: finding.nullable().describe('Why not'),
  by_file_comparison: z.boolean().describe('Whether allow_file_diff makes it possible'),
});

/** A source table without its rows. */
export const sourceReply = z.object({
  name: z.string(),
  format: z.string(),
  location: z.string(),
  position_word: z.enum(['version']).nullable().describe('What places in its history are called; null: it has none'),
  version: exactNumber.nullable(),
  committed_at: time,
  row_count: exactNumber.nullable().describe('As its log says; null if that does not say'),
  size_bytes: exactNumber.nullable(),
  file_count: z.int(),
  features: z.array(z.string()),
  properties: z.record(z.string(), z.string()),
  change_feed: z.boolean().nullable().describe('Null for formats without one'),
  alter_table: z.string().nullable().describe('What turns the change feed on; null if it is on, or cannot be'),
  columns: z.array(sourceColumn),
  declared_key: z.object({ columns: z.array(z.string()), timeseries_key: z.string().nullable() }).nullable(),
  modes: z.array(sourceMode),
  commits: z.array(z.object({ version: exactNumber, committed_at: time, operation: z.string().nullable() })),
  synced_tables: z.int(),
});

export type SourceReply = z.infer<typeof sourceReply>;

export const sourceRows = z.object({
  version: exactNumber.nullable(),
  columns: z.array(z.string()),
  rows: z.array(z.array(z.string().nullable())).describe('Values as Postgres prints them'),
  is_cut: z.boolean().describe('Whether a value was too long to be sent whole'),
});
