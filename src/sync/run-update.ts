import type pg from 'pg';
import { errorCatalogue } from '../core/error-catalogue.js';
import type { SyncedTablesError } from '../core/errors.js';
import type { SyncedTable } from '../core/synced-table.js';
import type { Engine } from '../lake/engine/duckdb-engine.js';
import { readFlowPipeline } from '../postgres/flow-registry.js';
import { endSession } from '../postgres/kept-sessions.js';
import { isLeaseHeld } from '../postgres/lease.js';
import { readPipelineTables, recordEvent, writeTableState } from '../postgres/registry.js';
import { closeSession } from '../postgres/session.js';
import { recordTableUpdateRetry } from '../postgres/table-update-record.js';
import { readUpdateSelection, type UpdateSelection } from '../postgres/update-selection.js';
import { endFlows } from './flows/end-flows.js';
import { runFlowPipeline } from './flows/run/run-flow-pipeline.js';
import type { NextSnapshotAndVersion } from './flows/source/snapshot-function.js';
import type { PassMember, PassOptions } from './pass-member.js';
import { runPass } from './run-pass.js';
import { explainIfDropped, recordTableFailure, type TableUpdateOutcome } from './run-table-update.js';

export interface RunUpdateOptions extends Omit<PassOptions, 'client'> {
  /** 1 for the first try. */
  readonly attempt: number;
  readonly engine: Engine;
  /** Ends a session that has come to the end of its work. */
  readonly giveBack: (client: pg.Client) => Promise<void>;
  /** The functions of the program that runs the update, which give snapshots; by flow. */
  readonly snapshotFunctions?: ReadonlyMap<string, NextSnapshotAndVersion>;
}

export type PipelineOutcome =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly error: SyncedTablesError }
  | { readonly kind: 'retry'; readonly delaySeconds: number }
  | { readonly kind: 'ended' };

/** Tries of an update whose failure may pass by itself; the pauses between them add up to about half a minute. */
const ATTEMPTS_MAX = 6;

/** Runs one update of a pipeline: one pass over its tables. The first failure is the update's. */
export async function runUpdate(options: RunUpdateOptions): Promise<PipelineOutcome> {
  const client = await options.openSession();
  return endSession(client, options.giveBack, async () => {
    const pipeline = await readFlowPipeline(client, options.lease.pipelineId);
    if (pipeline !== null) {
      const outcomes = await runFlowPipeline({ ...options, pipeline });
      return worst(await endFlows({ ...options, attemptsMax: ATTEMPTS_MAX }, outcomes));
    }
    const tables = await readPipelineTables(client, options.lease.pipelineId);
    const selection = await readUpdateSelection(client, options.updateId);
    const members = tables
      .map((table, place) => ({ table, place, lakeTable: null, ...selected(table, selection) }))
      .filter(({ isSelected }) => isSelected);
    const pass = { ...options, client };
    return worst(await runPass(pass, members, (member, outcome) => settle(options, member, outcome)));
  });
}

function selected({ fullName }: SyncedTable, selection: UpdateSelection | null) {
  if (selection === null) return { isSelected: true };
  const isFullRefresh = selection.fullRefresh.includes(fullName);
  return { isSelected: isFullRefresh || selection.refresh.includes(fullName), isFullRefresh };
}

async function settle(
  options: RunUpdateOptions,
  member: PassMember,
  outcome: TableUpdateOutcome,
): Promise<PipelineOutcome> {
  if (outcome.kind === 'done') return { kind: 'completed' };
  // The session at hand may be what failed.
  const client = await options.openSession();
  try {
    return await endFailed({ ...options, client, ...member }, outcome);
  } finally {
    await closeSession(client);
  }
}

type FailedTable = RunUpdateOptions & PassOptions & PassMember;

async function endFailed(
  options: FailedTable,
  outcome: Exclude<TableUpdateOutcome, { kind: 'done' }>,
): Promise<PipelineOutcome> {
  const { client, table, lease, attempt } = options;
  // Deleted, or taken over: whoever did that has written what is to be said.
  if (!(await isLeaseHeld(client, lease))) return { kind: 'ended' };
  if (outcome.kind === 'rejected') {
    await reject(options, outcome.error);
    return { kind: 'ended' };
  }
  const error = (await explainIfDropped(client, table)) ?? outcome.error;
  if (error.retry === 'timed' && attempt < ATTEMPTS_MAX) return retryLater(options, error);
  await recordTableFailure(options, error);
  return { kind: 'failed', error };
}

/** Takes back a registration that never came to a table: nothing is left but the update's error and an event. */
async function reject(options: FailedTable, error: SyncedTablesError): Promise<void> {
  const { sqlState } = errorCatalogue[error.code];
  await options.client.query('select synced_tables._reject_create($1, $2, $3, $4, $5, $6)', [
    options.table.tableId,
    options.updateId,
    error.code,
    error.message,
    error.remedy,
    sqlState,
  ]);
}

async function retryLater(options: FailedTable, error: SyncedTablesError): Promise<PipelineOutcome> {
  const { client, table, lease, updateId, attempt } = options;
  const delaySeconds = 2 ** (attempt - 1);
  const message = `Attempt ${attempt} of ${ATTEMPTS_MAX} failed, the next follows in ${delaySeconds} s: ${error.message}`;
  const state =
    table.relation === null
      ? 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT'
      : 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES';
  await writeTableState(client, table.tableId, state, message, error.code);
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

/** A retry concerns the whole update; tables that are done already find their version unchanged. */
function worst(outcomes: readonly PipelineOutcome[]): PipelineOutcome {
  const order = ['retry', 'failed', 'ended', 'completed'] as const;
  for (const kind of order) {
    const found = outcomes.find((outcome) => outcome.kind === kind);
    if (found) return found;
  }
  return { kind: 'ended' };
}
