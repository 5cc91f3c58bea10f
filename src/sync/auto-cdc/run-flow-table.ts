import type pg from 'pg';
import { applyEventBatch } from '../../cdc/apply-event-batch.js';
import { applySnapshot, requireSomeSnapshot } from '../../cdc/apply-snapshot.js';
import { declareFlow } from '../../cdc/declare/declare-flow.js';
import { requireDeclaredColumns } from '../../cdc/declare/declared-columns.js';
import type { DeclaredFlow, FlowOptions } from '../../cdc/declare/flow-options.js';
import type { FlowSource, StreamingTableDeclaration } from '../../cdc/declare/pipeline-declaration.js';
import { createStaging } from '../../cdc/stage-events.js';
import { readFlowPosition } from '../../cdc/streaming-target.js';
import type { AutoCdcMetrics, AutoCdcPosition } from '../../core/auto-cdc-engine.js';
import { stagingColumns } from '../../core/auto-cdc-flow.js';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import { openCopyStream } from '../../lake/engine/copy-stream.js';
import { copyIn } from '../../postgres/copy-in.js';
import type { RegisteredFlow, StreamingTable } from '../../postgres/flow-registry.js';
import { explainFlowError } from './explain-flow-error.js';
import { explainFlowValue } from './explain-flow-value.js';
import type { OpenedFlowSource, SourcePosition } from './flow-source.js';
import type { FlowTableOptions } from './flow-table-options.js';
import { FlowTarget } from './flow-target.js';
import { openFlowSource } from './open-flow-source.js';
import { openSnapshot } from './open-snapshot.js';
import { planChangeStaging, planSnapshotStaging, type StagingPlan } from './plan-staging.js';
import { readSnapshotVersion, toSnapshotVersion } from './snapshot-version.js';

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

/**
 * Brings one streaming table up to date: each of its flows once, each batch in a transaction of its own.
 * @throws DeclaredAnew when what was read is not to be applied any more; nothing of it is
 */
export async function runFlowTable(options: FlowTableOptions): Promise<FlowTableResult> {
  const { table } = options;
  const counted = { batches: 0, ties: 0n };
  const declared = table.flows.map((flow) => ({
    flow,
    declared: declareFlow(flow.name, flow.kind, flow.options as FlowOptions),
  }));
  requireOneSnapshotFlow(table);
  const target = await FlowTarget.of(options);
  const byFunction = declared.find(({ flow }) => (flow.source as FlowSource).kind === 'function');
  if (byFunction !== undefined) return runSnapshotFunction(options, target, byFunction.declared);
  const opened: OpenedFlow[] = [];
  try {
    for (const { flow, declared: checked } of declared) {
      const position = await target.position(flow.name);
      if (checked.once && position.batchId > 0n) continue;
      opened.push(await openFlow(options, target, checked, flow, position));
    }
    await target.prepare(opened.map(({ plan }) => plan.flow));
    for (const flow of opened) {
      options.signal.throwIfAborted();
      const metrics = await runOpened(options, target, flow);
      if (metrics === null) continue;
      counted.batches += 1;
      counted.ties += metrics.ties;
    }
    await target.publish();
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

async function openFlow(
  options: FlowTableOptions,
  target: FlowTarget,
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
      ? planSnapshotStaging(declared, target.names, source, TIMESTAMP, target.stored)
      : await planChangeStaging(declared, target.names, source, target.stored);
    requireDeclaredColumns(plan.flow, (table.declared as StreamingTableDeclaration).columns ?? null);
    return { declared, registered, position, source, plan };
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw explainFlowError(error, table.fullName, null);
  }
}

async function runOpened(
  options: FlowTableOptions,
  target: FlowTarget,
  { plan, source, position, declared }: OpenedFlow,
): Promise<AutoCdcMetrics | null> {
  const { client, table } = options;
  const flow = target.flow(plan.flow);
  if (position.batchId > 0n && !source.hasNews && declared.kind === 'changes') return null;
  try {
    const staging = await stage(options, plan, source);
    const shared = { client, flow, staging, position: source.position };
    if (declared.kind === 'changes') {
      const finish = target.finisher(true);
      return await applyEventBatch({ ...shared, batchId: position.batchId + 1n, finish });
    }
    return await applySnapshot({ ...shared, version: await ingestionTime(client), finish: target.finisher(false) });
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

/** Copies what the source has into the staging table. */
async function stage(
  { client, engine, signal }: FlowTableOptions,
  plan: StagingPlan,
  source: Pick<OpenedFlowSource, 'connection' | 'select'> & { readonly rowCount?: bigint | null },
): Promise<string> {
  const staging = await createStaging(client, plan.flow);
  const columns = stagingColumns(plan.flow).map(({ name }) => quoteIdentifier(name));
  const interrupt = () => source.connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    const stream = await openCopyStream(source.connection, plan.select, 'text', engine.scratchFolder);
    const { rows } = await copyIn(client, `copy ${staging} (${columns.join(', ')}) from stdin`, stream);
    const written = await stream.finished;
    const expected = source.rowCount ?? written;
    if (rows !== written || rows !== expected) {
      throw new Error(`of ${expected} rows, ${written} were read and ${rows} staged`);
    }
    return staging;
  } catch (error) {
    signal.throwIfAborted();
    throw await explainFlowValue(error, plan, source);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

/** Asks the program for snapshots until it has no more; each is committed before the next one is asked for. */
async function runSnapshotFunction(
  options: FlowTableOptions,
  target: FlowTarget,
  declared: DeclaredFlow,
): Promise<FlowTableResult> {
  const next = options.snapshotFunctions.get(declared.name);
  if (next === undefined) {
    throw syncedTablesError('FLOW_SOURCE_UNFIT', {
      flow: declared.name,
      source: 'a function',
      reason: 'its snapshots come from the program that declared it',
      hint: 'Run that program.',
    });
  }
  let position = await target.position(declared.name);
  if (declared.once && position.batchId > 0n) return { batches: 0, ties: 0n };
  for (let batches = 0; ; batches += 1) {
    options.signal.throwIfAborted();
    const kind = (position.position as { versionKind?: string } | null)?.versionKind ?? null;
    const last = position.snapshotVersion === null ? null : toSnapshotVersion(position.snapshotVersion, kind);
    const snapshot = await askFor(declared.name, () => next(last));
    if (snapshot === null) {
      requireSomeSnapshot(options.table.fullName, position);
      await target.publish();
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
    const { table, client } = options;
    const plan = planSnapshotStaging(declared, target.names, opened, version.type, target.stored);
    requireDeclaredColumns(plan.flow, (table.declared as StreamingTableDeclaration).columns ?? null);
    await target.prepare([plan.flow]);
    const flow = target.flow(plan.flow);
    try {
      const staging = await stage(options, plan, opened);
      const finish = target.finisher(false);
      const next = { versionKind: version.kind };
      await applySnapshot({ client, flow, staging, version: version.text, position: next, finish });
    } catch (error) {
      throw explainFlowError(error, table.fullName, flow);
    }
    position = await readFlowPosition(client, flow);
  }
}

/** @throws FLOW_FUNCTION_FAILED, which is final: the program decides whether to run again */
async function askFor(flow: string, next: () => unknown): Promise<unknown> {
  try {
    return await next();
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
    throw asSyncedTablesError(error) ?? syncedTablesError('FLOW_FUNCTION_FAILED', { flow, reason }, error);
  }
}
