import type pg from 'pg';
import { syncedTablesError } from '../../../core/errors.js';
import type { BatchMetrics, FlowPosition } from '../../../core/flows/flow-progress.js';
import { declareFlow } from '../../../flows/declare/declare-flow.js';
import { requireDeclaredColumns } from '../../../flows/declare/declared-columns.js';
import type { DeclaredFlow } from '../../../flows/declare/declared-flow.js';
import { declarationOf, type StreamingTable } from '../../../postgres/registry/streaming-tables.js';
import { openFlowSource, type TableSource } from '../source/open-flow-source.js';
import type { OpenedSource } from '../source/opened-source.js';
import { readSourcePosition } from '../source/source-position.js';
import { explainFlowError } from '../staging/explain-flow-error.js';
import { planChangeStaging, planSnapshotStaging, type StagingPlan } from '../staging/plan-staging.js';
import { stageSource } from '../staging/stage-source.js';
import { commitEvents, commitSnapshot } from './commit-batch.js';
import type { FlowTableOptions, FlowTableResult } from './flow-table-options.js';
import { runSnapshotFunction } from './run-snapshot-function.js';
import { UpdateTarget } from './update-target.js';

/** A flow that reads tables. */
interface TableFlow {
  readonly declared: DeclaredFlow;
  readonly createdBy: string;
  readonly source: TableSource;
}

/** A flow that takes part in this update, opened. */
interface OpenedFlow {
  readonly declared: DeclaredFlow;
  readonly position: FlowPosition;
  readonly source: OpenedSource;
  readonly plan: StagingPlan;
}

const TIMESTAMP = { kind: 'timestamp' } as const;

/**
 * Brings one streaming table up to date: each of its flows once, each batch in a transaction of its own. A validation
 * opens what the flows read and plans what they would write, and stops there.
 * @throws DeclaredAnew when what was read must no longer be applied; nothing of it is
 */
export async function runFlowTable(options: FlowTableOptions): Promise<FlowTableResult> {
  const { table } = options;
  const counted = { batches: 0, ties: 0n };
  const flows: TableFlow[] = [];
  let byFunction: DeclaredFlow | null = null;
  for (const { name, kind, options: flowOptions, source, createdBy } of declarationOf(table).flows) {
    const declared = declareFlow(name, kind, flowOptions);
    if (source.kind === 'function') byFunction ??= declared;
    else flows.push({ declared, createdBy, source });
  }
  requireOneSnapshotFlow(table);
  const target = await UpdateTarget.of(options);
  if (byFunction !== null && !options.isValidation) return runSnapshotFunction(options, target, byFunction);
  const opened: OpenedFlow[] = [];
  try {
    for (const flow of flows) {
      const position = await target.position(flow.declared.name);
      if (flow.declared.once && position.batchId > 0n) continue;
      opened.push(await openFlow(options, target, flow, position));
    }
    const planned = opened.map(({ plan }) => plan.flow);
    if (options.isValidation) {
      target.check(planned);
      return counted;
    }
    await target.prepare(planned);
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

/** Can be checked without opening any source. */
function requireOneSnapshotFlow(table: StreamingTable): void {
  const { flows } = declarationOf(table);
  const [first, second] = flows;
  if (first === undefined || second === undefined || flows.every((flow) => flow.kind === 'changes')) return;
  const names = { flow: first.name, other: second.name, target: table.fullName };
  throw syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.MULTIPLE_QUERIES_FOR_TABLE', names);
}

async function openFlow(
  options: FlowTableOptions,
  target: UpdateTarget,
  { declared, createdBy, source: from }: TableFlow,
  position: FlowPosition,
): Promise<OpenedFlow> {
  const { client, engine, catalogs, pipeline, table, signal } = options;
  const isSnapshot = declared.kind === 'snapshot';
  const source = await openFlowSource({
    client,
    engine,
    catalogs,
    flow: declared.name,
    declaredBy: createdBy,
    source: from,
    views: pipeline.views,
    isSnapshot,
    position: readSourcePosition(position.position),
    signal,
  });
  try {
    const plan = isSnapshot
      ? planSnapshotStaging(declared, target.names, source, TIMESTAMP, target.stored)
      : await planChangeStaging(declared, target.names, source, target.stored);
    requireDeclaredColumns(plan.flow, declarationOf(table).columns);
    return { declared, position, source, plan };
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw explainFlowError(error, table.fullName, null);
  }
}

async function runOpened(
  options: FlowTableOptions,
  target: UpdateTarget,
  { plan, source, position, declared }: OpenedFlow,
): Promise<BatchMetrics | null> {
  const { client, table } = options;
  const flow = target.flow(plan.flow);
  if (position.batchId > 0n && !source.hasNews && declared.kind === 'changes') return null;
  try {
    const staging = await stageSource(options, plan, source);
    const shared = { client, flow, staging, position: source.position };
    if (declared.kind === 'changes') {
      return await commitEvents(target, { ...shared, batchId: position.batchId + 1n });
    }
    return await commitSnapshot(target, { ...shared, version: await ingestionTime(client) });
  } catch (error) {
    options.signal.throwIfAborted();
    throw explainFlowError(error, table.fullName, flow);
  }
}

/** In microseconds, as two snapshots may follow each other immediately. */
async function ingestionTime(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ now: string }>('select clock_timestamp()::text as now');
  return rows[0]?.now ?? '';
}
