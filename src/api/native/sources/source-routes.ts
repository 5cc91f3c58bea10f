import { syncedTablesError } from '../../../core/errors.js';
import { parseSourceName } from '../../../core/source-name.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { askSource } from '../../synced-tables/ask-source.js';
import { requireSeesSources } from '../../synced-tables/source-rights.js';
import { exactNumberOf } from '../../wire/wire-fields.js';
import { listSources } from './source-list.js';
import { sourceReplyOf } from './source-reply.js';
import { SOURCES_PATH, sourceList, sourceListQuery, sourceParams, sourceReply, sourceRows } from './source-schema.js';
import { readSourceUses } from './source-uses.js';

const tags = ['synced-tables'];
const SAMPLE_ROWS = 20;

/** Source tables, for callers who may create synced tables: what their metadata says, and a few rows. */
export function addSourceRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    SOURCES_PATH,
    {
      schema: {
        tags,
        summary: 'The source tables of a schema',
        querystring: sourceListQuery,
        response: { 200: sourceList },
      },
    },
    async ({ query, caller }) => {
      await requireSeesSources(context, caller);
      const { catalog, schema, page_size: pageSize, page_token: pageToken } = query;
      const { sources, next } = await listSources(context, caller, { catalog, schema, pageSize, pageToken });
      return { sources, ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.get(
    `${SOURCES_PATH}/:name`,
    {
      schema: {
        tags,
        summary: 'A source table, by its metadata alone',
        params: sourceParams,
        response: { 200: sourceReply },
      },
    },
    async ({ params: { name }, caller }) => {
      await requireSeesSources(context, caller);
      const { catalog } = parseSourceName(name);
      const report = await askSource(catalog, () => context.sources.describe(name));
      const uses = await readSourceUses(context, caller, [name]);
      return sourceReplyOf(report, uses.get(name) ?? 0);
    },
  );
  server.post(
    `${SOURCES_PATH}/:name/rows`,
    {
      schema: {
        tags,
        summary: 'A few rows of a source table, in no particular order',
        params: sourceParams,
        response: { 200: sourceRows },
      },
    },
    async ({ params: { name }, caller }) => {
      await requireSeesSources(context, caller);
      if (!context.settings.console.sample_rows) throw syncedTablesError('SAMPLE_ROWS_OFF', {});
      const { catalog } = parseSourceName(name);
      const sample = await askSource(catalog, (signal) => context.sources.sample({ name, limit: SAMPLE_ROWS, signal }));
      return {
        version: exactNumberOf(sample.version),
        columns: [...sample.columns],
        rows: sample.rows.map((row) => [...row]),
        is_cut: sample.isCut,
      };
    },
  );
}
