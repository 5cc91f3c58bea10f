import { syncedTablesError } from '../../../core/errors.js';
import { readSamples } from '../../../postgres/registry/api/table-samples.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { exactNumberOf } from '../../wire/wire-fields.js';
import { NATIVE_TAGS } from '../native-path.js';
import { requireTable, TABLE_PATH, tableParams } from './placed-table.js';
import { sampleQuery, sampleReply } from './sample-schema.js';

/** Every 15 minutes, and the minute in which it is due. */
const QUIET_SECONDS = 16 * 60;
const HOURLY_AFTER_MS = 48 * 3_600_000;

/** Lag and rows of a table over time. */
export function addSampleRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    `${TABLE_PATH}/samples`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'How far a table was behind, and how many rows it had, over time',
        params: tableParams,
        querystring: sampleQuery,
        response: { 200: sampleReply },
      },
    },
    async (request) => {
      const { from = null, to = null, hours, points } = request.query;
      if (from !== null && to !== null && Date.parse(from) >= Date.parse(to)) {
        throw syncedTablesError('REQUEST_INVALID', { reason: 'from: it is not before "to"' });
      }
      const { database, table } = await requireTable(context, request);
      const found = await database.asService((client) =>
        readSamples(client, { tableId: table.tableId, from, to, hours, points }),
      );
      const exact = (text: string | null) => exactNumberOf(text === null ? null : BigInt(text));
      return {
        from: found.from,
        to: found.to,
        samples: found.samples.map((sample) => ({
          ...sample,
          lag_versions: exact(sample.lag_versions),
          row_count: exact(sample.row_count),
          synced_version: exact(sample.synced_version),
        })),
        quiet_seconds: QUIET_SECONDS,
        hourly_before: new Date(Date.now() - HOURLY_AFTER_MS).toISOString(),
      };
    },
  );
}
