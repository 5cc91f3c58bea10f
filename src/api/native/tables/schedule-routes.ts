import { syncedTablesError } from '../../../core/errors.js';
import {
  checkSchedule,
  readSchedule,
  removeSchedule,
  setSchedule,
  setTriggerInterval,
} from '../../../postgres/registry/api/schedule-record.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import { databasesOf } from '../../places/database-place.js';
import { nothing } from '../../wire/wire-fields.js';
import { NATIVE_PATH, NATIVE_TAGS } from '../native-path.js';
import { type PlacedTable, requireTable, TABLE_PATH, tableParams, tableQuery } from './placed-table.js';
import { plannedRuns } from './planned-runs.js';
import {
  scheduleInput,
  schedulePreviewInput,
  schedulePreviewReply,
  scheduleReply,
  triggerIntervalInput,
} from './schedule-schema.js';

const SCHEDULE_PATH = `${TABLE_PATH}/schedule`;
const tags = NATIVE_TAGS;

/** When the pipeline of a table is updated: its schedule, and how often it looks while it follows its sources. */
export function addScheduleRoutes(server: ApiServer, context: ApiContext): void {
  server.get(
    SCHEDULE_PATH,
    {
      schema: {
        tags,
        summary: 'The schedule of the pipeline of a table, with its next runs',
        params: tableParams,
        querystring: tableQuery,
        response: { 200: scheduleReply },
      },
    },
    async (request) => show(context, await requireTable(context, request)),
  );
  server.put(
    SCHEDULE_PATH,
    {
      schema: {
        tags,
        summary:
          'Update the pipeline of a table at the times of a cron expression, in place of the schedule that it has',
        params: tableParams,
        querystring: tableQuery,
        body: scheduleInput,
        response: { 200: scheduleReply },
      },
    },
    async (request) => {
      const { cron, time_zone: timeZone = null } = request.body;
      const placed = await requireTable(context, request);
      const { pipelineId } = placed.table;
      await placed.database.asCaller(request.caller, (client) => setSchedule(client, { pipelineId, cron, timeZone }));
      return show(context, placed);
    },
  );
  server.delete(
    SCHEDULE_PATH,
    {
      schema: {
        tags,
        summary: 'Take the schedule of the pipeline of a table away; without one nothing changes',
        params: tableParams,
        querystring: tableQuery,
        response: { 200: nothing },
      },
    },
    async (request) => {
      const { database, table } = await requireTable(context, request);
      await database.asCaller(request.caller, (client) => removeSchedule(client, table.pipelineId));
      return {};
    },
  );
  server.put(
    `${TABLE_PATH}/trigger-interval`,
    {
      schema: {
        tags,
        summary: 'How often the pipeline of a CONTINUOUS table looks for changes',
        params: tableParams,
        querystring: tableQuery,
        body: triggerIntervalInput,
        response: { 200: scheduleReply },
      },
    },
    async (request) => {
      const { trigger_interval_ms: ms } = request.body;
      const placed = await requireTable(context, request);
      await placed.database.asCaller(request.caller, (client) => setTriggerInterval(client, placed.table.sqlName, ms));
      return show(context, placed);
    },
  );
  addPreview(server, context);
}

async function show({ settings }: ApiContext, { database, table }: PlacedTable) {
  const { pipelineId } = table;
  const found = await database.asService((client) => readSchedule(client, pipelineId));
  if (!found) throw syncedTablesError('PIPELINE_NOT_FOUND', { pipeline: pipelineId });
  const { schedule, now } = found;
  return {
    pipeline_id: pipelineId,
    scheduling_policy: found.policy,
    schedule:
      schedule === null
        ? null
        : {
            cron: schedule.cron,
            time_zone: schedule.timeZone,
            next_run_at: schedule.nextRunAt,
            next_runs: schedule.message === null ? plannedRuns(schedule, now) : [],
            last_run_at: schedule.lastRunAt,
            last_update_id: schedule.lastUpdateId,
            message: schedule.message,
            created_by: schedule.createdBy,
          },
    trigger_interval_ms: found.triggerIntervalMs,
    default_trigger_interval_ms: settings.sync.trigger_interval_ms,
  };
}

function addPreview(server: ApiServer, context: ApiContext): void {
  server.post(
    `${NATIVE_PATH}/schedule-preview`,
    {
      schema: {
        tags,
        summary: 'When a schedule would run, or what is wrong with it; changes nothing',
        body: schedulePreviewInput,
        response: { 200: schedulePreviewReply },
      },
    },
    async ({ body, caller }) => {
      const { cron, time_zone: wantedZone = 'UTC', after } = body;
      // The rules are those of the database, and the same in each.
      const [place] = databasesOf(context, caller);
      if (!place) throw syncedTablesError('ACCESS_DENIED', { reason: 'there is no database of this caller' });
      const check = await place.database.asService((client) => checkSchedule(client, cron, wantedZone));
      const { timeZone } = check;
      const error = problemOf({ ...check, cron, wantedZone });
      const isPlanned = error === null && timeZone !== null;
      return {
        problem: error && { error_code: error.code, message: error.message, remedy: error.remedy },
        time_zone: timeZone,
        next_runs: isPlanned ? plannedRuns({ cron, timeZone }, after === undefined ? check.now : new Date(after)) : [],
      };
    },
  );
}

function problemOf(check: {
  readonly cron: string;
  readonly wantedZone: string;
  readonly cronProblem: string | null;
  readonly timeZone: string | null;
  readonly neverComes: boolean;
}) {
  const { cron, wantedZone, cronProblem, timeZone, neverComes } = check;
  if (cronProblem !== null) return syncedTablesError('CRON_INVALID', { cron, reason: cronProblem });
  if (timeZone === null) return syncedTablesError('TIME_ZONE_UNKNOWN', { zone: wantedZone });
  return neverComes ? syncedTablesError('SCHEDULE_NEVER_RUNS', { cron }) : null;
}
