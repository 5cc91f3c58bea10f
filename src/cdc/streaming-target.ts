import type pg from 'pg';
import type { AutoCdcPosition } from '../core/auto-cdc-engine.js';
import type { AutoCdcFlow } from '../core/auto-cdc-flow.js';
import { syncedTablesError } from '../core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../core/names.js';
import { inTransaction, isPostgresError } from '../postgres/session.js';
import { orderColumnDefinitions, orderColumns, shownSequence, shownSequenceType } from './sequence-order.js';
import { EVENT_ORDER } from './staged-events.js';
import { listOf, type TargetLayout, targetLayout } from './target-layout.js';
import { requireSameShape, shapeOf, type TargetShape } from './target-shape.js';
import { createDmlTriggers } from './target-triggers.js';

/**
 * Makes the target of a flow: the view that people read and write, the private storage behind it, the change feed, and
 * the rights of its creator. If it is there already, checks that its state suits the flow; safe to repeat.
 * @throws AUTOCDC_INVALID_STATE.*, AUTOCDC_TARGET_SCHEMA_CHANGED, TARGET_TABLE_EXISTS, SCHEMA_RESERVED, PERMISSION_DENIED
 */
export async function createStreamingTarget(client: pg.Client, flow: AutoCdcFlow): Promise<void> {
  await inTransaction(client, async () => {
    await lockTargetName(client, flow);
    const shape = await findShape(client, flow);
    if (shape !== null) return requireSameShape(flow, shape);
    await makeTarget(client, flow);
  });
}

/** Full refresh: the target, its history and the positions of its flows begin anew; rights on it stay. */
export async function resetStreamingTarget(client: pg.Client, flow: AutoCdcFlow): Promise<void> {
  await inTransaction(client, async () => {
    await lockTargetName(client, flow);
    const grants = await grantsOn(client, flow);
    await removeTarget(client, flow);
    await makeTarget(client, flow);
    for (const grant of grants) await client.query(grant);
  });
}

/** Removes a target with its state and change feed. One that is not there is no error. */
export async function dropStreamingTarget(
  client: pg.Client,
  target: Pick<AutoCdcFlow, 'schema' | 'table'>,
): Promise<void> {
  await inTransaction(client, async () => {
    await lockTargetName(client, target);
    await removeTarget(client, target);
  });
}

/**
 * How far a flow is.
 * @throws AUTOCDC_TARGET_NOT_FOUND
 */
