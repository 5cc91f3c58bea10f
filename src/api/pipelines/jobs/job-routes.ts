import { syncedTablesError } from '../../../core/errors.js';
import { changeJob, createJob, deleteJob } from '../../../postgres/registry/api/jobs.js';
import type { CallersWorkspace } from '../../files/callers-workspace.js';
import type { ApiContext, ApiServer } from '../../places/api-context.js';
import type { Caller } from '../../places/caller.js';
import { pageOf } from '../../wire/page.js';
import { nothing } from '../../wire/wire-fields.js';
import { findPipeline } from '../placed-pipeline.js';
import {
  JOBS_PATHS,
  type JobSettings,
  jobBody,
  jobIdReply,
  jobListQuery,
  jobListReply,
  jobQuery,
  jobReply,
  jobSettings,
  resetBody,
  updateBody,
} from './job-schema.js';
import { readJobSettings } from './job-settings.js';
import { findJob, listJobs, type PlacedJob } from './placed-job.js';
import { addRunRoutes } from './run-routes.js';

const tags = ['jobs'];
const PAGE_SIZE = 20;

/** Jobs that start one pipeline, by a schedule or when they are asked to (docs/guides/api.md). */
export function addJobRoutes(server: ApiServer, context: ApiContext, workspace: CallersWorkspace): void {
  for (const path of JOBS_PATHS) {
    addJobs(server, context, path);
    addJobChanges(server, context, path);
    addRunRoutes(server, context, workspace, path);
  }
}

function addJobs(server: ApiServer, context: ApiContext, path: string): void {
  server.post(
    `${path}/create`,
    {
      schema: {
        tags,
        summary: 'Create a job that starts a pipeline; a schedule becomes that of the pipeline',
        body: jobSettings,
        response: { 200: jobIdReply },
      },
    },
    async ({ body, caller }) => {
      const { pipelineId, schedule } = readJobSettings(body);
      const { database, record } = await findPipeline(context, caller, pipelineId);
      const job = { pipelineId: record.pipelineId, settings: body, schedule };
      return { job_id: await database.asCaller(caller, (client) => createJob(client, job)) };
    },
  );
  server.get(
    `${path}/get`,
    { schema: { tags, summary: 'Read a job', querystring: jobQuery, response: { 200: jobReply } } },
    async ({ query, caller }) => jobReplyOf(await findJob(context, caller, query.job_id)),
  );
  server.get(
    `${path}/list`,
    { schema: { tags, summary: 'The jobs', querystring: jobListQuery, response: { 200: jobListReply } } },
    async ({ query, caller }) => {
      const name = query.name?.toLowerCase();
      const all = (await listJobs(context, caller)).filter(
        ({ job }) => name === undefined || String(job.settings.name ?? '').toLowerCase() === name,
      );
      const size = { page_size: query.limit || PAGE_SIZE, page_token: query.page_token };
      const { items, next } = pageOf(all, ({ job }) => String(job.jobId).padStart(20, '0'), size);
      return {
        jobs: items.map(jobReplyOf),
        has_more: next !== null,
        ...(next === null ? {} : { next_page_token: next }),
      };
    },
  );
}

function addJobChanges(server: ApiServer, context: ApiContext, path: string): void {
  server.post(
    `${path}/reset`,
    { schema: { tags, summary: 'Replace the settings of a job', body: resetBody, response: { 200: nothing } } },
    async ({ body, caller }) => {
      await change(context, caller, await findJob(context, caller, body.job_id), body.new_settings);
      return {};
    },
  );
  server.post(
    `${path}/update`,
    { schema: { tags, summary: 'Change some settings of a job', body: updateBody, response: { 200: nothing } } },
    async ({ body, caller }) => {
      const found = await findJob(context, caller, body.job_id);
      const removed = new Set(body.fields_to_remove ?? []);
      const kept = Object.entries(found.job.settings).filter(([field]) => !removed.has(field));
      const given = Object.entries(body.new_settings ?? {}).filter(([, value]) => value !== undefined);
      await change(context, caller, found, jobSettings.parse(Object.fromEntries([...kept, ...given])));
      return {};
    },
  );
  server.post(
    `${path}/delete`,
    {
      schema: {
        tags,
        summary: 'Delete a job, and with it the schedule of its pipeline',
        body: jobBody,
        response: { 200: nothing },
      },
    },
    async ({ body, caller }) => {
      const { database, job } = await findJob(context, caller, body.job_id);
      await database.asCaller(caller, (client) => deleteJob(client, job.jobId));
      return {};
    },
  );
}

async function change(
  context: ApiContext,
  caller: Caller,
  { database, job }: PlacedJob,
  settings: JobSettings,
): Promise<void> {
  const { pipelineId, schedule } = readJobSettings(settings);
  const pipeline = await findPipeline(context, caller, pipelineId);
  if (pipeline.database !== database) {
    throw syncedTablesError('REQUEST_INVALID', {
      reason: `pipeline ${pipelineId} is in another database than the job`,
    });
  }
  const changed = { jobId: job.jobId, pipelineId: pipeline.record.pipelineId, settings, schedule };
  await database.asCaller(caller, (client) => changeJob(client, changed));
}

function jobReplyOf({ job }: PlacedJob) {
  return {
    job_id: job.jobId,
    creator_user_name: job.createdBy,
    run_as_user_name: job.createdBy,
    created_time: job.createdAtMs,
    settings: { max_concurrent_runs: 1, format: 'MULTI_TASK', ...job.settings },
  };
}
