import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import type { AutoCdcFlow } from '../../core/flows/auto-cdc-flow.js';
import { quoteIdentifier } from '../../core/names.js';
import {
  deleteTarget,
  insertTarget,
  lockTargetName,
  prepareTargetSchema,
  readTargetShape,
} from '../../postgres/registry/targets.js';
import { BRIEF_LOCKS } from '../../postgres/session/lock-patience.js';
import { inTransaction, isPostgresError } from '../../postgres/session/session.js';
import { createBase, createFeed, createStorage, createTargetView, grantToCreator } from './create-relations.js';
import { createDmlTriggers } from './dml-triggers.js';
import { targetLayout } from './target-layout.js';
import { shapeOf, widenedShape } from './target-shape.js';
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

async function makeTarget(client: pg.Client, flow: AutoCdcFlow): Promise<void> {
  const layout = targetLayout(flow);
  await prepareTargetSchema(client, flow);
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
  const targetId = await insertTarget(client, flow, { view: layout.view, feed, shape: shapeOf(flow) });
  await createDmlTriggers(client, layout, targetId);
  await grantToCreator(client, layout);
}

/** Drops everything that belongs to a target, in the caller's transaction. */
async function removeTarget(client: pg.Client, target: Pick<AutoCdcFlow, 'schema' | 'table'>): Promise<void> {
  const found = await deleteTarget(client, target);
  if (!found) return;
  const { view, storage, feed, base } = found.shape.relations;
  await client.query(`drop view if exists ${view}`);
  await client.query(`drop table if exists ${storage}, ${feed}, ${base}`);
  await client.query(`drop function if exists __db_system.${quoteIdentifier(`cdc_dml_${found.targetId}`)}()`);
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
