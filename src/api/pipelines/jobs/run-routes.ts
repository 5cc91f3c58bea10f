import { syncedTablesError } from '../../../core/errors.js';
import { runIdOf } from '../../../postgres/registry/api/jobs.js';
import { startTablesUpdate, stopPipeline } from '../../../postgres/registry/api/pipelines.js';
import type { CallersWorkspace } from '../../files/callers-workspace.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { nothing } from '../../wire/wire-fields.js';
import { findPipeline } from '../placed-pipeline.js';
import { type FlowStarter, startFlows } from '../start-flows.js';
import {
  jobSettings,
  type RunReply,
  runBody,
  runListQuery,
  runListReply,
  runNowBody,
  runNowReply,
  runOutputReply,
  runQuery,
  runReply,
} from './job-schema.js';
import { readJobSettings } from './job-settings.js';
import { findJob, findRuns, type PlacedRun } from './placed-job.js';

const tags = ['jobs'];
const PAGE_SIZE = 20;
/** Of older runs, the updates of the pipeline still tell. */
const RUNS_MAX = 1_000;

/** Runs of jobs: the updates that they have asked for. */
export function addRunRoutes(server: ApiServer, context: ApiContext, workspace: CallersWorkspace, path: string): void {
  server.post(
    `${path}/run-now`,
    { schema: { tags, summary: 'Start the pipeline of a job', body: runNowBody, response: { 200: runNowReply } } },
    async ({ body, caller }) => {
      const parameter = Object.keys(body).find(
        (field) => /_params?(eters)?$/.test(field) && field !== 'pipeline_params',
      );
      if (parameter !== undefined) throw refuseParameter(parameter);
      const starter = { context, workspace, caller };
      const runId = await runNow(starter, body.job_id, body.pipeline_params?.full_refresh);
      return { run_id: runId, number_in_job: runId };
    },
  );
  server.get(
    `${path}/runs/get`,
    { schema: { tags, summary: 'Read a run of a job', querystring: runQuery, response: { 200: runReply } } },
    async ({ query, caller }) => runReplyOf(await findRun(context, caller, query.run_id)),
  );
  server.get(
    `${path}/runs/get-output`,
    {
      schema: {
        tags,
        summary: 'Read a run of a job and what its pipeline said; there is no other output',
        querystring: runQuery,
        response: { 200: runOutputReply },
      },
    },
    async ({ query, caller }) => {
      const metadata = runReplyOf(await findRun(context, caller, query.run_id));
      const { result_state, state_message } = metadata.state;
      return { metadata, ...(result_state === 'FAILED' ? { error: state_message } : {}) };
    },
  );
  server.get(
    `${path}/runs/list`,
    {
      schema: {
        tags,
        summary: 'The runs of jobs, newest first',
        querystring: runListQuery,
        response: { 200: runListReply },
      },
    },
    async ({ query, caller }) => {
      const all = await findRuns(context, caller, { jobId: query.job_id ?? null, runId: null, limit: RUNS_MAX });
      const wanted = all.filter(({ run }) => {
        const isActive = run.state === 'QUEUED' || run.state === 'RUNNING';
        return (query.active_only !== 'true' || isActive) && (query.completed_only !== 'true' || !isActive);
      });
      const first = /^\d{1,6}$/.test(query.page_token ?? '') ? Number(query.page_token) : 0;
      const end = first + (query.limit || PAGE_SIZE);
      const hasMore = wanted.length > end;
      return {
        runs: wanted.slice(first, end).map(runReplyOf),
        has_more: hasMore,
        ...(hasMore ? { next_page_token: String(end) } : {}),
      };
    },
  );
  server.post(
    `${path}/runs/cancel`,
    { schema: { tags, summary: 'Stop a run that is active', body: runBody, response: { 200: nothing } } },
    async ({ body, caller }) => {
      const { run, database } = await findRun(context, caller, body.run_id);
      if (run.state === 'QUEUED' || run.state === 'RUNNING') {
        await database.asCaller(caller, (client) => stopPipeline(client, run.pipelineId));
      }
      return {};
    },
  );
}

async function runNow(starter: FlowStarter, jobId: bigint, fullRefresh: boolean | undefined): Promise<bigint> {
  const { context, caller } = starter;
  const { job } = await findJob(context, caller, jobId);
  const wanted = readJobSettings(jobSettings.parse(job.settings));
  const found = await findPipeline(context, caller, job.pipelineId);
  const { record, database } = found;
  const update = { isFullRefresh: fullRefresh ?? wanted.isFullRefresh, cause: 'JOB_TASK' };
  if (record.kind === 'FLOWS') return runIdOf(await startFlows(starter, found, { ...update, isValidation: false }));
  const updateId = await database.asCaller(caller, (client) =>
    startTablesUpdate(client, { ...update, pipelineId: record.pipelineId, selection: null }),
  );
  return runIdOf(updateId);
}

/** @throws RUN_NOT_FOUND, also for runs of jobs that the caller may not see */
async function findRun(context: ApiContext, caller: Caller, runId: bigint): Promise<PlacedRun> {
  const [found] = await findRuns(context, caller, { jobId: null, runId, limit: 1 });
  if (!found) throw syncedTablesError('JOB_RUN_NOT_FOUND', { run: runId });
  return found;
}

function refuseParameter(parameter: string) {
  return syncedTablesError('NOT_IMPLEMENTED', {
    call: `A run with ${parameter}`,
    reason: 'the pipeline of a job takes none',
    alternative: 'Use pipeline_params with full_refresh.',
  });
}

const STATES = {
  QUEUED: { life_cycle_state: 'PENDING' },
  RUNNING: { life_cycle_state: 'RUNNING' },
  COMPLETED: { life_cycle_state: 'TERMINATED', result_state: 'SUCCESS' },
  FAILED: { life_cycle_state: 'TERMINATED', result_state: 'FAILED' },
  CANCELED: { life_cycle_state: 'TERMINATED', result_state: 'CANCELED' },
} as const;

function runReplyOf({ job, run }: PlacedRun): RunReply {
  const { taskKey } = readJobSettings(jobSettings.parse(job.settings));
  const state = { ...STATES[run.state], state_message: run.message ?? '' };
  const began = run.startedAtMs ?? run.createdAtMs;
  const times = {
    start_time: run.createdAtMs,
    ...(run.finishedAtMs === null ? {} : { end_time: run.finishedAtMs }),
    setup_duration: began - run.createdAtMs,
    execution_duration: run.finishedAtMs === null ? 0n : run.finishedAtMs - began,
    cleanup_duration: 0n,
  };
  return {
    job_id: run.jobId,
    run_id: run.runId,
    number_in_job: run.runId,
    run_name: String(job.settings.name ?? ''),
    run_type: 'JOB_RUN',
    trigger: run.isScheduled ? 'PERIODIC' : 'ONE_TIME',
    creator_user_name: job.createdBy,
    state,
    ...times,
    tasks: [{ run_id: run.runId, task_key: taskKey, pipeline_task: { pipeline_id: run.pipelineId }, state, ...times }],
  };
}
