import type pg from 'pg';
import { applyEventBatch } from '../../cdc/apply-event-batch.js';
import { applySnapshot } from '../../cdc/apply-snapshot.js';
import { requireAgreement } from '../../cdc/declare/agree-flows.js';
import { declareFlow } from '../../cdc/declare/declare-flow.js';
import { requireDeclaredColumns } from '../../cdc/declare/declared-columns.js';
import type { DeclaredFlow, FlowOptions } from '../../cdc/declare/flow-options.js';
import type { FlowSource, StreamingTableDeclaration } from '../../cdc/declare/pipeline-declaration.js';
import type { FlowTarget } from '../../cdc/declare/resolve-flow.js';
import { createStaging } from '../../cdc/stage-events.js';
import { createStreamingTarget, readFlowPosition, resetStreamingTarget } from '../../cdc/streaming-target.js';
import type { AutoCdcMetrics, AutoCdcPosition } from '../../core/auto-cdc-engine.js';
import { type AutoCdcFlow, stagingColumns } from '../../core/auto-cdc-flow.js';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import { openCopyStream } from '../../lake/engine/copy-stream.js';
import type { Engine } from '../../lake/engine/duckdb-engine.js';
import { copyIn } from '../../postgres/copy-in.js';
import {
  type RegisteredFlow,
  type RegisteredPipeline,
  recordFlowBatch,
  type StreamingTable,
  writeStreamingRelation,
} from '../../postgres/flow-registry.js';
import { type Lease, requireLease } from '../../postgres/lease.js';
import { explainFlowError } from './explain-flow-error.js';
import type { NextSnapshotAndVersion } from './flow-program.js';
import type { OpenedFlowSource, SourcePosition } from './flow-source.js';
import { openFlowSource } from './open-flow-source.js';
import { openSnapshot } from './open-snapshot.js';
import { planChangeStaging, planSnapshotStaging, type StagingPlan } from './plan-staging.js';
import { readSnapshotVersion, toSnapshotVersion } from './snapshot-version.js';

export interface FlowTableOptions {
  readonly client: pg.Client;
  readonly engine: Engine;
  readonly catalogs: CatalogSet;
  readonly lease: Lease;
  readonly updateId: string;
  readonly isFullRefresh: boolean;
  readonly pipeline: RegisteredPipeline;
  readonly table: StreamingTable;
  /** The functions that give snapshots, by flow; only where the program that declared them runs the update. */
  readonly snapshotFunctions: ReadonlyMap<string, NextSnapshotAndVersion>;
  readonly signal: AbortSignal;
}

/** What an update did to a streaming table, for people. */
export interface FlowTableResult {
  readonly batches: number;
  readonly ties: bigint;
}

/** A flow that takes part in this update, opened. */
interface OpenedFlow {
  readonly declared: DeclaredFlow;
  readonly registered: RegisteredFlow;
  readonly position: AutoCdcPosition;
  readonly source: OpenedFlowSource;
  readonly plan: StagingPlan;
}

const TIMESTAMP = { kind: 'timestamp' } as const;
const NO_POSITION: AutoCdcPosition = { batchId: 0n, position: null, snapshotVersion: null };

/** Brings one streaming table up to date: each of its flows once, each batch in a transaction of its own. */
export async function runFlowTable(options: FlowTableOptions): Promise<FlowTableResult> {
  const { table } = options;
  const counted = { batches: 0, ties: 0n };
  const declared = table.flows.map((flow) => ({
    flow,
    declared: declareFlow(flow.name, flow.kind, flow.options as FlowOptions),
  }));
  requireOneSnapshotFlow(table);
  const byFunction = declared.find(({ flow }) => (flow.source as FlowSource).kind === 'function');
  if (byFunction !== undefined) return runSnapshotFunction(options, byFunction.declared);
  const opened: OpenedFlow[] = [];
  try {
    for (const { flow, declared: checked } of declared) {
      const position = await storedPosition(options, flow.name);
      if (checked.once && position.batchId > 0n) continue;
      opened.push(await openFlow(options, checked, flow, position));
    }
    await prepareTarget(
      options,
      opened.map(({ plan }) => plan.flow),
    );
    for (const flow of opened) {
      options.signal.throwIfAborted();
      const metrics = await runOpened(options, flow);
      if (metrics === null) continue;
      counted.batches += 1;
      counted.ties += metrics.ties;
    }
    return counted;
  } finally {
    for (const { source } of opened.reverse()) await source[Symbol.asyncDispose]();
  }
}

