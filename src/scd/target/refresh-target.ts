import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import type { AutoCdcFlow } from '../../core/flows/auto-cdc-flow.js';
import { quoteIdentifier } from '../../core/names.js';
import {
  forgetFlowPositions,
  lockTargetName,
  lockTargetVersion,
  markRefreshed,
  moveFlowPositions,
  removeTargetRow,
  takeOverTarget,
} from '../../postgres/registry/targets.js';
import { isPostgresError } from '../../postgres/session/session.js';
import { createFeed, createTargetView, grantToCreator } from './create-relations.js';
import { grantsOn, resetTarget } from './create-target.js';
import { createDmlTriggers } from './dml-triggers.js';
import { privateName, type TargetLayout, targetLayout } from './target-layout.js';
import { shapeOf } from './target-shape.js';
import { viewColumns } from './widen-target.js';

/**
 * The flow as it fills the table of a full refresh, beside the target that users keep reading. Nobody else has rights
 * on that table, and its changes are not announced.
 */
export function refreshFlow(flow: AutoCdcFlow): AutoCdcFlow {
  return {
    ...flow,
    table: privateName('__apply_changes_refresh_', flow.table),
    createdBy: 'databricks_sync',
    changeFeedRetentionSeconds: null,
  };
}

/**
 * Creates the table in which a full refresh is built, empty.
 * @param updateId the update that builds it: leftovers are swept once that is over
 */
export async function beginRefresh(client: pg.Client, flow: AutoCdcFlow, updateId: string): Promise<void> {
  const beside = refreshFlow(flow);
  await resetTarget(client, beside);
  await markRefreshed(client, beside, updateId);
}

/**
 * Replaces the target by the result of a full refresh, in the caller's transaction. The view and its dependent objects
 * stay, unless its columns changed in a way that Postgres does not allow for views. The change feed starts over, above
 * all its previous versions.
 * @throws AUTOCDC_TARGET_NOT_FOUND, SYNCED_TABLE_HAS_DEPENDENTS
 */
export async function switchToRefreshed(client: pg.Client, flow: AutoCdcFlow): Promise<void> {
  await lockTargetName(client, flow);
  const built = targetLayout(refreshFlow(flow));
  const layout = targetLayout(flow);
  const old = await lockTargetVersion(client, flow);
  const fresh = await lockTargetVersion(client, built.flow);
  await client.query(`drop view ${built.view}`);
  await client.query(`drop function __db_system.${quoteIdentifier(`cdc_dml_${fresh.targetId}`)}()`);
  await showStorage(client, layout, built.storage);
  if (old.createdBy !== flow.createdBy) await grantToCreator(client, layout);
  await client.query(`drop table if exists ${layout.storage}, ${layout.feed}, ${layout.base}`);
  await rename(client, flow, built.storage, layout.storage);
  if (flow.source === 'snapshots') await rename(client, flow, built.base, layout.base);
  const hasFeed = flow.changeFeedRetentionSeconds !== null;
  if (hasFeed) await createFeed(client, layout);
  await createDmlTriggers(client, layout, old.targetId);
  const version = old.commitVersion + 1n;
  await takeOverTarget(client, {
    targetId: old.targetId,
    builtId: fresh.targetId,
    shape: shapeOf(flow),
    createdBy: flow.createdBy,
    view: layout.view,
    feed: hasFeed ? layout.feed : null,
    version,
  });
  await forgetFlowPositions(client, old.targetId);
  await moveFlowPositions(client, { from: fresh.targetId, to: old.targetId });
  await removeTargetRow(client, fresh.targetId);
}

async function rename(client: pg.Client, { schema }: AutoCdcFlow, from: string, to: string): Promise<void> {
  await client.query(`alter table ${from} rename to ${to.slice(quoteIdentifier(schema).length + 1)}`);
}

/** Raised by Postgres for other names, other types or fewer columns. */
const CANNOT_REPLACE_VIEW = '42P16';

/** Points the view at another storage. */
async function showStorage(client: pg.Client, layout: TargetLayout, storage: string): Promise<void> {
  const { flow } = layout;
  const shown = { ...layout, storage };
  const existing = await viewColumns(client, layout);
  const names = new Set(flow.columns.map(({ name }) => name));
  if (flow.scdType === 2) names.add('__START_AT').add('__END_AT');
  if (existing.every((name) => names.has(name))) {
    await client.query('savepoint replacing');
    try {
      await createTargetView(client, shown, existing);
      return;
    } catch (error) {
      if (!isPostgresError(error) || error.code !== CANNOT_REPLACE_VIEW) throw error;
      await client.query('rollback to savepoint replacing');
    }
  }
  const grants = await grantsOn(client, flow);
  try {
    await client.query(`drop view ${layout.view}`);
  } catch (error) {
    if (!isPostgresError(error) || error.code !== '2BP01') throw error;
    const objects = (error.detail ?? error.message).split('\n').join('; ');
    throw syncedTablesError('SYNCED_TABLE_HAS_DEPENDENTS', { target: flow.fullName, objects }, error);
  }
  await createTargetView(client, shown);
  await grantToCreator(client, layout);
  for (const grant of grants) await client.query(grant);
}
