import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import type { AutoCdcFlow } from '../../core/flows/auto-cdc-flow.js';
import type { FlowPosition } from '../../core/flows/flow-progress.js';
import { quoteIdentifier } from '../../core/names.js';
import { BRIEF_LOCKS } from '../../postgres/session/lock-patience.js';
import { inTransaction, isPostgresError } from '../../postgres/session/session.js';
import { createBase, createFeed, createStorage, createTargetView, grantToCreator } from './create-relations.js';
import { createDmlTriggers } from './dml-triggers.js';
import { targetLayout } from './target-layout.js';
import { shapeOf, type TargetShape, widenedShape } from './target-shape.js';
import { widenTarget } from './widen-target.js';

/**
 * Creates the target of a flow in the caller's transaction: the view that users read and write, the private storage
 * behind it, the change feed, and the creator's rights. If it exists, checks that its state suits the flow and adds the
 * flow's additional columns, which may end in a lock timeout; safe to repeat.
 * @returns whether the target was created or changed
 * @throws AUTOCDC_INVALID_STATE.*, AUTOCDC_TARGET_SCHEMA_CHANGED, TARGET_TABLE_EXISTS, SCHEMA_RESERVED,
 *   PERMISSION_DENIED
 */
export async function createTarget(client: pg.Client, flow: AutoCdcFlow): Promise<boolean> {
  await lockTargetName(client, flow);
  const shape = await readTargetShape(client, flow);
  if (shape === null) {
    await makeTarget(client, flow);
    return true;
  }
  const widened = widenedShape(flow, shape);
  if (widened === null) return false;
  // Readers would queue behind us.
  await client.query(BRIEF_LOCKS);
  await widenTarget(client, flow, widened);
  return true;
}

/** Full refresh: the target, its history and the positions of its flows start over; rights on it stay. */
export async function resetTarget(client: pg.Client, flow: AutoCdcFlow): Promise<void> {
  await inTransaction(client, async () => {
    await lockTargetName(client, flow);
    const grants = await grantsOn(client, flow);
    await removeTarget(client, flow);
    await makeTarget(client, flow);
    for (const grant of grants) await client.query(grant);
  });
}

/**
 * The position of a flow.
 * @throws AUTOCDC_TARGET_NOT_FOUND
 */
export async function readFlowPosition(
  client: pg.Client,
  flow: Pick<AutoCdcFlow, 'flowName' | 'schema' | 'table' | 'fullName'>,
): Promise<FlowPosition> {
  const { rows } = await client.query<{ batch_id: string; position: unknown; snapshot_version: string | null }>(
    `select coalesce(p.batch_id, 0)::text as batch_id, p.position, t.snapshot_version
       from synced_tables._cdc_targets t
       left join synced_tables._cdc_positions p on p.target_id = t.target_id and p.flow_name = $3
      where t.schema_name = $1 and t.table_name = $2`,
    [flow.schema, flow.table, flow.flowName],
  );
  const found = rows[0];
  if (!found) throw syncedTablesError('AUTOCDC_TARGET_NOT_FOUND', { target: flow.fullName });
  return { batchId: BigInt(found.batch_id), position: found.position, snapshotVersion: found.snapshot_version };
}

/** Until the transaction ends, nobody else creates, changes or removes a target with that name. */
export async function lockTargetName(client: pg.Client, { schema, table }: Pick<AutoCdcFlow, 'schema' | 'table'>) {
  await client.query(`select synced_tables_internal._hold_lock('cdc target ' || $1::text)`, [
    JSON.stringify([schema, table]),
  ]);
}

/** The shape with which the target's state was created; null if there is none. */
export async function readTargetShape(
  client: pg.Client,
  flow: Pick<AutoCdcFlow, 'schema' | 'table'>,
): Promise<TargetShape | null> {
  const { rows } = await client.query<{ shape: TargetShape }>(
    `select t.shape from synced_tables._cdc_targets t join pg_class c on c.oid = t.target
      where t.schema_name = $1 and t.table_name = $2`,
    [flow.schema, flow.table],
  );
  return rows[0]?.shape ?? null;
}

async function makeTarget(client: pg.Client, flow: AutoCdcFlow): Promise<void> {
  const layout = targetLayout(flow);
  await client.query('select synced_tables_internal._prepare_cdc_schema($1, $2)', [flow.schema, flow.createdBy]);
  // Dropped by hand, at least in part: the rest would be in the way.
  await removeTarget(client, flow);
  try {
    await createStorage(client, layout);
    await createTargetView(client, layout);
    if (flow.changeFeedRetentionSeconds !== null) await createFeed(client, layout);
    if (flow.source === 'snapshots') await createBase(client, layout);
  } catch (error) {
    if (!isPostgresError(error) || (error.code !== '42P07' && error.code !== '42710')) throw error;
    throw syncedTablesError('TARGET_TABLE_EXISTS', { target: flow.fullName }, error);
  }
  const feed = flow.changeFeedRetentionSeconds === null ? null : layout.feed;
  const { rows } = await client.query<{ target_id: string }>(
    `insert into synced_tables._cdc_targets (schema_name, table_name, target, feed, created_by, shape)
     values ($1, $2, $3::regclass, $4::regclass, $5, $6) returning target_id`,
    [flow.schema, flow.table, layout.view, feed, flow.createdBy, shapeOf(flow)],
  );
  await createDmlTriggers(client, layout, rows[0]?.target_id ?? '');
  await grantToCreator(client, layout);
}

/** Drops everything that belongs to a target, in the caller's transaction. */
async function removeTarget(client: pg.Client, target: Pick<AutoCdcFlow, 'schema' | 'table'>): Promise<void> {
  const { rows } = await client.query<{ target_id: string; shape: TargetShape }>(
    'delete from synced_tables._cdc_targets where schema_name = $1 and table_name = $2 returning target_id, shape',
    [target.schema, target.table],
  );
  const found = rows[0];
  if (!found) return;
  const { view, storage, feed, base } = found.shape.relations;
  await client.query(`drop view if exists ${view}`);
  await client.query(`drop table if exists ${storage}, ${feed}, ${base}`);
  await client.query(`drop function if exists __db_system.${quoteIdentifier(`cdc_dml_${found.target_id}`)}()`);
}

/** The grants on a target's view, as statements that restore them. */
export async function grantsOn(client: pg.Client, flow: AutoCdcFlow): Promise<string[]> {
  const { view } = targetLayout(flow);
  const { rows } = await client.query<{ statement: string }>(
    `select format('grant %s on %s to %s%s', a.privilege_type, $1::text,
                   case a.grantee when 0 then 'public' else quote_ident(r.rolname) end,
                   case when a.is_grantable then ' with grant option' else '' end) as statement
       from pg_class c cross join aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee
      where c.oid = to_regclass($1) and a.grantee <> c.relowner`,
    [view],
  );
  return rows.map((row) => row.statement);
}
