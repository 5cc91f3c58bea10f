import type pg from 'pg';
import { ATTEMPTS_MAX, retryDelaySeconds } from '../core/backoff.js';
import type { SyncedTablesError } from '../core/errors.js';
import type { SyncedTable } from '../core/synced-table.js';
import type { UpdateOutcome } from '../core/update-outcome.js';
import { isLeaseHeld } from '../postgres/registry/lease.js';
import { readFlowPipeline } from '../postgres/registry/streaming-tables.js';
import { readUpdateTables, recordEvent, rejectCreate, writeTableState } from '../postgres/registry/synced-tables.js';
import { recordTableUpdateRetry } from '../postgres/registry/table-update-record.js';
import { endSession } from '../postgres/session/kept-sessions.js';
import { closeSession } from '../postgres/session/session.js';
import { endFlows } from './flows/end-flows.js';
import { runFlowPipeline } from './flows/run/run-flow-pipeline.js';
import type { NextSnapshotAndVersion } from './flows/source/snapshot-function.js';
import { explainIfDropped, recordTableFailure } from './task/table-failure.js';
import type { TableTask, UpdateRun, UpdateTask } from './task/update-task.js';
import { runPass } from './update/run-pass.js';
import type { TableOutcome } from './update/run-table.js';

/** What only updates with an end of their own use. */
export interface UpdateEnd {
  /** Returns a session that has finished its work. */
  readonly giveBack: (client: pg.Client) => Promise<void>;
  /** The snapshot functions of the program that runs the update, by flow. */
  readonly snapshotFunctions?: ReadonlyMap<string, NextSnapshotAndVersion> | undefined;
}

/** Runs one update of a pipeline: one pass over its tables. The update reports the first failure. */
export async function runUpdate(
  task: UpdateTask,
  { giveBack, snapshotFunctions = new Map() }: UpdateEnd,
): Promise<UpdateOutcome> {
  const client = await task.openSession();
  return endSession(client, giveBack, async () => {
    if (task.kind === 'FLOWS') {
      const pipeline = await readFlowPipeline(client, task.lease.pipelineId);
      if (pipeline === null) return { kind: 'ended' }; // deleted
      return worst(await endFlows(task, await runFlowPipeline({ ...task, pipeline, snapshotFunctions })));
    }
    const run = { ...task, client };
    return worst(await runPass(run, await selectTables(run), (member, outcome) => settle(task, member, outcome)));
  });
}

/** The tables that the update is for, in pipeline order. */
async function selectTables({ client, lease, updateId, isFullRefresh }: UpdateRun): Promise<TableTask[]> {
  const { tables, selection } = await readUpdateTables(client, lease.pipelineId, updateId);
  const tasks = tables.map((table, place) => ({ table, place, lakeTable: null }));
  if (selection === null) return tasks.map((task) => ({ ...task, isFullRefresh }));
  return tasks.flatMap((task) => {
    const isAnew = selection.fullRefresh.includes(task.table.fullName);
    const isSelected = isAnew || selection.refresh.includes(task.table.fullName);
    return isSelected ? [{ ...task, isFullRefresh: isAnew }] : [];
  });
}

async function settle(task: UpdateTask, { table }: TableTask, outcome: TableOutcome): Promise<UpdateOutcome> {
  if (outcome.kind === 'done') return { kind: 'completed' };
  // Nothing was wrong with the table: the update waits its turn.
  if (outcome.error.code === 'POSTGRES_CONNECTIONS_TAKEN') throw outcome.error;
  // The current session may be what failed.
  const client = await task.openSession();
  try {
    return await endFailed({ ...task, client }, table, outcome);
  } finally {
    await closeSession(client);
  }
}

async function endFailed(
  run: UpdateRun,
  table: SyncedTable,
  outcome: Exclude<TableOutcome, { kind: 'done' }>,
): Promise<UpdateOutcome> {
  const { client, lease, updateId, attempt } = run;
  // Deleted, or taken over: the end of the update is already recorded.
  if (!(await isLeaseHeld(client, lease))) return { kind: 'ended' };
  if (outcome.kind === 'rejected') {
    await rejectCreate(client, updateId, table.tableId, outcome.error);
    return { kind: 'ended' };
  }
  const error = (await explainIfDropped(client, table)) ?? outcome.error;
  if (error.retry === 'timed' && attempt < ATTEMPTS_MAX) return retryLater(run, table, error);
  await recordTableFailure(run, table, error);
  return { kind: 'failed', error };
}

async function retryLater(run: UpdateRun, table: SyncedTable, error: SyncedTablesError): Promise<UpdateOutcome> {
  const { client, lease, updateId, attempt } = run;
  const delaySeconds = retryDelaySeconds(attempt);
  const message = `Attempt ${attempt} of ${ATTEMPTS_MAX} failed, the next follows in ${delaySeconds} s: ${error.message}`;
  const state =
    table.relation === null
      ? 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT'
      : 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES';
  await writeTableState(client, table.tableId, state, message, error);
  await recordTableUpdateRetry(client, updateId, table.tableId, { error, failedAttempts: attempt, delaySeconds });
  await recordEvent(client, {
    level: 'WARN',
    type: 'table_sync_retried',
    syncedTable: table.fullName,
    pipelineId: lease.pipelineId,
    updateId,
    message,
    details: { error_code: error.code, attempt, attempts_max: ATTEMPTS_MAX, delay_seconds: delaySeconds },
  });
  return { kind: 'retry', delaySeconds };
}

/** A retry applies to the whole update; tables that are done will find their version unchanged. */
function worst(outcomes: readonly UpdateOutcome[]): UpdateOutcome {
  const order = ['retry', 'failed', 'ended', 'completed'] as const;
  for (const kind of order) {
    const found = outcomes.find((outcome) => outcome.kind === kind);
    if (found) return found;
  }
  return { kind: 'ended' };
}