/** Known without a look at any source. */
function requireOneSnapshotFlow({ flows, fullName }: StreamingTable): void {
  const [first, second] = flows;
  if (first === undefined || second === undefined || flows.every((flow) => flow.kind === 'changes')) return;
  const names = { flow: first.name, other: second.name, target: fullName };
  throw syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.MULTIPLE_QUERIES_FOR_TABLE', names);
}

function targetOf({ table }: FlowTableOptions): FlowTarget {
  const { tombstoneSeconds } = table.declared as StreamingTableDeclaration;
  return {
    schema: table.schema,
    table: table.name,
    fullName: table.fullName,
    createdBy: table.createdBy,
    tombstoneSeconds: tombstoneSeconds ?? null,
  };
}

/** How far a flow is; nowhere if the target is yet to be made, or made anew. */
async function storedPosition({ client, table, isFullRefresh }: FlowTableOptions, flowName: string) {
  if (isFullRefresh) return NO_POSITION;
  try {
    return await readFlowPosition(client, {
      flowName,
      schema: table.schema,
      table: table.name,
      fullName: table.fullName,
    });
  } catch (error) {
    if (asSyncedTablesError(error)?.code === 'AUTOCDC_TARGET_NOT_FOUND') return NO_POSITION;
    throw error;
  }
}

async function openFlow(
  options: FlowTableOptions,
  declared: DeclaredFlow,
  registered: RegisteredFlow,
  position: AutoCdcPosition,
): Promise<OpenedFlow> {
  const { client, engine, catalogs, pipeline, table } = options;
  const isSnapshot = declared.kind === 'snapshot';
  const source = await openFlowSource({
    client,
    engine,
    catalogs,
    flow: declared.name,
    declaredBy: registered.createdBy,
    source: registered.source as Exclude<FlowSource, { kind: 'function' }>,
    views: pipeline.views,
    isSnapshot,
    position: position.position as SourcePosition | null,
  });
  try {
    const plan = isSnapshot
      ? planSnapshotStaging(declared, targetOf(options), source, TIMESTAMP)
      : await planChangeStaging(declared, targetOf(options), source);
    requireDeclaredColumns(plan.flow, (table.declared as StreamingTableDeclaration).columns ?? null);
    return { declared, registered, position, source, plan };
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw explainFlowError(error, table.fullName, null);
  }
}

/** @throws AUTOCDC_MULTIPLE_FLOWS_TO_TARGET, AUTOCDC_INVALID_STATE.* */
async function prepareTarget(options: FlowTableOptions, flows: readonly AutoCdcFlow[]): Promise<void> {
  const { client, table, isFullRefresh } = options;
  requireAgreement(flows);
  const [first] = flows;
  if (first === undefined) return;
  if (isFullRefresh) await resetStreamingTarget(client, first);
  else for (const flow of flows) await createStreamingTarget(client, flow);
  await writeStreamingRelation(client, table);
}

async function runOpened(options: FlowTableOptions, opened: OpenedFlow): Promise<AutoCdcMetrics | null> {
  const { client, table } = options;
  const { plan, source, position, declared } = opened;
  const { flow } = plan;
  if (position.batchId > 0n && !source.hasNews && declared.kind === 'changes') return null;
  try {
    const staging = await stage(options, plan, source);
    const shared = { client, flow, staging, position: source.position };
    if (declared.kind === 'changes') {
      const finish = finisher(options, true);
      return await applyEventBatch({ ...shared, batchId: position.batchId + 1n, finish });
    }
    return await applySnapshot({ ...shared, version: await ingestionTime(client), finish: finisher(options, false) });
  } catch (error) {
    options.signal.throwIfAborted();
    throw explainFlowError(error, table.fullName, flow);
  }
}

/** Microseconds count: two snapshots may follow each other at once. */
async function ingestionTime(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ now: string }>('select clock_timestamp()::text as now');
  return rows[0]?.now ?? '';
}

