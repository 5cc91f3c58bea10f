import type pg from 'pg';
import { failingRowsError, syncedTablesError } from '../../core/errors.js';
import { failingByKey } from '../../core/failing-rows.js';
import { type AutoCdcFlow, KIND_COLUMN, sequenceColumn } from '../../core/flows/auto-cdc-flow.js';
import type { BatchMetrics, FlowPosition } from '../../core/flows/flow-progress.js';
import { EXAMPLE_KEYS_MAX, formatKey } from '../../core/format-key.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { writeSnapshotVersion } from '../../postgres/registry/target-batches.js';
import { readFlowPosition } from '../../postgres/registry/targets.js';
import { analyzeIfLarge } from '../event/create-staging.js';
import { differs, listOf, sameColumns, type TargetLayout, targetLayout } from '../target/target-layout.js';
import { applyStaged, type LockedTarget, lockTarget, recordBatch } from './apply-event-batch.js';
import { exampleRows, KEY_ONLY, nullKeyError } from './check-batch.js';

export interface SnapshotBatch {
  readonly client: pg.Client;
  readonly flow: AutoCdcFlow;
  /** The table from `createStaging`, filled with the whole snapshot. */
  readonly staging: string;
  /** Text of a value in the flow's sequence type. */
  readonly version: string;
  readonly position: unknown;
}

const EVENTS = 'pg_temp.synced_tables_cdc_differences';

/**
 * Brings a target to a snapshot in the caller's transaction, which must be rolled back on failure: differences from the
 * last snapshot become events of its version. It compares with that snapshot, not with the target, so manual changes do
 * not count as changes of the source.
 * @throws APPLY_CHANGES_FROM_SNAPSHOT_ERROR.OUT_OF_ORDER_SNAPSHOT_VERSION, ….DUPLICATE_KEY_VIOLATION,
 *   AUTOCDC_MICROBATCH_VALIDATION.NULL_KEY, AUTOCDC_TARGET_NOT_FOUND
 */
export async function applySnapshot(batch: SnapshotBatch): Promise<BatchMetrics> {
  const { client, flow, staging, version } = batch;
  // Versions identify what was applied; the batch number only counts.
  const target = await lockTarget(client, flow, NO_BATCH);
  const layout = targetLayout(flow);
  await requireLaterVersion(client, layout, target, version);
  await checkSnapshot(client, layout, staging, version);
  await stageDifferences(client, layout, staging, version);
  const counts = await applyStaged(client, { ...layout, flow: { ...flow, source: 'changes' } }, target, EVENTS, true);
  await replaceBase(client, layout);
  await writeSnapshotVersion(client, target.targetId, version);
  const { batchId } = await readFlowPosition(client, flow);
  return recordBatch({ ...batch, batchId: batchId + 1n }, target, counts);
}

/** Above every batch: nothing counts as a replay. */
const NO_BATCH = 9_223_372_036_854_775_807n;

/**
 * Called when the source has no further snapshot.
 * @param target `schema.table`, for the message
 * @throws APPLY_CHANGES_FROM_SNAPSHOT_ERROR.FIRST_SNAPSHOT_EMPTY if there never was one
 */
export function requireSomeSnapshot({ snapshotVersion }: FlowPosition, target: string): void {
  if (snapshotVersion !== null) return;
  throw syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.FIRST_SNAPSHOT_EMPTY', { target });
}

async function requireLaterVersion(client: pg.Client, { flow }: TargetLayout, target: LockedTarget, version: string) {
  if (target.snapshotVersion === null) return;
  const type = flow.sequence.fields[0]?.postgresType ?? 'text';
  const collation = type === 'text' ? ' collate "C"' : '';
  const { rows } = await client.query<{ is_later: boolean }>(
    `select ($1::text)::${type}${collation} > ($2::text)::${type}${collation} as is_later`,
    [version, target.snapshotVersion],
  );
  if (rows[0]?.is_later === true) return;
  throw syncedTablesError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.OUT_OF_ORDER_SNAPSHOT_VERSION', {
    target: flow.fullName,
    version,
    last: target.snapshotVersion,
  });
}

async function checkSnapshot(client: pg.Client, layout: TargetLayout, staging: string, version: string): Promise<void> {
  const { keys, flow } = layout;
  const counts = keys.map((key) => `count(*) filter (where s.${key} is null)`);
  const { rows } = await client.query<{ rows: string; keys: string[] }>(
    `select count(*)::text as rows, array[${counts.join(', ')}]::text[] as keys from ${staging} s`,
  );
  const nulls = rows[0]?.keys ?? [];
  if (nulls.some((count) => count !== '0')) {
    const isKeyless = keys.map((key) => `e.${key} is null`).join(' or ');
    throw nullKeyError(layout, nulls, await exampleRows(client, layout, staging, isKeyless, KEY_ONLY));
  }
  await analyzeIfLarge(client, staging, Number(rows[0]?.rows ?? 0));
  const texts = keys.map((key) => `s.${key}::text`);
  const doubled = await client.query<{ key: string[] }>(
    `select array[${texts.join(', ')}] as key from ${staging} s group by ${listOf(keys, 's')} having count(*) > 1
      order by ${listOf(keys, 's')} limit ${EXAMPLE_KEYS_MAX}`,
  );
  if (doubled.rows.length === 0) return;
  const failing = failingByKey(
    flow.keyColumns,
    doubled.rows.map(({ key }) => formatKey(key)),
  );
  const details = { target: flow.fullName, version };
  throw failingRowsError('APPLY_CHANGES_FROM_SNAPSHOT_ERROR.DUPLICATE_KEY_VIOLATION', details, failing);
}

/** New and changed rows as upserts, missing ones as deletes, in the form of staged events. */
async function stageDifferences(client: pg.Client, layout: TargetLayout, staging: string, version: string) {
  const { keys, columns, flow, base } = layout;
  const type = flow.sequence.fields[0]?.postgresType ?? 'text';
  const values = columns.map((column) =>
    keys.includes(column) ? `coalesce(n.${column}, o.${column}) as ${column}` : `n.${column}`,
  );
  await client.query(`drop table if exists ${EVENTS}`);
  const collation = type === 'text' ? ' collate "C"' : '';
  await client.query(
    `create temporary table synced_tables_cdc_differences on commit drop as
     select ${values.join(', ')}, case when n.${keys[0]} is null then 'D' else 'U' end as ${quoteIdentifier(KIND_COLUMN)},
            ${quoteLiteral(version)}::${type}${collation} as ${quoteIdentifier(sequenceColumn(1))}
       from ${staging} n full join ${base} o on ${sameColumns(keys, 'n', 'o')}
      where n.${keys[0]} is null or o.${keys[0]} is null or ${differs(layout.data, 'n', 'o')}`,
  );
}

/** Makes the base equal to the snapshot by applying the differences. */
async function replaceBase(client: pg.Client, layout: TargetLayout): Promise<void> {
  const { keys, data, columns, base } = layout;
  const kind = `e.${quoteIdentifier(KIND_COLUMN)}`;
  const assignments = data.map((column) => `${column} = excluded.${column}`);
  const conflict = data.length === 0 ? 'nothing' : `update set ${assignments.join(', ')}`;
  await client.query(`delete from ${base} b using ${EVENTS} e where ${kind} = 'D' and ${sameColumns(keys, 'b', 'e')}`);
  await client.query(
    `insert into ${base} (${columns.join(', ')}) select ${listOf(columns, 'e')} from ${EVENTS} e where ${kind} = 'U'
     on conflict (${listOf(keys)}) do ${conflict}`,
  );
}
