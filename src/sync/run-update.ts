import type pg from 'pg';
import { errorCatalogue } from '../core/error-catalogue.js';
import type { SyncedTablesError } from '../core/errors.js';
import type { CatalogSet } from '../lake/catalog/catalog.js';
import type { Engine } from '../lake/engine/duckdb-engine.js';
import { readFlowPipeline } from '../postgres/flow-registry.js';
import { isLeaseHeld, type Lease } from '../postgres/lease.js';
import { readPipelineTables, recordEvent, writeTableState } from '../postgres/registry.js';
import { closeSession } from '../postgres/session.js';
import type { NextSnapshotAndVersion } from './auto-cdc/flow-program.js';
import { type FlowTableOutcome, recordFlowFailure, runFlowPipeline } from './auto-cdc/run-flow-pipeline.js';
import {
  explainIfDropped,
  recordTableFailure,
  runTableUpdate,
  type TableUpdateOptions,
  type TableUpdateOutcome,
} from './run-table-update.js';

export interface RunUpdateOptions {
  /** Opens a session as the sidecar's role. */
  readonly openSession: () => Promise<pg.Client>;
  readonly catalogs: CatalogSet;
  readonly engine: Engine;
  readonly lease: Lease;
  readonly updateId: string;
  readonly isFullRefresh: boolean;
  /** 1 for the first try. */
  readonly attempt: number;
  readonly connections: number;
  readonly signal: AbortSignal;
  readonly switchPatienceMs?: number;
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

/**
 * Runs one update of a pipeline: each of its tables in turn. A table that fails does not stop the others; the first
 * failure is the update's.
 */
export async function runUpdate(options: RunUpdateOptions): Promise<PipelineOutcome> {
  const client = await options.openSession();
  try {
    const pipeline = await readFlowPipeline(client, options.lease.pipelineId);
    if (pipeline !== null) {
      const outcomes = await runFlowPipeline({ ...options, pipeline });
      return worst(await endFlows(options, outcomes));
    }
    const tables = await readPipelineTables(client, options.lease.pipelineId);
    const outcomes: PipelineOutcome[] = [];
    for (const [place, table] of tables.entries()) {
      options.signal.throwIfAborted();
      outcomes.push(await runOne({ ...options, client, table, place }, options.attempt));
    }
    return worst(outcomes);
  } finally {
    await closeSession(client);
  }
}

/** Decides for each table that failed whether to try again, and writes down what is final. */
async function endFlows(
  options: RunUpdateOptions,
  outcomes: readonly FlowTableOutcome[],
): Promise<readonly PipelineOutcome[]> {
  if (outcomes.length === 0) return [{ kind: 'completed' }];
  const client = await options.openSession();
  try {
    const ended: PipelineOutcome[] = [];
    for (const outcome of outcomes) {
      if (outcome.kind !== 'failed') ended.push(outcome);
      else if (outcome.error.retry === 'timed' && options.attempt < ATTEMPTS_MAX) {
        ended.push(await retryFlows(client, options, outcome));
      } else {
        await recordFlowFailure(client, options, outcome.table, outcome.error);
        ended.push(outcome);
      }
    }
    return ended;
  } finally {
    await closeSession(client);
  }
}

async function retryFlows(
  client: pg.Client,
  { attempt, lease, updateId }: RunUpdateOptions,
  { error, table }: Extract<FlowTableOutcome, { kind: 'failed' }>,
): Promise<PipelineOutcome> {
  const delaySeconds = 2 ** (attempt - 1);
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

async function runOne(options: TableUpdateOptions, attempt: number): Promise<PipelineOutcome> {
  const outcome = await runTableUpdate(options);
  if (outcome.kind === 'done') return { kind: 'completed' };
  // The session at hand may be what failed.
  const client = await options.openSession();
  try {
    return await endFailed({ ...options, client }, outcome, attempt);
  } finally {
    await closeSession(client);
  }
}

async function endFailed(
  options: TableUpdateOptions,
  outcome: Exclude<TableUpdateOutcome, { kind: 'done' }>,
  attempt: number,
): Promise<PipelineOutcome> {
  const { client, table, lease } = options;
  // Deleted, or taken over: whoever did that has written what is to be said.
  if (!(await isLeaseHeld(client, lease))) return { kind: 'ended' };
  if (outcome.kind === 'rejected') {
    await reject(options, outcome.error);
    return { kind: 'ended' };
  }
  const error = (await explainIfDropped(client, table)) ?? outcome.error;
  if (error.retry === 'timed' && attempt < ATTEMPTS_MAX) return retryLater(options, error, attempt);
  await recordTableFailure(options, error);
  return { kind: 'failed', error };
}

/** Takes back a registration that never came to a table: nothing is left but the update's error and an event. */
async function reject(options: TableUpdateOptions, error: SyncedTablesError): Promise<void> {
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

async function retryLater(
  options: TableUpdateOptions,
  error: SyncedTablesError,
  attempt: number,
): Promise<PipelineOutcome> {
  const { client, table, lease, updateId } = options;
  const delaySeconds = 2 ** (attempt - 1);
  const message = `Attempt ${attempt} of ${ATTEMPTS_MAX} failed, the next follows in ${delaySeconds} s: ${error.message}`;
  const state =
    table.relation === null ? 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT' : 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED';
  await writeTableState(client, table.tableId, state, message, error.code);
  await recordEvent(client, {
    level: 'WARN',
    type: 'table_sync_retried',
    syncedTable: table.fullName,
    pipelineId: lease.pipelineId,
    updateId,
    message,
    details: { error_code: error.code },
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
