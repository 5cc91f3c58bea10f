import type pg from 'pg';
import { type AutoCdcFlow, KIND_COLUMN } from '../../core/flows/auto-cdc-flow.js';
import type { BatchMetrics } from '../../core/flows/flow-progress.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import {
  holdTarget,
  isBatchApplied,
  type LockedTargetRow,
  lockTargetRow,
  writeFlowPosition,
  writeTargetVersion,
  writeTruncateMark,
} from '../../postgres/registry/target-batches.js';
import { analyzeIfLarge } from '../event/create-staging.js';
import { orderColumns, stagedOrder } from '../event/sequence-order.js';
import { EVENT_ORDER, stagedEvents } from '../event/staged-events.js';
import type { BatchStep, StepCounts } from '../merge/batch-step.js';
import { mergeAuthoredColumns } from '../merge/merge-authored-columns.js';
import { mergeHistory } from '../merge/merge-history.js';
import { mergeWholeRows } from '../merge/merge-whole-rows.js';
import { type TargetLayout, targetLayout } from '../target/target-layout.js';
import { checkBatch } from './check-batch.js';
import { collectGarbage } from './collect-garbage.js';

export interface EventBatch {
  readonly client: pg.Client;
  readonly flow: AutoCdcFlow;
  /** The filled table from `createStaging`. */
  readonly staging: string;
  /** 1, 2, 3 …: a batch not above the flow's last committed one is a replay and changes nothing. */
  readonly batchId: bigint;
  /** JSON from which the stager continues; committed with the batch. */
  readonly position: unknown;
}

/**
 * Applies a staged batch of events to its target in the caller's transaction, which must be rolled back on failure.
 * Batches and manual changes of one target run one after the other; readers never wait.
 * @throws AUTOCDC_MICROBATCH_VALIDATION.NULL_SEQUENCE, …NULL_KEY, AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA,
 *   AUTOCDC_TARGET_NOT_FOUND
 */
export async function applyEventBatch(batch: EventBatch): Promise<BatchMetrics> {
  const { client, flow, staging } = batch;
  const target = await lockTarget(client, flow, batch.batchId);
  if (target.isReplay) return REPLAY;
  const counts = await applyStaged(client, targetLayout(flow), target, staging, false);
  return recordBatch(batch, target, counts);
}

const REPLAY: BatchMetrics = {
  numUpsertedRows: 0n,
  numDeletedRows: 0n,
  ties: 0n,
  isReplay: true,
  commitVersion: null,
};

/** A target that nobody else changes until the transaction ends. */
export interface LockedTarget extends LockedTargetRow {
  readonly isReplay: boolean;
}

/** Sorts a batch in memory; there are many expressions and few rows, so compiling them does not pay off. */
const SESSION_SETTINGS = `set local work_mem = '64MB'; set local jit = off`;

/** @throws AUTOCDC_TARGET_NOT_FOUND, AUTOCDC_TARGET_CHANGED */
export async function lockTarget(client: pg.Client, flow: AutoCdcFlow, batchId: bigint): Promise<LockedTarget> {
  await client.query(SESSION_SETTINGS);
  const found = await lockTargetRow(client, flow);
  await holdTarget(client, found.targetId);
  const isReplay = await isBatchApplied(client, { targetId: found.targetId, flowName: flow.flowName, batchId });
  return { ...found, isReplay };
}

/** Checks and merges events in a locked target. */
export async function applyStaged(
  client: pg.Client,
  layout: TargetLayout,
  target: LockedTarget,
  staging: string,
  forgetsDeletes: boolean,
): Promise<StepCounts> {
  const { flow } = layout;
  const checked = await checkBatch(client, layout, staging);
  await analyzeIfLarge(client, staging, checked.rows);
  const mark = checked.hasTruncates ? await raiseTruncateMark(client, layout, target, staging) : null;
  const truncatedBefore = mark ?? target.truncatedBefore;
  const step: BatchStep = {
    client,
    layout,
    events: stagedEvents(layout, staging, checked.hasTies),
    truncatedBefore: truncatedBefore === null ? null : orderLiterals(layout, truncatedBefore),
    isNewlyTruncated: mark !== null,
    feedVersion: flow.changeFeedRetentionSeconds === null ? null : target.commitVersion + 1n,
    forgetsDeletes,
  };
  const merge = flow.scdType === 2 ? mergeHistory : layout.isPartial ? mergeAuthoredColumns : mergeWholeRows;
  const counts = await merge(step);
  return { ...counts, ties: counts.ties + checked.ties };
}

function orderLiterals({ order }: TargetLayout, texts: readonly string[]): string[] {
  return order.parts.map(({ type }, place) => `${quoteLiteral(texts[place] ?? '')}::${type}`);
}

/** The truncate mark after the batch, if it rises; events and rows below it are dead. */
async function raiseTruncateMark(
  client: pg.Client,
  layout: TargetLayout,
  target: LockedTarget,
  staging: string,
): Promise<string[] | null> {
  const { order } = layout;
  const own = orderColumns(order, EVENT_ORDER);
  const values = stagedOrder(order, 'e').map((value, place) => `${value} as ${own[place]}`);
  const above =
    target.truncatedBefore === null
      ? ''
      : `where (${own.join(', ')}) > (${orderLiterals(layout, target.truncatedBefore).join(', ')})`;
  const { rows } = await client.query<{ mark: string[] }>(
    `select array[${own.map((column) => `${column}::text`).join(', ')}] as mark
       from (select ${values.join(', ')} from ${staging} e where e.${quoteIdentifier(KIND_COLUMN)} = 'T') t ${above}
      order by ${own.map((column) => `${column} desc`).join(', ')} limit 1`,
  );
  const mark = rows[0]?.mark ?? null;
  if (mark === null) return null;
  await writeTruncateMark(client, target.targetId, mark);
  return mark;
}

/** Records position and version of an applied batch, and cleans up what is old. */
export async function recordBatch(
  batch: Pick<EventBatch, 'client' | 'flow' | 'batchId' | 'position'>,
  target: LockedTarget,
  counts: StepCounts,
): Promise<BatchMetrics> {
  const { client, flow } = batch;
  const isChanged = counts.numUpsertedRows + counts.numDeletedRows > 0n;
  if (isChanged) {
    await writeTargetVersion(client, target.targetId, target.commitVersion + 1n);
  }
  await writeFlowPosition(client, {
    targetId: target.targetId,
    flowName: flow.flowName,
    batchId: batch.batchId,
    position: batch.position,
  });
  await collectGarbage(client, targetLayout(flow), target.targetId);
  return { ...counts, isReplay: false, commitVersion: isChanged ? target.commitVersion + 1n : null };
}
