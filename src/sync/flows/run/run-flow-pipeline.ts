import type pg from 'pg';
import type { SyncedTablesError } from '../../../core/errors.js';
import type { CatalogSet } from '../../../lake/catalog/catalog.js';
import type { Engine } from '../../../lake/engine/duckdb-engine.js';
import { isLeaseHeld, type Lease } from '../../../postgres/registry/lease.js';
import {
  DeclaredAnew,
  markStreamingTable,
  type RegisteredPipeline,
  readFlowPipeline,
  recordFlowUpdateEnd,
  recordFlowUpdateStart,
  type StreamingTable,
  writeStreamingLag,
  writeStreamingTableState,
} from '../../../postgres/registry/streaming-tables.js';
import { recordEvent } from '../../../postgres/registry/synced-tables.js';
import { closeSession } from '../../../postgres/session/session.js';
import { explainAnyError } from '../../source/load-errors.js';
import type { NextSnapshotAndVersion } from '../source/snapshot-function.js';
import { explainFlowError } from '../staging/explain-flow-error.js';
import type { FlowTableResult } from './flow-table-options.js';
import { runFlowTable } from './run-flow-table.js';

export interface FlowPipelineOptions {
  readonly openSession: () => Promise<pg.Client>;
  readonly engine: Engine;
  readonly catalogs: CatalogSet;
  readonly lease: Lease;
  readonly updateId: string;
  readonly isFullRefresh: boolean;
  /** Whether the flows are only checked against their sources. */
  readonly isValidation: boolean;
  readonly pipeline: RegisteredPipeline;
  readonly snapshotFunctions?: ReadonlyMap<string, NextSnapshotAndVersion>;
  readonly signal: AbortSignal;
}

export type FlowTableOutcome =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly error: SyncedTablesError; readonly table: StreamingTable }
  | { readonly kind: 'ended' };

/** Runs the flows of a pipeline, table by table. A table that fails does not stop the others. */
export async function runFlowPipeline(options: FlowPipelineOptions): Promise<FlowTableOutcome[]> {
  const outcomes: FlowTableOutcome[] = [];
  for (const table of options.pipeline.tables) {
    options.signal.throwIfAborted();
    // One session per table: a failed one may leave its session in any state.
    const client = await options.openSession();
    try {
      outcomes.push(await runTable(options, table, client));
    } finally {
      await closeSession(client);
    }
  }
  return outcomes;
}

async function runTable(
  options: FlowPipelineOptions,
  table: StreamingTable,
  client: pg.Client,
): Promise<FlowTableOutcome> {
  const { updateId, lease } = options;
  try {
    await recordFlowUpdateStart(client, updateId, table);
    if (options.isValidation) return await validateTable(options, table, client);
    const running = table.isMade
      ? 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE'
      : 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT';
    await writeStreamingTableState(client, table.tableId, running, 'Its flows are being run.');
    const result = await runAsDeclared(options, table, client);
    if (result === null) return { kind: 'completed' };
    await recordFlowUpdateEnd(client, updateId, table, null);
    await markStreamingTable(client, table.tableId, false);
    await writeStreamingLag(client, table.tableId, false);
    const state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE';
    await writeStreamingTableState(client, table.tableId, state, 'All that its sources had is applied.');
    await reportEnd(client, options, table, result);
    return { kind: 'completed' };
  } catch (cause) {
    options.signal.throwIfAborted();
    const explained = explainFlowError(cause, table.fullName, null);
    const error = explainAnyError(explained, { fullName: table.fullName, source: table.fullName });
    return (await isHeld(options, lease)) ? { kind: 'failed', error, table } : { kind: 'ended' };
  }
}

/** Checks the flows of a table, which stays as it is, and so does what is said of it. */
async function validateTable(
  options: FlowPipelineOptions,
  table: StreamingTable,
  client: pg.Client,
): Promise<FlowTableOutcome> {
  const { updateId, lease } = options;
  if ((await runAsDeclared(options, table, client)) === null) return { kind: 'completed' };
  await recordFlowUpdateEnd(client, updateId, table, null);
  await recordEvent(client, {
    level: 'INFO',
    type: 'flow_validated',
    syncedTable: table.fullName,
    pipelineId: lease.pipelineId,
    updateId,
    message: `The flows of ${table.fullName} fit their sources; nothing was written.`,
  });
  return { kind: 'completed' };
}

/** Runs the flows as declared at commit time. Null if the table no longer exists. */
async function runAsDeclared(
  options: FlowPipelineOptions,
  { tableId }: StreamingTable,
  client: pg.Client,
): Promise<FlowTableResult | null> {
  const snapshotFunctions = options.snapshotFunctions ?? new Map<string, NextSnapshotAndVersion>();
  for (;;) {
    // Tables before this one may have taken a long time.
    const pipeline = await readFlowPipeline(client, options.lease.pipelineId);
    const table = pipeline?.tables.find((each) => each.tableId === tableId);
    if (!pipeline || !table) return null;
    try {
      return await runFlowTable({ ...options, client, pipeline, table, snapshotFunctions });
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof DeclaredAnew)) throw error;
    }
  }
}

async function isHeld({ openSession }: FlowPipelineOptions, lease: Lease): Promise<boolean> {
  const client = await openSession();
  try {
    return await isLeaseHeld(client, lease);
  } finally {
    await closeSession(client);
  }
}

async function reportEnd(
  client: pg.Client,
  { updateId, lease }: FlowPipelineOptions,
  table: StreamingTable,
  { batches, ties }: FlowTableResult,
): Promise<void> {
  const event = { syncedTable: table.fullName, pipelineId: lease.pipelineId, updateId };
  const message =
    batches === 0 ? `${table.fullName} had nothing to apply.` : `${table.fullName}: ${batches} batches applied.`;
  await recordEvent(client, { ...event, level: 'INFO', type: 'flows_applied', message });
  await reportTies(client, { updateId, lease }, table, { batches, ties });
}

/** Warns about changes of one key that share a sequence value. */
export async function reportTies(
  client: pg.Client,
  { updateId, lease }: Pick<FlowPipelineOptions, 'updateId' | 'lease'>,
  table: StreamingTable,
  { ties }: FlowTableResult,
): Promise<void> {
  if (ties === 0n) return;
  await recordEvent(client, {
    syncedTable: table.fullName,
    pipelineId: lease.pipelineId,
    updateId,
    level: 'WARN',
    type: 'sequence_ties',
    message: `${table.fullName}: ${ties} changes share key and sequence with a different change; the greater row was kept.`,
  });
}

/** Records a failure where users look: the table's state, the update's record and the events. */
export async function recordFlowFailure(
  client: pg.Client,
  { updateId, lease, isValidation }: Pick<FlowPipelineOptions, 'updateId' | 'lease' | 'isValidation'>,
  table: StreamingTable,
  error: SyncedTablesError,
): Promise<void> {
  await recordFlowUpdateEnd(client, updateId, table, error);
  // What was only checked is as it was before.
  if (!isValidation) {
    const state = table.isMade ? 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED' : 'SYNCED_TABLE_OFFLINE_FAILED';
    await writeStreamingTableState(client, table.tableId, state, `${error.message} ${error.remedy}`, error);
    // Failures that may pass are left to the sidecar following the pipeline.
    await markStreamingTable(client, table.tableId, error.retry !== 'timed');
  }
  await recordEvent(client, {
    level: 'ERROR',
    type: 'flow_failed',
    syncedTable: table.fullName,
    pipelineId: lease.pipelineId,
    updateId,
    message: error.message,
    details: { error_code: error.code, remedy: error.remedy },
  });
}
