import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { FlowPosition } from '../../../core/flows/flow-progress.js';
import { requireDeclaredColumns } from '../../../flows/declare/declared-columns.js';
import type { DeclaredFlow } from '../../../flows/declare/declared-flow.js';
import { declarationOf } from '../../../postgres/registry/streaming-tables.js';
import { readFlowPosition } from '../../../postgres/registry/targets.js';
import { requireSomeSnapshot } from '../../../scd/batch/apply-snapshot.js';
import { openSnapshot } from '../source/open-snapshot.js';
import type { NextSnapshotAndVersion, SnapshotRows } from '../source/snapshot-function.js';
import { type ReadVersion, readSnapshotVersion, toSnapshotVersion } from '../source/snapshot-version.js';
import { type FunctionPosition, readVersionKind } from '../source/source-position.js';
import { explainFlowError } from '../staging/explain-flow-error.js';
import { planSnapshotStaging } from '../staging/plan-staging.js';
import { stageSource } from '../staging/stage-source.js';
import { commitSnapshot } from './commit-batch.js';
import type { FlowTableOptions, FlowTableResult } from './flow-table-options.js';
import type { UpdateTarget } from './update-target.js';

/** A snapshot from a function of the program. */
interface GivenSnapshot {
  readonly version: ReadVersion;
  /** As given: `openSnapshot` checks the contents. */
  readonly rows: SnapshotRows;
}

/**
 * Asks the program for snapshots until there are no more; each is committed before the next is requested.
 * @throws FLOW_SOURCE_UNFIT outside that program, FLOW_FUNCTION_FAILED, APPLY_CHANGES_FROM_SNAPSHOT_ERROR.*
 */
export async function runSnapshotFunction(
  options: FlowTableOptions,
  target: UpdateTarget,
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
    const snapshot = await askFor(declared.name, next, position);
    if (snapshot === null) {
      requireSomeSnapshot(position, options.table.fullName);
      await target.publish();
      return { batches, ties: 0n };
    }
    position = await applyGiven(options, target, declared, snapshot);
  }
}

/**
 * The next snapshot after the last committed one; null if there is none.
 * @throws FLOW_FUNCTION_FAILED, which is final: the program decides whether to run again
 */
async function askFor(
  flow: string,
  next: NextSnapshotAndVersion,
  position: FlowPosition,
): Promise<GivenSnapshot | null> {
  const kind = readVersionKind(position.position);
  const last = position.snapshotVersion === null ? null : toSnapshotVersion(position.snapshotVersion, kind);
  // A program may return anything.
  let given: unknown;
  try {
    given = await next(last);
  } catch (error) {
    // What the program says may quote rows; the program itself gets the error as the cause.
    const reason = error instanceof Error ? `it threw ${error.name}` : 'it threw something that is not an error';
    throw asSyncedTablesError(error) ?? syncedTablesError('FLOW_FUNCTION_FAILED', { flow, reason }, error);
  }
  if (given === null) return null;
  if (typeof given !== 'object' || !('version' in given)) {
    const what = given === undefined ? 'nothing' : `${typeof given} without a version`;
    throw syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.INVALID_SNAPSHOT_VERSION', { flow, what });
  }
  return { version: readSnapshotVersion(flow, given.version, kind), rows: given as unknown as SnapshotRows };
}

/** @returns the flow's position after it */
async function applyGiven(
  options: FlowTableOptions,
  target: UpdateTarget,
  declared: DeclaredFlow,
  { version, rows }: GivenSnapshot,
): Promise<FlowPosition> {
  const { table, client } = options;
  const opened = await openSnapshot({ ...options, flow: declared.name }, rows);
  await using _ = opened;
  const plan = planSnapshotStaging(declared, target.names, opened, version.type, target.stored);
  requireDeclaredColumns(plan.flow, declarationOf(table).columns);
  await target.prepare([plan.flow]);
  const flow = target.flow(plan.flow);
  try {
    const staging = await stageSource(options, plan, opened);
    const position: FunctionPosition = { versionKind: version.kind };
    await commitSnapshot(target, { client, flow, staging, version: version.text, position });
  } catch (error) {
    throw explainFlowError(error, table.fullName, flow);
  }
  return readFlowPosition(client, flow);
}
