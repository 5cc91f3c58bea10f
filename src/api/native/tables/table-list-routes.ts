import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import { readTableOverview } from '../../../postgres/registry/api/table-overview.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { stringifyJson } from '../../wire/json-text.js';
import { NATIVE_PATH, NATIVE_TAGS } from '../native-path.js';
import { type PlacedTable, requireTable, TABLE_PATH, tableParams, tableQuery } from './placed-table.js';
import { listTables, summarize } from './table-list.js';
import { tableListQuery, tableListReply } from './table-list-schema.js';
import { type NamedTable, nameTable } from './table-summary.js';
import { tableSummary } from './table-summary-schema.js';

const notModified = z.null().describe('The caller has it already, as If-None-Match says');

/** Synced and streaming tables of all databases: lists and single ones, with all that a screen shows of them. */
export function addTableListRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    `${NATIVE_PATH}/tables`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'Synced and streaming tables of all databases, what needs somebody first',
        querystring: tableListQuery,
        response: { 200: tableListReply, 304: notModified },
      },
    },
    async (request, reply) => {
      const list = await listTables(context, request.caller, request.query);
      return isKnown(request, reply, list) ? reply.code(304).send(null) : list;
    },
  );
  server.get(
    TABLE_PATH,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'A synced or streaming table, with its lag, progress, last error and the rights of the caller',
        params: tableParams,
        querystring: tableQuery,
        response: { 200: tableSummary, 304: notModified },
      },
    },
    async (request, reply) => {
      const placed = await requireTable(context, request);
      const [summary] = await summarize(await readOverview(placed, request.caller), request.caller);
      if (!summary) throw syncedTablesError('SYNCED_TABLE_NOT_FOUND', { target: placed.fullName });
      const shown = { ...summary, name: placed.fullName };
      return isKnown(request, reply, shown) ? reply.code(304).send(null) : shown;
    },
  );
}

/** Marks the reply, and tells whether the caller has it already. */
function isKnown(request: FastifyRequest, reply: FastifyReply, body: unknown): boolean {
  const etag = `W/"${createHash('sha256').update(stringifyJson(body)).digest('base64url').slice(0, 27)}"`;
  void reply.header('etag', etag);
  return request.headers['if-none-match'] === etag;
}

async function readOverview(placed: PlacedTable, caller: Caller): Promise<NamedTable[]> {
  const { database, table } = placed;
  const role = await database.roleNameOf(caller);
  const overviews = await database.asService((client) => readTableOverview(client, role, table));
  return overviews.map((overview) => nameTable(placed, overview, database.name));
}