export async function readFlowPosition(
  client: pg.Client,
  flow: Pick<AutoCdcFlow, 'flowName' | 'schema' | 'table' | 'fullName'>,
): Promise<AutoCdcPosition> {
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

async function lockTargetName(client: pg.Client, { schema, table }: Pick<AutoCdcFlow, 'schema' | 'table'>) {
  await client.query(`select synced_tables._hold_lock('cdc target ' || $1::text)`, [JSON.stringify([schema, table])]);
}

async function findShape(client: pg.Client, flow: AutoCdcFlow): Promise<TargetShape | null> {
  const { rows } = await client.query<{ shape: TargetShape }>(
    `select t.shape from synced_tables._cdc_targets t join pg_class c on c.oid = t.target
      where t.schema_name = $1 and t.table_name = $2`,
    [flow.schema, flow.table],
  );
  return rows[0]?.shape ?? null;
}

async function makeTarget(client: pg.Client, flow: AutoCdcFlow): Promise<void> {
  const layout = targetLayout(flow);
  await client.query('select synced_tables._prepare_cdc_schema($1, $2)', [flow.schema, flow.createdBy]);
  // Dropped by hand, or in part: what is left of it would be in the way.
  await removeTarget(client, flow);
  try {
    await createStorage(client, layout);
    await createView(client, layout);
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

/** Nobody but databricks_sync gets at it: row security stops those who may read every table, too. */
async function createPrivateTable(client: pg.Client, name: string, columns: readonly string[], settings = '') {
  await client.query(`create table ${name} (${columns.join(', ')}) ${settings}`);
  await client.query(`alter table ${name} enable row level security; revoke all on ${name} from public`);
}

function selectedDefinitions({ flow }: TargetLayout): string[] {
  return flow.columns.map(({ name, postgresType }) => `${quoteIdentifier(name)} ${postgresType}`);
}

async function createStorage(client: pg.Client, layout: TargetLayout): Promise<void> {
  const { order, keys, storage, flow, isPartial } = layout;
  const common = [
    '__autocdc_deletes boolean not null default false',
    '__autocdc_visible boolean not null default true',
    '__autocdc_changed_at timestamptz not null default clock_timestamp()',
  ];
  const ofType =
    flow.scdType === 1
      ? isPartial
        ? [...orderColumnDefinitions(order, 'd'), `__autocdc_kept_events jsonb not null default '[]'`]
        : []
      : [
          '__autocdc_manual boolean not null default false',
          ...orderColumnDefinitions(order, 's'),
          ...orderColumnDefinitions(order, 'e'),
          ...(isPartial ? ['__autocdc_event jsonb'] : []),
        ];
  const own = orderColumns(order, EVENT_ORDER);
  const unique = flow.scdType === 1 ? keys : [...keys, ...own];
  const columns = [
    ...selectedDefinitions(layout),
    ...orderColumnDefinitions(order, EVENT_ORDER),
    ...common,
    ...ofType,
    `primary key (${unique.join(', ')})`,
  ];
  // A batch changes rows in place, so pages keep room for that.
  await createPrivateTable(client, storage, columns, 'with (fillfactor = 85)');
  await client.query(
    `comment on table ${storage} is ${quoteLiteral(`State of ${flow.fullName}, which is to be read instead.`)}`,
  );
  const tombstones = flow.scdType === 1 ? 'not __autocdc_visible' : '__autocdc_deletes';
  await client.query(`create index on ${storage} (__autocdc_changed_at) where ${tombstones}`);
  if (flow.scdType === 1) return;
  await client.query(`create index on ${storage} (${listOf(keys)}) where __autocdc_manual`);
  // Only untracked columns make long runs of hidden events, whose end has to be found.
  if (layout.tracked.length < layout.data.length) {
    await client.query(`create index on ${storage} (${[...keys, ...own].join(', ')}) where __autocdc_visible`);
  }
}

async function createView(client: pg.Client, layout: TargetLayout): Promise<void> {
  const { view, storage, columns, order, flow } = layout;
  const interval =
    flow.scdType === 1
      ? []
      : [`${shownSequence(order, 's', 's')} as "__START_AT"`, `${shownSequence(order, 'e', 's')} as "__END_AT"`];
  await client.query(
    `create view ${view} with (security_barrier = true) as
     select ${[...columns.map((column) => `s.${column}`), ...interval].join(', ')} from ${storage} s where s.__autocdc_visible`,
  );
  await client.query(`revoke all on ${view} from public`);
  const kept = `Kept by Auto CDC as SCD type ${flow.scdType}. Changes by hand are allowed; events that are newer win.`;
  await client.query(`comment on view ${view} is ${quoteLiteral(kept)}`);
}

async function createFeed(client: pg.Client, layout: TargetLayout): Promise<void> {
  const { feed, order, flow } = layout;
  const type = shownSequenceType(order);
  const interval = flow.scdType === 1 ? [] : [`"__START_AT" ${type}`, `"__END_AT" ${type}`];
  const columns = [
    ...selectedDefinitions(layout),
    ...interval,
    '_change_type text not null',
    '_commit_version bigint not null',
    '_commit_timestamp timestamptz not null',
  ];
  await createPrivateTable(client, feed, columns);
  await client.query(`create index on ${feed} (_commit_version)`);
  const comment = `Changes of ${flow.fullName}: read them with synced_tables.table_changes.`;
  await client.query(`comment on table ${feed} is ${quoteLiteral(comment)}`);
}

async function createBase(client: pg.Client, layout: TargetLayout): Promise<void> {
  await createPrivateTable(client, layout.base, [
    ...selectedDefinitions(layout),
    `primary key (${listOf(layout.keys)})`,
  ]);
  const comment = `The last snapshot that ${layout.flow.fullName} was made from.`;
  await client.query(`comment on table ${layout.base} is ${quoteLiteral(comment)}`);
}

async function grantToCreator(client: pg.Client, { view, flow }: TargetLayout): Promise<void> {
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regrole(quote_ident($1)) is not null and $1 <> 'databricks_sync' as found`,
    [flow.createdBy],
  );
  if (rows[0]?.found !== true) return;
  await client.query(
    `grant select, insert, update, delete on ${view} to ${quoteIdentifier(flow.createdBy)} with grant option`,
  );
}

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

/** The grants on a view, as statements that give them again. */
async function grantsOn(client: pg.Client, flow: AutoCdcFlow): Promise<string[]> {
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
