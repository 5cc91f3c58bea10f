import type pg from 'pg';
import type { AutoCdcFlow } from '../../core/flows/auto-cdc-flow.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { lockTargetColumns, type TargetShape, writeTargetShape } from '../../postgres/registry/targets.js';
import { EVENT_COLUMN } from '../event/staged-events.js';
import { createTargetView, hasUntracked, indexVisible } from './create-relations.js';
import { createDmlTriggers } from './dml-triggers.js';
import { type TargetLayout, targetLayout } from './target-layout.js';

/**
 * Adds columns to a target in the caller's transaction: existing rows have null in them. The view and its dependent
 * objects stay, and it shows the new columns last.
 */
export async function widenTarget(client: pg.Client, flow: AutoCdcFlow, shape: TargetShape): Promise<void> {
  const layout = targetLayout(flow);
  const target = await lockTargetColumns(client, flow);
  if (target === null) throw new Error(`the target ${flow.fullName} is gone`);
  const added = flow.columns.filter(({ name }) => !target.names.includes(name));
  const relations = [layout.storage, ...(target.hasFeed ? [layout.feed] : [])];
  if (flow.source === 'snapshots') relations.push(layout.base);
  const additions = added.map(({ name, postgresType }) => `add column ${quoteIdentifier(name)} ${postgresType}`);
  if (additions.length > 0) {
    for (const relation of relations) await client.query(`alter table ${relation} ${additions.join(', ')}`);
    await authorNulls(
      client,
      layout,
      added.map(({ name }) => name),
    );
    await createTargetView(client, layout, await viewColumns(client, layout));
  }
  const hadUntracked = hasUntracked({
    ...layout,
    data: layout.data.filter((column) => !added.some(({ name }) => quoteIdentifier(name) === column)),
    tracked: layout.tracked.filter((column) => !added.some(({ name }) => quoteIdentifier(name) === column)),
  });
  if (hasUntracked(layout) && !hadUntracked) await indexVisible(client, layout);
  await createDmlTriggers(client, layout, target.targetId);
  await writeTargetShape(client, target.targetId, shape);
}

/** Events that write every column except where null is ignored have written null into the new ones. */
async function authorNulls(client: pg.Client, layout: TargetLayout, added: readonly string[]): Promise<void> {
  const { flow, storage } = layout;
  const places = flow.columns.flatMap(({ name }, place) =>
    added.includes(name) && !flow.ignoreNullColumns.includes(name) ? [`'${place}', null`] : [],
  );
  if (!layout.isPartial || flow.columnsToUpdate || places.length === 0) return;
  const authored = (event: string) =>
    `jsonb_set(${event}, '{v}', (${event} -> 'v') || jsonb_build_object(${places.join(', ')}))`;
  await client.query(
    flow.scdType === 2
      ? `update ${storage} set ${EVENT_COLUMN} = ${authored(EVENT_COLUMN)} where ${EVENT_COLUMN} ? 'v'`
      : `update ${storage} set __autocdc_kept_events =
           (select jsonb_agg(${authored('e.event')} order by e.nth) from jsonb_array_elements(__autocdc_kept_events) with ordinality e (event, nth))
          where __autocdc_kept_events <> '[]'`,
  );
}

/** Current columns of the view, in order. */
export async function viewColumns(client: pg.Client, { view }: TargetLayout): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = to_regclass(${quoteLiteral(view)}) and attnum > 0 and not attisdropped order by attnum`,
  );
  return rows.map(({ name }) => name);
}
