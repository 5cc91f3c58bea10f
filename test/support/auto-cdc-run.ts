import type pg from 'pg';
import type { AutoCdcFlow } from '../../src/core/flows/auto-cdc-flow.js';
import type { BatchMetrics } from '../../src/core/flows/flow-progress.js';
import { quoteIdentifier } from '../../src/core/names.js';
import { inTransaction } from '../../src/postgres/session/session.js';
import { applyEventBatch } from '../../src/scd/batch/apply-event-batch.js';
import { createStaging } from '../../src/scd/event/create-staging.js';
import { createTarget } from '../../src/scd/target/create-target.js';
import type { DmlStep, Row } from './auto-cdc-vectors.js';

/** Stages rows, given with the names of `stagingColumns`. */
export async function stageRows(client: pg.Client, flow: AutoCdcFlow, rows: readonly Row[]): Promise<string> {
  const staging = await createStaging(client, flow);
  await client.query(`insert into ${staging} select * from jsonb_populate_recordset(null::${staging}, $1)`, [
    JSON.stringify(rows),
  ]);
  return staging;
}

/** Makes the target of a flow, in a transaction of its own. */
export async function makeTarget(client: pg.Client, flow: AutoCdcFlow): Promise<void> {
  await inTransaction(client, () => createTarget(client, flow));
}

/** Stages and applies a batch of events. */
export async function applyRows(
  client: pg.Client,
  flow: AutoCdcFlow,
  rows: readonly Row[],
  batchId: bigint,
): Promise<BatchMetrics> {
  const staging = await stageRows(client, flow, rows);
  return inTransaction(client, () =>
    applyEventBatch({ client, flow, staging, batchId, position: { batch: Number(batchId) } }),
  );
}

/** What people see of a target: rows as text that compares. */
export async function visibleRows(client: pg.Client, flow: AutoCdcFlow): Promise<string[]> {
  const view = `${quoteIdentifier(flow.schema)}.${quoteIdentifier(flow.table)}`;
  const { rows } = await client.query<{ row: Row }>(`select to_jsonb(t) as row from ${view} t`);
  return rows.map(({ row }) => rowText(row)).sort();
}

/** Changes of a target in some versions, without version and time. */
export async function feedRows(client: pg.Client, flow: AutoCdcFlow, from: bigint, to: bigint): Promise<string[]> {
  const { rows } = await client.query<{ row: Row }>(
    `select row_data || jsonb_build_object('_change_type', _change_type) as row
       from synced_tables.table_changes($1, $2, $3)`,
    [flow.fullName, from.toString(), to.toString()],
  );
  return rows.map(({ row }) => rowText(row)).sort();
}

/** A row as text, whatever the order of its columns. */
export function rowText(row: Row): string {
  const plain = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:)/, '$1 $2');
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
    const entries = Object.entries(value).map(([name, member]) => [name, plain(member)] as const);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return JSON.stringify(plain(row));
}

/** Changes the target by hand. */
export async function applyDml(client: pg.Client, flow: AutoCdcFlow, step: DmlStep): Promise<void> {
  const view = `${quoteIdentifier(flow.schema)}.${quoteIdentifier(flow.table)}`;
  const names = (row: Row | undefined) => Object.keys(row ?? {}).map(quoteIdentifier);
  const values = (row: Row | undefined) =>
    Object.values(row ?? {}).map((value) =>
      value !== null && typeof value === 'object' ? JSON.stringify(value) : value,
    );
  if (step.dml === 'insert') {
    const marks = names(step.row).map((_, place) => `$${place + 1}`);
    await client.query(
      `insert into ${view} (${names(step.row).join(', ')}) values (${marks.join(', ')})`,
      values(step.row),
    );
    return;
  }
  const set = names(step.set).map((name, place) => `${name} = $${place + 1}`);
  const where = names(step.where).map((name, place) => `${name} = $${set.length + place + 1}`);
  const head = step.dml === 'update' ? `update ${view} set ${set.join(', ')}` : `delete from ${view}`;
  await client.query(`${head} where ${where.join(' and ')}`, [...values(step.set), ...values(step.where)]);
}

/** Version of the change feed. */
export async function commitVersion(client: pg.Client, flow: AutoCdcFlow): Promise<bigint> {
  const { rows } = await client.query<{ version: string }>(
    'select commit_version::text as version from synced_tables._cdc_targets where schema_name = $1 and table_name = $2',
    [flow.schema, flow.table],
  );
  return BigInt(rows[0]?.version ?? 0);
}
