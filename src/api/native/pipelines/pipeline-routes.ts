import { syncedTablesError } from '../../../core/errors.js';
import { isUuid } from '../../../core/uuid.js';
import {
  type OverviewUpdate,
  type PipelineOverview,
  readPipelineOverviews,
  readPipelineSpec,
} from '../../../postgres/registry/api/pipeline-overview.js';
import { catalogOfDatabase } from '../../names/catalog-place.js';
import { fullNameOfSql } from '../../names/table-name.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { askEachDatabase, firstAnswer, unknownDatabases } from '../../places/ask-databases.js';
import type { Caller } from '../../places/caller.js';
import { type DatabasePlace, databasesOf } from '../../places/database-place.js';
import { pageOf } from '../../wire/page.js';
import { NATIVE_PATH, NATIVE_TAGS } from '../native-path.js';
import {
  onePipelineReply,
  type PipelineReply,
  pipelineListQuery,
  pipelineListReply,
  pipelineParams,
} from './pipeline-schema.js';

const tags = NATIVE_TAGS;

/** Pipelines: what runs together, when, and who works on it. */
export function addPipelineOverviewRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    `${NATIVE_PATH}/pipelines`,
    {
      schema: {
        tags,
        summary: 'The pipelines of all databases, with their tables, schedules and updates',
        querystring: pipelineListQuery,
        response: { 200: pipelineListReply },
      },
    },
    async ({ query, caller }) => {
      const { instance, database } = query;
      if (instance) context.instances.find(caller, instance);
      const places = databasesOf(context, caller).filter(
        (place) => (!instance || place.instance.name === instance) && (!database || place.database.name === database),
      );
      const { answers, unreachable } = await askEachDatabase(places, (place) => read(context, caller, place, null));
      const fitting = answers.flatMap(({ answer }) => answer).filter((pipeline) => fits(pipeline, query));
      const { items, next } = pageOf(fitting, keyOf, query);
      return {
        pipelines: items,
        total: fitting.length,
        ...(next === null ? {} : { next_page_token: next }),
        unreachable: [...unreachable, ...unknownDatabases(context, caller, query)],
      };
    },
  );
  server.get(
    `${NATIVE_PATH}/pipelines/:pipeline_id`,
    {
      schema: {
        tags,
        summary: 'A pipeline, with its tables, schedule and updates',
        params: pipelineParams,
        response: { 200: onePipelineReply },
      },
    },
    async ({ params, caller }) => {
      const id = params.pipeline_id.toLowerCase();
      const found = await firstAnswer(isUuid(id) ? databasesOf(context, caller) : [], async (place) => {
        const [pipeline] = await read(context, caller, place, id);
        if (!pipeline) return null;
        // Statements are for those who may change them, as in the pipelines service.
        const spec = pipeline.may.operate
          ? await place.database.asService((client) => readPipelineSpec(client, id))
          : null;
        return { ...pipeline, spec };
      });
      if (found) return found;
      throw syncedTablesError('PIPELINE_NOT_FOUND', { pipeline: params.pipeline_id });
    },
  );
}

function keyOf({ name, pipeline_id }: PipelineReply): string {
  return `${name.toLowerCase()} ${pipeline_id}`;
}

type Filter = {
  readonly q?: string | undefined;
  readonly kind?: string | undefined;
  readonly state?: string | undefined;
};

function fits({ name, kind, state, tables }: PipelineReply, filter: Filter): boolean {
  if (filter.kind !== undefined && filter.kind !== kind) return false;
  if (filter.state !== undefined && filter.state !== state) return false;
  const text = filter.q?.toLowerCase() ?? '';
  return [name, ...tables.map((table) => table.name)].some((each) => each.toLowerCase().includes(text));
}

async function read(
  context: ApiContext,
  caller: Caller,
  place: DatabasePlace,
  id: string | null,
): Promise<PipelineReply[]> {
  const { instance, database } = place;
  const role = await database.roleNameOf(caller);
  const found = await database.asService((client) => readPipelineOverviews(client, role, id));
  if (found.length === 0) return [];
  const catalog = await catalogOfDatabase(instance, database.name);
  return found.map((pipeline) => replyOf(pipeline, { place, catalog, sidecarId: context.sidecarId }));
}

function replyOf(
  pipeline: PipelineOverview,
  where: { readonly place: DatabasePlace; readonly catalog: string; readonly sidecarId: string },
): PipelineReply {
  const { schedule, activeUpdate, lastUpdate, holder } = pipeline;
  return {
    pipeline_id: pipeline.pipelineId,
    name: pipeline.name,
    instance: where.place.instance.name,
    database: where.place.database.name,
    kind: pipeline.kind,
    scheduling_policy: pipeline.policy,
    state: stateOf(pipeline),
    publish: pipeline.publish,
    trigger_interval_ms: pipeline.triggerIntervalMs,
    runs_in_program: pipeline.runsInProgram,
    created_by: pipeline.createdBy,
    created_at: pipeline.createdAt,
    paused_at: pipeline.pausedAt,
    paused_by: pipeline.pausedBy,
    worked_on_by: holder === null ? 'nobody' : holder === where.sidecarId ? 'this sidecar' : 'another sidecar',
    tables: pipeline.tables.map((table) => ({
      name: fullNameOfSql(table.catalog ?? where.catalog, table.sqlName),
      synced_table: table.sqlName,
      kind: table.kind,
      state: table.state,
      error_code: table.errorCode,
      may_sync: table.mayControl,
      rows_done: table.rowsDone,
      rows_total: table.rowsTotal,
    })),
    hidden_tables: pipeline.hiddenTables,
    schedule: schedule && {
      cron: schedule.cron,
      time_zone: schedule.timeZone,
      next_run_at: schedule.nextRunAt,
      message: schedule.message,
    },
    active_update: activeUpdate && updateOf(activeUpdate),
    last_update: lastUpdate && updateOf(lastUpdate),
    may: { operate: pipeline.mayControl },
  };
}

const FAILED_STATES = new Set([
  'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
  'SYNCED_TABLE_OFFLINE_FAILED',
  'SYNCED_TABLED_OFFLINE',
]);

function stateOf({ pausedAt, isStopped, activeUpdate, tables }: PipelineOverview): PipelineReply['state'] {
  if (pausedAt !== null || isStopped) return 'PAUSED';
  if (activeUpdate?.state === 'RUNNING') return 'WORKING';
  if (activeUpdate !== null) return 'WAITING';
  return tables.some(({ state }) => FAILED_STATES.has(state)) ? 'FAILED' : 'RESTING';
}

function updateOf(update: OverviewUpdate): NonNullable<PipelineReply['last_update']> {
  return {
    update_id: update.updateId,
    state: update.state,
    cause: update.cause,
    mode: update.mode,
    full_refresh: update.isFullRefresh,
    created_at: update.createdAt,
    started_at: update.startedAt,
    finished_at: update.finishedAt,
    next_attempt_at: update.nextAttemptAt,
    attempt: update.attempt,
    error_code: update.errorCode,
    message: update.message,
  };
}
