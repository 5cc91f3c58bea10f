import { z } from 'zod';
import { unreachableDatabase } from '../../places/ask-databases.js';
import { pageQuery } from '../../wire/page.js';

/** Several values of a filter: given repeatedly, or with commas. */
const values = z
  .union([z.string().max(1_000), z.array(z.string().max(1_000)).max(100)])
  .optional()
  .transform((given) => [given ?? []].flat().flatMap((value) => value.split(',').filter((part) => part !== '')));

const time = z.iso.datetime({ offset: true }).optional();

export const eventSearchQuery = pageQuery.extend({
  q: z.string().max(1_000).optional().describe('Words that all have to stand in the event, in whatever case'),
  level: values.pipe(z.array(z.enum(['INFO', 'WARN', 'ERROR']))).describe('INFO, WARN or ERROR; several with commas'),
  type: values.describe('Types of events; several with commas'),
  table: z.string().max(1_000).optional().describe('Three-part name of a table, which may be gone'),
  pipeline: z.string().max(100).optional().describe('Id of a pipeline'),
  update: z.string().max(100).optional().describe('Id of an update'),
  instance: z.string().max(1_000).optional(),
  database: z.string().max(1_000).optional(),
  from: time.describe('The first instant that counts'),
  to: time.describe('The first instant that no longer counts'),
  around: z.string().max(1_000).optional().describe('Id of an event that the page is to have in its middle'),
});

const foundEvent = z.object({
  id: z.string().describe('instance/database/number'),
  instance: z.string(),
  database: z.string(),
  occurred_at: z.string(),
  level: z.enum(['INFO', 'WARN', 'ERROR']),
  event_type: z.string(),
  table: z.string().nullable().describe('Three-part name'),
  synced_table: z.string().nullable().describe('As the view synced_tables.events names it'),
  pipeline_id: z.string().nullable(),
  pipeline_name: z.string().nullable(),
  update_id: z.string().nullable(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()).nullable(),
});

export const eventSearchReply = z.object({
  events: z.array(foundEvent).describe('Newest first'),
  next_page_token: z.string().optional().describe('Goes on to older events; absent at the end'),
  prev_page_token: z.string().optional().describe('Goes back to newer events, also those that have yet to happen'),
  searched_to: z
    .string()
    .optional()
    .describe('Words were looked for as far as this time, in 50,000 events at most; the next page goes on from there'),
  unreachable: z.array(unreachableDatabase).describe('Databases whose events are missing here'),
});

export type EventSearchReply = z.output<typeof eventSearchReply>;
