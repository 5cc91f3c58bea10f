import { syncedTablesError } from '../../../core/errors.js';
import { TOMBSTONE_RETENTION_SECONDS } from '../../../core/flows/auto-cdc-flow.js';
import { readStreamingRecord, type StreamingFlow } from '../../../postgres/registry/api/streaming-record.js';
import { readSourcePosition } from '../../../sync/flows/source/source-position.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { exactNumberOf } from '../../wire/wire-fields.js';
import { NATIVE_PATH, NATIVE_TAGS } from '../native-path.js';
import { requireTable, tableParams, tableQuery } from '../tables/placed-table.js';
import { declaringStatement } from './declaring-statement.js';
import { streamingTableReply } from './streaming-schema.js';

/** Streaming tables: what was declared, and what their flows made of their events. */
export function addStreamingRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    `${NATIVE_PATH}/streaming-tables/:name`,
    {
      schema: {
        tags: NATIVE_TAGS,
        summary: 'A streaming table: its flows, how far they have read, and its change feed',
        params: tableParams,
        querystring: tableQuery,
        response: { 200: streamingTableReply },
      },
    },
    async (request) => {
      const { fullName, instance, database, table } = await requireTable(context, request);
      const role = await database.roleNameOf(request.caller);
      const record =
        table.kind === 'STREAMING'
          ? await database.asService((client) => readStreamingRecord(client, role, table.tableId))
          : null;
      if (!record) throw syncedTablesError('STREAMING_TABLE_NOT_FOUND', { target: fullName });
      const { target, declared } = record;
      return {
        name: fullName,
        synced_table: table.sqlName,
        instance: instance.name,
        database: database.name,
        pipeline_id: table.pipelineId,
        pipeline_name: record.pipelineName,
        scheduling_policy: record.policy,
        state: record.state,
        message: record.message,
        error_code: record.errorCode,
        last_sync_at: record.lastSyncAt,
        created_by: record.createdBy,
        created_at: record.createdAt,
        scd_type: target?.scdType ?? null,
        keys: [...table.keyColumns],
        sequence: target?.sequence ?? null,
        columns: [...(target?.columns ?? [])],
        tracked_columns: [...(target?.trackedColumns ?? [])],
        change_feed: target === null ? null : feedOf(target),
        truncated_at: target?.truncatedAt ?? null,
        tombstone_seconds:
          typeof declared.tombstoneSeconds === 'number' ? declared.tombstoneSeconds : TOMBSTONE_RETENTION_SECONDS,
        flows: record.flows.map(flowOf),
        statement: declaringStatement(table.sqlName, record),
        may: { sync: record.mayControl, read_rows: record.mayRead },
      };
    },
  );
}

function feedOf({ commitVersion, feedFrom }: { readonly commitVersion: string; readonly feedFrom: string | null }) {
  if (feedFrom === null || BigInt(feedFrom) > BigInt(commitVersion)) return null;
  return { from: exactNumberOf(BigInt(feedFrom)) ?? 0, to: exactNumberOf(BigInt(commitVersion)) ?? 0 };
}

/** Without what a position holds to recognise the history of its table. */
function positionsOf(position: unknown) {
  return Object.entries(readSourcePosition(position ?? null) ?? {}).map(([name, place]) => ({
    table: name.replace(/^stream /, ''),
    version: place.kind === 'lake' ? exactNumberOf(BigInt(place.version)) : null,
    transaction: place.kind === 'postgres' ? exactNumberOf(BigInt(place.xid)) : null,
  }));
}

function flowOf(flow: StreamingFlow) {
  const { parts, query, isChangeFeed } = flow.source;
  const name = Array.isArray(parts) ? parts.join('.') : null;
  return {
    name: flow.name,
    kind: flow.kind,
    source: name ?? (typeof query === 'string' ? query : 'a function of the program'),
    source_kind: name === null ? String(flow.source.kind) : isChangeFeed === true ? 'change feed' : 'table',
    options: { ...flow.options },
    created_by: flow.createdBy,
    batch_id: flow.batchId === null ? null : exactNumberOf(BigInt(flow.batchId)),
    read_up_to: positionsOf(flow.position),
    committed_at: flow.committedAt,
  };
}
