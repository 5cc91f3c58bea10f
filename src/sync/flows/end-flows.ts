import type pg from 'pg';
import type { SyncedTablesError } from '../../core/errors.js';
import { recordEvent } from '../../postgres/registry.js';
import { closeSession } from '../../postgres/session.js';
import { type FlowPipelineOptions, type FlowTableOutcome, recordFlowFailure } from './run/run-flow-pipeline.js';

export interface EndFlowsOptions extends Pick<FlowPipelineOptions, 'openSession' | 'lease' | 'updateId'> {
  /** 1 for the first try. */
  readonly attempt: number;
  readonly attemptsMax: number;
}

type FlowsEnd =
  | { readonly kind: 'completed' | 'ended' }
  | { readonly kind: 'failed'; readonly error: SyncedTablesError }
  | { readonly kind: 'retry'; readonly delaySeconds: number };

/** Decides for each table that failed whether to try again, and writes down what is final. */
export async function endFlows(
  options: EndFlowsOptions,
  outcomes: readonly FlowTableOutcome[],
): Promise<readonly FlowsEnd[]> {
  if (outcomes.length === 0) return [{ kind: 'completed' }];
  const client = await options.openSession();
  try {
    const ended: FlowsEnd[] = [];
    for (const outcome of outcomes) {
      if (outcome.kind !== 'failed') ended.push(outcome);
      else if (outcome.error.retry === 'timed' && options.attempt < options.attemptsMax) {
        ended.push(await retryFlows(client, options, outcome));
      } else {
        await recordFlowFailure(client, options, outcome.table, outcome.error);
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
  { attempt, attemptsMax, lease, updateId }: EndFlowsOptions,
  { error, table }: Extract<FlowTableOutcome, { kind: 'failed' }>,
): Promise<FlowsEnd> {
  const delaySeconds = 2 ** (attempt - 1);
  await recordEvent(client, {
    level: 'WARN',
    type: 'flow_retried',
    syncedTable: table.fullName,
    pipelineId: lease.pipelineId,
    updateId,
    message: `Attempt ${attempt} of ${attemptsMax} failed, the next follows in ${delaySeconds} s: ${error.message}`,
    details: { error_code: error.code },
  });
  return { kind: 'retry', delaySeconds };
}
