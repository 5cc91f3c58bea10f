import type { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { isUuid } from '../../core/uuid.js';
import { startTablesUpdate } from '../../postgres/registry/api/pipelines.js';
import { readUpdates, type UpdateRecord } from '../../postgres/registry/api/update-record.js';
import type { CallersWorkspace } from '../files/callers-workspace.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import {
  PIPELINES_PATH,
  pageSizeOf,
  pipelineParams,
  type StartUpdate,
  startUpdateInput,
  startUpdateReply,
  type UpdateInfo,
  updateListQuery,
  updateListReply,
  updateParams,
  updateReply,
} from './pipeline-schema.js';
import { findPipeline, type PipelineTable, type PlacedPipeline } from './placed-pipeline.js';
import { startFlows } from './start-flows.js';

const PAGE_SIZE_MAX = 100;
const tags = ['pipelines'];

/** Updates of pipelines: start, read, list. */
export function addUpdateRoutes(server: ApiServer, context: ApiContext, workspace: CallersWorkspace): void {
  server.post(
    `${PIPELINES_PATH}/:pipeline_id/updates`,
    {
      schema: {
        tags,
        summary: 'Start an update; refused while one is under way',
        params: pipelineParams,
        body: startUpdateInput,
        response: { 200: startUpdateReply },
      },
    },
    async ({ params, body, caller }) => {
      const found = await findPipeline(context, caller, params.pipeline_id);
      const { record, database, tables } = found;
      refuseUnsupported(body, record.kind);
      const selection = selectionOf(body, tables);
      const update = { isFullRefresh: body.full_refresh === true, cause: body.cause ?? 'API_CALL' };
      if (record.kind === 'FLOWS') {
        if (selection !== null) throw refuseSelection();
        const isValidation = body.validate_only === true;
        return { update_id: await startFlows({ context, workspace, caller }, found, { ...update, isValidation }) };
      }
      const request = { ...update, pipelineId: record.pipelineId, selection };
      const id = await database.asCaller(caller, (client) => startTablesUpdate(client, request));
      return { update_id: id };
    },
  );
  server.get(
    `${PIPELINES_PATH}/:pipeline_id/updates/:update_id`,
    { schema: { tags, summary: 'Read an update', params: updateParams, response: { 200: updateReply } } },
    async ({ params, caller }) => {
      const { record, database, tables } = await findPipeline(context, caller, params.pipeline_id);
      const updateId = params.update_id.toLowerCase();
      const filter = { pipelineId: record.pipelineId, updateId, limit: 1, place: null };
      const [update] = isUuid(updateId) ? await database.asService((client) => readUpdates(client, filter)) : [];
      if (!update) {
        throw syncedTablesError('UPDATE_NOT_FOUND', { update: params.update_id });
      }
      return { update: withFullNames(updateInfoOf(update), tables) };
    },
  );
  server.get(
    `${PIPELINES_PATH}/:pipeline_id/updates`,
    {
      schema: {
        tags,
        summary: 'The updates of a pipeline, newest first',
        params: pipelineParams,
        querystring: updateListQuery,
        response: { 200: updateListReply },
      },
    },
    async ({ params, query, caller }) => {
      const { record, database, tables } = await findPipeline(context, caller, params.pipeline_id);
      const size = pageSizeOf(query, PAGE_SIZE_MAX);
      const place = placeOf(query);
      const found = await database.asService((client) =>
        readUpdates(client, { pipelineId: record.pipelineId, updateId: null, limit: size + 1, place }),
      );
      const last = found.length > size ? found[size - 1] : undefined;
      return {
        updates: found.slice(0, size).map((update) => withFullNames(updateInfoOf(update), tables)),
        ...(last === undefined ? {} : { next_page_token: last.updateId }),
      };
    },
  );
}

/** Refuses fields that must not be ignored silently, as they would change what the update does. */
function refuseUnsupported(body: StartUpdate, kind: PlacedPipeline['record']['kind']): void {
  const given = (
    ['rewind_spec', 'replace_where_overrides', 'reset_checkpoint_selection', 'refresh_flow_selection'] as const
  ).filter((field) => body[field] !== undefined && JSON.stringify(body[field]) !== '[]');
  if (body.validate_only === true && kind === 'SYNCED_TABLES') {
    throw syncedTablesError('NOT_IMPLEMENTED', {
      call: 'An update with validate_only of synced tables',
      reason: 'they are checked when they are created',
      alternative: 'POST /api/2.0/synced-tables/tables?dry_run=true checks one that does not exist yet.',
    });
  }
  const [field] = given;
  if (field === undefined) return;
  throw syncedTablesError('NOT_IMPLEMENTED', {
    call: `An update with ${field}`,
    reason: 'synced tables are refreshed in full or by their changes',
    alternative: 'Use full_refresh, full_refresh_selection or refresh_selection.',
  });
}

function refuseSelection() {
  return syncedTablesError('NOT_IMPLEMENTED', {
    call: 'An update of some tables of a pipeline of flows',
    reason: 'its flows are run together',
    alternative: 'Leave the selection out, or give tables that should be updated alone a pipeline of their own.',
  });
}

/** The selected tables, by their names in the registry; null for all. */
function selectionOf(body: StartUpdate, tables: readonly PipelineTable[]) {
  const refresh = (body.refresh_selection ?? []).map((name) => memberOf(tables, name));
  const fullRefresh = (body.full_refresh_selection ?? []).map((name) => memberOf(tables, name));
  if (refresh.length + fullRefresh.length === 0) return null;
  return { refresh, full_refresh: body.full_refresh === true ? [...refresh, ...fullRefresh] : fullRefresh };
}

/** Clients name tables with three, two or one part. */
function memberOf(tables: readonly PipelineTable[], name: string): string {
  const found = tables.find(({ fullName, schema, table }) => [fullName, `${schema}.${table}`, table].includes(name));
  if (!found) throw syncedTablesError('SYNCED_TABLE_NOT_FOUND', { target: name });
  return found.sqlName;
}

function updateInfoOf({ selection, ...update }: UpdateRecord): UpdateInfo {
  return {
    pipeline_id: update.pipelineId,
    update_id: update.updateId,
    state: update.state,
    cause: update.cause,
    creation_time: update.createdAtMs,
    full_refresh: update.isFullRefresh,
    validate_only: update.isValidation,
    mode: update.mode,
    ...(selection?.refresh?.length ? { refresh_selection: selection.refresh } : {}),
    ...(selection?.full_refresh?.length ? { full_refresh_selection: selection.full_refresh } : {}),
  };
}

/** Selections use the table names of the other calls; the registry stores them without a catalog. */
function withFullNames(info: UpdateInfo, tables: readonly PipelineTable[]): UpdateInfo {
  const named = (selection: readonly string[]) =>
    selection.map((name) => tables.find(({ sqlName }) => sqlName === name)?.fullName ?? name);
  const { refresh_selection: refresh, full_refresh_selection: fullRefresh } = info;
  return {
    ...info,
    ...(refresh ? { refresh_selection: named(refresh) } : {}),
    ...(fullRefresh ? { full_refresh_selection: named(fullRefresh) } : {}),
  };
}

/** Where a page begins: after the token's update, or at the update that the list goes back from. */
function placeOf(query: z.output<typeof updateListQuery>) {
  const after = query.page_token || undefined;
  const updateId = (after ?? query.until_update_id)?.toLowerCase();
  if (updateId === undefined) return null;
  if (!isUuid(updateId))
    throw syncedTablesError('REQUEST_INVALID', { reason: 'page_token: it is not one of this list' });
  return { updateId, isIncluded: after === undefined };
}
