import type pg from 'pg';
import { ATTEMPTS_MAX, retryDelaySeconds } from '../core/backoff.js';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import type { SyncedTable } from '../core/synced-table.js';
import { type UpdateOutcome, worstOutcome } from '../core/update-outcome.js';
import { asRaisedError } from '../postgres/refusals/raised-error.js';
import { isLeaseHeld, requireLease } from '../postgres/registry/lease.js';
import { readFlowPipeline } from '../postgres/registry/streaming-tables.js';
import {
  readUpdateTables,
  recordEvent,
  rejectCreate,
  type UpdateTables,
  writeTableState,
} from '../postgres/registry/synced-tables.js';
import { applyChange, beginChange } from '../postgres/registry/table-changes.js';
import { recordTableUpdateRetry, recordTableUpdateStart } from '../postgres/registry/table-update-record.js';
import { endSession } from '../postgres/session/kept-sessions.js';
import { closeSession, inTransaction } from '../postgres/session/session.js';
import { endFlows } from './flows/end-flows.js';
import { runFlowPipeline } from './flows/run/run-flow-pipeline.js';
import type { NextSnapshotAndVersion } from './flows/source/snapshot-function.js';
import { explainIfDropped, recordChangeRefusal, recordTableFailure } from './task/table-failure.js';
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
      return worstOutcome(await endFlows(task, await runFlowPipeline({ ...task, pipeline, snapshotFunctions })));
    }
    const run = { ...task, client };
    const selected = await readUpdateTables(client, task.lease.pipelineId, task.updateId);
    if (selected.isChange) return runChange(run, selected);
    return worstOutcome(
      await runPass(run, selectTables(run, selected), (member, outcome) => settle(task, member, outcome)),
    );
  });
}

/** The tables that the update is for, in pipeline order. */
function selectTables({ isFullRefresh }: UpdateRun, { tables, selection }: UpdateTables): TableTask[] {
  const tasks = tables.map((table, place) => ({ table, place, lakeTable: null }));
  if (selection === null) return tasks.map((task) => ({ ...task, isFullRefresh }));
  return tasks.flatMap((task) => {
    const isAnew = selection.fullRefresh.includes(task.table.fullName);
    const isSelected = isAnew || selection.refresh.includes(task.table.fullName);
    return isSelected ? [{ ...task, isFullRefresh: isAnew }] : [];
  });
}

/** Changes the table that the update is for: its rows with its settings, or nothing. */
async function runChange(run: UpdateRun, selected: UpdateTables): Promise<UpdateOutcome> {
  const { client, updateId, lease } = run;
  const [task] = selectTables(run, selected);
  if (task === undefined) {
    const target = selected.selection?.refresh.join(', ') ?? '';
    return { kind: 'failed', error: syncedTablesError('SYNCED_TABLE_DELETED', { target }) };
  }
  await recordTableUpdateStart(client, updateId, task.table);
  try {
    const table = await beginChange(client, updateId, task.table.fullName);
    if (table.change.work !== 'settings') {
      const wanted = { ...task, table, isFullRefresh: table.change.work === 'copy' };
      return worstOutcome(await runPass(run, [wanted], (member, outcome) => settle(run, member, outcome)));
    }
    await inTransaction(client, async () => {
      await requireLease(client, lease, table.fullName);
      await applyChange(client, table.change);
    });
    return { kind: 'completed' };
  } catch (error) {
    run.signal.throwIfAborted();
    const known = asSyncedTablesError(error) ?? asRaisedError(error);
    if (known === null || known.retry === 'timed') throw error;
    await recordChangeRefusal(run, task.table, known);
    return { kind: 'failed', error: known };
  }
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
  if (outcome.kind === 'rejected' && !table.change) {
    await rejectCreate(client, updateId, table.tableId, outcome.error);
    return { kind: 'ended' };
  }
  const error = (await explainIfDropped(client, table)) ?? outcome.error;
  if (error.retry === 'timed' && attempt < ATTEMPTS_MAX) return retryLater(run, table, error);
  if (table.change && error.code !== 'SYNCED_TABLE_DROPPED') await recordChangeRefusal(run, table, error);
  else await recordTableFailure(run, table, error);
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
