import { syncedTablesError } from '../../../core/errors.js';
import type { JobSchedule } from '../../../postgres/registry/api/jobs.js';
import type { JobSettings } from './job-schema.js';
import { cronOfQuartz, QuartzProblem } from './quartz-cron.js';

/** What the settings of a job ask for. */
export interface WantedJob {
  readonly pipelineId: string;
  readonly taskKey: string;
  readonly isFullRefresh: boolean;
  /** Null for one that runs only when it is asked to, or is paused. */
  readonly schedule: JobSchedule | null;
}

/** What would make a job run at other times, or do something else. */
const REFUSED = ['continuous', 'trigger', 'git_source', 'job_clusters', 'environments', 'parameters', 'for_each_task'];

/**
 * Reads the settings of a job.
 * @throws NOT_IMPLEMENTED for jobs that do anything else than starting one pipeline; REQUEST_INVALID
 */
export function readJobSettings(settings: JobSettings): WantedJob {
  const tasks = settings.tasks ?? [];
  const [task] = tasks;
  if (task === undefined) throw invalid('tasks: a job needs a task that starts a pipeline');
  if (tasks.length > 1) throw refuse('A job of several tasks');
  const field = REFUSED.find((name) => isGiven(settings[name]));
  if (field !== undefined) throw refuse(`A job with ${field}`);
  const other = Object.keys(task).find(
    (name) => name.endsWith('_task') && name !== 'pipeline_task' && isGiven(task[name]),
  );
  if (other !== undefined) throw refuse(`A job with ${other}`);
  const { pipeline_task: pipeline } = task;
  if (pipeline === undefined) throw invalid('tasks.0.pipeline_task: it is missing');
  return {
    pipelineId: pipeline.pipeline_id,
    taskKey: task.task_key,
    isFullRefresh: pipeline.full_refresh === true,
    schedule: scheduleOf(settings.schedule),
  };
}

function scheduleOf(schedule: JobSettings['schedule']): JobSchedule | null {
  if (schedule === undefined) return null;
  try {
    const cron = cronOfQuartz(schedule.quartz_cron_expression);
    return schedule.pause_status === 'PAUSED' ? null : { cron, timeZone: schedule.timezone_id };
  } catch (error) {
    if (!(error instanceof QuartzProblem)) throw error;
    throw invalid(`schedule.quartz_cron_expression: ${error.message}`);
  }
}

/** Clients send empty lists and objects for what they do not use. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && JSON.stringify(value) !== '[]' && JSON.stringify(value) !== '{}';
}

function invalid(reason: string) {
  return syncedTablesError('REQUEST_INVALID', { reason });
}

function refuse(call: string) {
  return syncedTablesError('NOT_IMPLEMENTED', {
    call,
    reason: 'jobs here start one pipeline each, by a schedule or when they are asked to',
    alternative: 'Give it one task with pipeline_task, and a schedule with quartz_cron_expression.',
  });
}
