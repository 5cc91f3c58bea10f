import type pg from 'pg';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { orderColumnDefinitions, orderColumns, shownSequence, shownSequenceType } from '../event/sequence-order.js';
import { EVENT_ORDER } from '../event/staged-events.js';
import { listOf, type TargetLayout } from './target-layout.js';

/** Only databricks_sync can read it: row security stops even roles that may read every table. */
async function createPrivateTable(client: pg.Client, name: string, columns: readonly string[], settings = '') {
  await client.query(`create table ${name} (${columns.join(', ')}) ${settings}`);
  await client.query(`alter table ${name} enable row level security; revoke all on ${name} from public`);
}

function selectedDefinitions({ flow }: TargetLayout): string[] {
  return flow.columns.map(({ name, postgresType }) => `${quoteIdentifier(name)} ${postgresType}`);
}

/** The state behind a target. */
export async function createStorage(client: pg.Client, layout: TargetLayout): Promise<void> {
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
  // Batches change rows in place, so pages keep free space for that.
  await createPrivateTable(client, storage, columns, 'with (fillfactor = 85)');
  await client.query(
    `comment on table ${storage} is ${quoteLiteral(`State of ${flow.fullName}, which is to be read instead.`)}`,
  );
  const tombstones = flow.scdType === 1 ? 'not __autocdc_visible' : '__autocdc_deletes';
  await client.query(`create index on ${storage} (__autocdc_changed_at) where ${tombstones}`);
  if (flow.scdType === 1) return;
  await client.query(`create index on ${storage} (${listOf(keys)}) where __autocdc_manual`);
  if (hasUntracked(layout)) await indexVisible(client, layout);
}

/** Only untracked columns produce long runs of hidden events, whose end has to be found. */
export function hasUntracked({ flow, tracked, data }: TargetLayout): boolean {
  return flow.scdType === 2 && tracked.length < data.length;
}

/** The index that finds the end of such runs. */
export async function indexVisible(client: pg.Client, { storage, keys, order }: TargetLayout): Promise<void> {
  const columns = [...keys, ...orderColumns(order, EVENT_ORDER)];
  await client.query(`create index on ${storage} (${columns.join(', ')}) where __autocdc_visible`);
}

/**
 * The view that users read.
 * @param existing columns of the existing view, in order: it is replaced, with new ones last
 */
export async function createTargetView(client: pg.Client, layout: TargetLayout, existing: readonly string[] = []) {
  const { view, storage, flow } = layout;
  const shown = shownColumns(layout);
  const names = [...existing, ...[...shown.keys()].filter((name) => !existing.includes(name))];
  const values = names.map((name) => `${shown.get(name)} as ${quoteIdentifier(name)}`);
  await client.query(
    `create ${existing.length > 0 ? 'or replace ' : ''}view ${view} with (security_barrier = true) as
     select ${values.join(', ')} from ${storage} s where s.__autocdc_visible`,
  );
  if (existing.length > 0) return;
  await client.query(`revoke all on ${view} from public`);
  const kept = `Kept by Auto CDC as SCD type ${flow.scdType}. Changes by hand are allowed; events that are newer win.`;
  await client.query(`comment on view ${view} is ${quoteLiteral(kept)}`);
}

/** The columns that users see, by name, as SQL over the storage (alias `s`). */
function shownColumns({ flow, order }: TargetLayout): Map<string, string> {
  const columns = flow.columns.map(({ name }) => [name, `s.${quoteIdentifier(name)}`] as const);
  if (flow.scdType === 1) return new Map(columns);
  return new Map([
    ...columns,
    ['__START_AT', shownSequence(order, 's', 's')],
    ['__END_AT', shownSequence(order, 'e', 's')],
  ]);
}

/** The change feed of a target, empty. */
export async function createFeed(client: pg.Client, layout: TargetLayout): Promise<void> {
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
  // It has no key, and old rows leave it: a publication FOR ALL TABLES would refuse that.
  await client.query(`alter table ${feed} replica identity full`);
  await client.query(`create index on ${feed} (_commit_version)`);
  const comment = `Changes of ${flow.fullName}: read them with synced_tables.table_changes.`;
  await client.query(`comment on table ${feed} is ${quoteLiteral(comment)}`);
}

/** The last snapshot of a target, empty. */
export async function createBase(client: pg.Client, layout: TargetLayout): Promise<void> {
  await createPrivateTable(client, layout.base, [
    ...selectedDefinitions(layout),
    `primary key (${listOf(layout.keys)})`,
  ]);
  const comment = `The last snapshot that ${layout.flow.fullName} was made from.`;
  await client.query(`comment on table ${layout.base} is ${quoteLiteral(comment)}`);
}

/** What the creator of a target may do with it, and grant to others. */
export async function grantToCreator(client: pg.Client, { view, flow }: TargetLayout): Promise<void> {
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regrole(quote_ident($1)) is not null and $1 <> 'databricks_sync' as found`,
    [flow.createdBy],
  );
  if (rows[0]?.found !== true) return;
  await client.query(
    `grant select, insert, update, delete on ${view} to ${quoteIdentifier(flow.createdBy)} with grant option`,
  );
}
