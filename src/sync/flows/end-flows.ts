import type pg from 'pg';
import { ATTEMPTS_MAX, retryDelaySeconds } from '../../core/backoff.js';
import type { SyncedTablesError } from '../../core/errors.js';
import { type UpdateOutcome, worstOutcome } from '../../core/update-outcome.js';
import { readFlowPipeline } from '../../postgres/registry/streaming-tables.js';
import { recordEvent } from '../../postgres/registry/synced-tables.js';
import { closeSession } from '../../postgres/session/session.js';
import type { UpdateTask } from '../task/update-task.js';
import { type FlowTableOutcome, recordFlowFailure } from './run/run-flow-pipeline.js';

/**
 * Ends an update of flows that cannot begin: each of its tables fails with `error`.
 * @returns the outcome, which may be that it is tried again
 */
export async function failFlows(task: UpdateTask, error: SyncedTablesError): Promise<UpdateOutcome> {
  const client = await task.openSession();
  const pipeline = await readFlowPipeline(client, task.lease.pipelineId).finally(() => closeSession(client));
  if (pipeline === null) return { kind: 'ended' }; // deleted
  if (pipeline.tables.length === 0) return { kind: 'failed', error };
  return worstOutcome(
    await endFlows(
      task,
      pipeline.tables.map((table) => ({ kind: 'failed', error, table })),
    ),
  );
}

/** Decides for each failed table whether to retry, and records what is final. */
export async function endFlows(
  task: UpdateTask,
  outcomes: readonly FlowTableOutcome[],
): Promise<readonly UpdateOutcome[]> {
  if (outcomes.length === 0) return [{ kind: 'completed' }];
  const client = await task.openSession();
  try {
    const ended: UpdateOutcome[] = [];
    for (const outcome of outcomes) {
      if (outcome.kind !== 'failed') ended.push(outcome);
      else if (outcome.error.retry === 'timed' && task.attempt < ATTEMPTS_MAX) {
        ended.push(await retryFlows(client, task, outcome));
      } else {
        await recordFlowFailure(client, task, outcome.table, outcome.error);
        ended.push({ kind: 'failed', error: outcome.error });
      }
    }
    return ended;
  } finally {
    await closeSession(client);
  }
}

async function retryFlows(
  client: pg.Client,
  { attempt, lease, updateId }: UpdateTask,
  { error, table }: Extract<FlowTableOutcome, { kind: 'failed' }>,
): Promise<UpdateOutcome> {
  const delaySeconds = retryDelaySeconds(attempt);
  await recordEvent(client, {
    level: 'WARN',
    type: 'flow_retried',
    syncedTable: table.fullName,
    pipelineId: lease.pipelineId,
    updateId,
    message: `Attempt ${attempt} of ${ATTEMPTS_MAX} failed, the next follows in ${delaySeconds} s: ${error.message}`,
    details: { error_code: error.code },
  });
  return { kind: 'retry', delaySeconds };
}