/** What belongs to the transaction of a batch: proof that the update is still ours, and its record. */
function finisher({ client, lease, updateId, table }: FlowTableOptions, hasMetrics: boolean) {
  return async (metrics: AutoCdcMetrics): Promise<void> => {
    await requireLease(client, lease, table.fullName);
    await recordFlowBatch(client, updateId, table, hasMetrics ? metrics : null);
    await client.query('select pg_notify($1, $2)', [
      'synced_table_updates',
      JSON.stringify({
        table: table.fullName,
        version: metrics.commitVersion === null ? null : Number(metrics.commitVersion),
        method: 'AUTO_CDC',
        rows_written: Number(metrics.numUpsertedRows),
        rows_deleted: Number(metrics.numDeletedRows),
      }),
    ]);
  };
}

/** Copies what the source has into the staging table. */
async function stage(
  { client, engine, signal }: FlowTableOptions,
  { flow, select }: StagingPlan,
  source: Pick<OpenedFlowSource, 'connection'> & { readonly rowCount?: bigint | null },
): Promise<string> {
  const staging = await createStaging(client, flow);
  const columns = stagingColumns(flow).map(({ name }) => quoteIdentifier(name));
  const interrupt = () => source.connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    const stream = await openCopyStream(source.connection, select, 'text', engine.scratchFolder);
    const { rows } = await copyIn(client, `copy ${staging} (${columns.join(', ')}) from stdin`, stream);
    const written = await stream.finished;
    const expected = source.rowCount ?? written;
    if (rows !== written || rows !== expected) {
      throw new Error(`of ${expected} rows, ${written} were read and ${rows} staged`);
    }
    return staging;
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

/** Asks the program for snapshots until it has no more; each is committed before the next one is asked for. */
async function runSnapshotFunction(options: FlowTableOptions, declared: DeclaredFlow): Promise<FlowTableResult> {
  const next = options.snapshotFunctions.get(declared.name);
  if (next === undefined) {
    throw syncedTablesError('FLOW_SOURCE_UNFIT', {
      flow: declared.name,
      source: 'a function',
      reason: 'its snapshots come from the program that declared it',
      hint: 'Run that program.',
    });
  }
  let position = await storedPosition(options, declared.name);
  if (declared.once && position.batchId > 0n) return { batches: 0, ties: 0n };
  let isToReset = options.isFullRefresh;
  for (let batches = 0; ; batches += 1) {
    options.signal.throwIfAborted();
    const kind = (position.position as { versionKind?: string } | null)?.versionKind ?? null;
    const last = position.snapshotVersion === null ? null : toSnapshotVersion(position.snapshotVersion, kind);
    const snapshot: unknown = await next(last);
    if (snapshot === null) {
      if (position.snapshotVersion === null) throw firstEmpty(options);
      return { batches, ties: 0n };
    }
    if (typeof snapshot !== 'object' || !('version' in snapshot)) {
      const what = snapshot === undefined ? 'nothing' : `${typeof snapshot} without a version`;
      throw syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.INVALID_SNAPSHOT_VERSION', {
        flow: declared.name,
        what,
      });
    }
    const version = readSnapshotVersion(declared.name, snapshot.version, kind);
    const opened = await openSnapshot({ ...options, flow: declared.name }, snapshot as never);
    await using _ = opened;
    const plan = planSnapshotStaging(declared, targetOf(options), opened, version.type);
    const { table, client } = options;
    requireDeclaredColumns(plan.flow, (table.declared as StreamingTableDeclaration).columns ?? null);
    await prepareTarget({ ...options, isFullRefresh: isToReset }, [plan.flow]);
    isToReset = false;
    try {
      const staging = await stage(options, plan, opened);
      const finish = finisher(options, false);
      const next = { versionKind: version.kind };
      await applySnapshot({ client, flow: plan.flow, staging, version: version.text, position: next, finish });
    } catch (error) {
      throw explainFlowError(error, table.fullName, plan.flow);
    }
    position = await readFlowPosition(client, plan.flow);
  }
}

function firstEmpty({ table }: FlowTableOptions) {
  return syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.FIRST_SNAPSHOT_EMPTY', { target: table.fullName });
}
