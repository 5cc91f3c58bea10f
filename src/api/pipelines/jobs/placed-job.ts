import { syncedTablesError } from '../../../core/errors.js';
import { type JobRecord, type JobRun, readJobRuns, readJobs } from '../../../postgres/registry/api/jobs.js';
import { readPipelines } from '../../../postgres/registry/api/pipeline-record.js';
import type { ApiContext } from '../../places/api-context.js';
import { firstAnswer } from '../../places/ask-databases.js';
import type { Caller } from '../../places/caller.js';
import { type DatabasePlace, databasesOf } from '../../places/database-place.js';

/** A job, and where it is. */
export interface PlacedJob extends DatabasePlace {
  readonly job: JobRecord;
}

/** A run of a job. */
export interface PlacedRun extends PlacedJob {
  readonly run: JobRun;
}

/** @throws JOB_NOT_FOUND, also for a job whose pipeline the caller may not see */
export async function findJob(context: ApiContext, caller: Caller, jobId: bigint): Promise<PlacedJob> {
  const found = await firstAnswer(databasesOf(context, caller), async (place) => {
    const [job] = await visibleJobs(place, caller, jobId);
    return job ? { ...place, job } : null;
  });
  if (found) return found;
  throw syncedTablesError('JOB_NOT_FOUND', { job: jobId });
}

/** The jobs whose pipelines the caller may see, and those of theirs whose pipelines are gone. */
export async function listJobs(context: ApiContext, caller: Caller): Promise<PlacedJob[]> {
  const lists = await Promise.all(
    databasesOf(context, caller).map(async (place) =>
      (await visibleJobs(place, caller, null)).map((job) => ({ ...place, job })),
    ),
  );
  return lists.flat();
}

async function visibleJobs({ database }: DatabasePlace, caller: Caller, jobId: bigint | null): Promise<JobRecord[]> {
  const role = await database.roleNameOf(caller);
  return database.asService(async (client) => {
    const jobs = await readJobs(client, role, jobId);
    if (jobs.length === 0) return [];
    const [only, ...others] = jobs;
    const pipelines = await readPipelines(client, role, only && others.length === 0 ? only.pipelineId : null);
    const visible = new Set(pipelines.map(({ pipelineId }) => pipelineId));
    return jobs.filter(({ pipelineId, isLeftToRole }) => isLeftToRole || visible.has(pipelineId));
  });
}

/**
 * The newest runs of the jobs that the caller may see.
 * @param wanted of one job, or one run; null for any
 */
export async function findRuns(
  context: ApiContext,
  caller: Caller,
  wanted: { readonly jobId: bigint | null; readonly runId: bigint | null; readonly limit: number },
): Promise<PlacedRun[]> {
  const lists = await Promise.all(
    databasesOf(context, caller).map(async (place) => {
      const jobs = new Map((await visibleJobs(place, caller, wanted.jobId)).map((job) => [job.jobId, job]));
      if (jobs.size === 0) return [];
      const runs = await place.database.asService((client) => readJobRuns(client, wanted));
      return runs.flatMap((run) => {
        const job = jobs.get(run.jobId);
        return job ? [{ ...place, job, run }] : [];
      });
    }),
  );
  return lists.flat().sort((one, other) => Number(other.run.createdAtMs - one.run.createdAtMs));
}
