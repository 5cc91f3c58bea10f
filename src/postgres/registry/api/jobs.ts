import type pg from 'pg';
import type { UpdateRecord } from './update-record.js';

/** A job of a pipeline. */
export interface JobRecord {
  readonly jobId: bigint;
  readonly pipelineId: string;
  /** As the client gave them. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly createdBy: string;
  /** Milliseconds since 1970. */
  readonly createdAtMs: bigint;
  /** Whether its pipeline was deleted, and the role may do something about that. */
  readonly isLeftToRole: boolean;
}

/** When the pipeline of a job runs; null for only when it is asked to. */
export interface JobSchedule {
  readonly cron: string;
  readonly timeZone: string;
}

/**
 * The jobs of a database. The caller checks who may see their pipelines.
 * @param role who asks
 * @param jobId null for all
 */
export async function readJobs(client: pg.ClientBase, role: string, jobId: bigint | null): Promise<JobRecord[]> {
  const { rows } = await client.query<{
    job_id: string;
    pipeline_id: string;
    settings: Record<string, unknown>;
    created_by: string;
    created_at_ms: string;
    is_left_to_role: boolean;
  }>(
    `select j.job_id::text, j.pipeline_id, j.settings, j.created_by,
            floor(extract(epoch from j.created_at) * 1000)::bigint::text as created_at_ms,
            not exists (select from synced_tables._pipelines p where p.pipeline_id = j.pipeline_id)
              and synced_tables_internal._role_may_control($2, j.created_by) as is_left_to_role
       from synced_tables._jobs j where $1::bigint is null or j.job_id = $1 order by j.job_id`,
    [jobId?.toString() ?? null, role],
  );
  return rows.map((row) => ({
    jobId: BigInt(row.job_id),
    pipelineId: row.pipeline_id,
    settings: row.settings,
    createdBy: row.created_by,
    createdAtMs: BigInt(row.created_at_ms),
    isLeftToRole: row.is_left_to_role,
  }));
}

/**
 * Creates a job of a pipeline, with the rights of the acting role.
 * @returns its id
 */
export async function createJob(
  client: pg.ClientBase,
  job: { readonly pipelineId: string; readonly settings: object; readonly schedule: JobSchedule | null },
): Promise<bigint> {
  const { pipelineId, settings, schedule } = job;
  const { rows } = await client.query<{ id: string }>(
    'select synced_tables_internal._create_job($1, $2, $3, $4)::text as id',
    [pipelineId, JSON.stringify(settings), schedule?.cron ?? null, schedule?.timeZone ?? null],
  );
  return BigInt(rows[0]?.id ?? 0);
}

/** Gives a job other settings, with the rights of the acting role. */
export async function changeJob(
  client: pg.ClientBase,
  job: {
    readonly jobId: bigint;
    readonly pipelineId: string;
    readonly settings: object;
    readonly schedule: JobSchedule | null;
  },
): Promise<void> {
  const { jobId, pipelineId, settings, schedule } = job;
  await client.query('select synced_tables_internal._change_job($1, $2, $3, $4, $5)', [
    jobId.toString(),
    pipelineId,
    JSON.stringify(settings),
    schedule?.cron ?? null,
    schedule?.timeZone ?? null,
  ]);
}

/** Removes a job and its schedule, with the rights of the acting role. */
export async function deleteJob(client: pg.ClientBase, jobId: bigint): Promise<void> {
  await client.query('select synced_tables_internal._delete_job($1)', [jobId.toString()]);
}

/** The number by which clients know a run: the first 52 bits of the id of its update. */
const RUN_ID = `('x' || substr(replace(u.update_id::text, '-', ''), 1, 13))::bit(52)::bigint`;

/** The same of the id of an update. */
export function runIdOf(updateId: string): bigint {
  return BigInt(`0x${updateId.replaceAll('-', '').slice(0, 13)}`);
}

/** An update of the pipeline of a job, as a run of it. */
export interface JobRun {
  readonly jobId: bigint;
  readonly pipelineId: string;
  readonly runId: bigint;
  readonly updateId: string;
  readonly state: UpdateRecord['state'];
  readonly message: string | null;
  /** Whether the schedule asked for it. */
  readonly isScheduled: boolean;
  readonly requestedBy: string | null;
  /** Milliseconds since 1970; null for what has not happened yet. */
  readonly createdAtMs: bigint;
  readonly startedAtMs: bigint | null;
  readonly finishedAtMs: bigint | null;
}

/** Which runs are wanted, newest first; null for any. */
interface RunFilter {
  readonly jobId: bigint | null;
  readonly runId: bigint | null;
  readonly limit: number;
}

/** What jobs of a database have asked for: updates that somebody asked for otherwise are no runs. */
export async function readJobRuns(client: pg.ClientBase, filter: RunFilter): Promise<JobRun[]> {
  const ms = (column: string) => `floor(extract(epoch from ${column}) * 1000)::bigint::text`;
  const { rows } = await client.query<{
    job_id: string;
    pipeline_id: string;
    run_id: string;
    update_id: string;
    state: UpdateRecord['state'];
    message: string | null;
    requested_by: string | null;
    created_at: string;
    started_at: string | null;
    finished_at: string | null;
  }>(
    `select j.job_id::text, j.pipeline_id, ${RUN_ID}::text as run_id, u.update_id, u.state, u.message, u.requested_by, ${ms('u.created_at')} as created_at,
            ${ms('u.started_at')} as started_at, ${ms('u.finished_at')} as finished_at
       from synced_tables._jobs j join synced_tables._updates u using (pipeline_id)
      where u.cause = 'JOB_TASK' and ($1::bigint is null or j.job_id = $1) and ($2::bigint is null or ${RUN_ID} = $2)
      order by u.created_at desc, u.update_id desc limit $3`,
    [filter.jobId?.toString() ?? null, filter.runId?.toString() ?? null, filter.limit],
  );
  const big = (value: string | null) => (value === null ? null : BigInt(value));
  return rows.map((row) => ({
    jobId: BigInt(row.job_id),
    pipelineId: row.pipeline_id,
    runId: BigInt(row.run_id),
    updateId: row.update_id,
    state: row.state,
    message: row.message,
    isScheduled: row.requested_by === 'databricks_sync',
    requestedBy: row.requested_by,
    createdAtMs: BigInt(row.created_at),
    startedAtMs: big(row.started_at),
    finishedAtMs: big(row.finished_at),
  }));
}
