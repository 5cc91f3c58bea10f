import { columnsOfAuthored } from '../event/authored-values.js';
import { analyzeIfLarge } from '../event/create-staging.js';
import { contentAscending, IS_TIED_COLUMN } from '../event/event-content.js';
import { noOrder, orderAsJson, orderColumns, orderOfJson, orderRow } from '../event/sequence-order.js';
import { contentOf, DELETES_COLUMN, EVENT_COLUMN, EVENT_ORDER } from '../event/staged-events.js';
import { listOf, sameColumns, type TargetLayout } from '../target/target-layout.js';
import { type BatchStep, type CountsRow, countsOf, type StepCounts } from './batch-step.js';
import { insertFeed, pairColumn } from './target-feed.js';

const WORK = 'pg_temp.synced_tables_cdc_work';

/**
 * SCD type 1 with events that leave columns out: each column has the value of its latest author. For each key the
 * storage keeps the events that are the latest author of something, the last event, and the last delete; these are
 * replayed in order with the events of the batch, and the events that still qualify are stored again.
 */
export async function mergeAuthoredColumns(step: BatchStep): Promise<StepCounts> {
  const { client, layout } = step;
  await client.query(`drop table if exists ${WORK}`);
  const work = await client.query(`create temporary table synced_tables_cdc_work on commit drop as ${replayed(step)}`);
  await analyzeIfLarge(client, WORK, work.rowCount ?? 0);
  const feed = step.feedVersion === null ? '' : `, fed as (${insertFeed(layout, 'pairs', step.feedVersion)})`;
  const { rows } = await client.query<CountsRow>(
    `with ${writes(layout)}, pairs as materialized (${pairs(layout)})${feed}
     select count(*) filter (where __autocdc_is_there)::text as upserted,
            count(*) filter (where __autocdc_was_there and not __autocdc_is_there)::text as deleted, '0' as ties
       from pairs`,
  );
  return countsOf(rows[0]);
}

/** Each touched key before and after: one SELECT. */
function replayed(step: BatchStep): string {
  const { layout, events, truncatedBefore, isNewlyTruncated } = step;
  const { keys, data, order, storage, flow } = layout;
  const own = orderColumns(order, EVENT_ORDER);
  const alive =
    truncatedBefore === null ? '' : `where ${orderRow(order, EVENT_ORDER, 'e')} >= (${truncatedBefore.join(', ')})`;
  const group = [...keys, ...own];
  // Of equals, an upsert comes after a delete.
  const backwards = [...own.map((column) => `e.${column} desc`), `e.${DELETES_COLUMN}`].join(', ');
  const decoded = columnsOfAuthored(flow, 'c.__autocdc_filled').map((value, place) => `${value} as ${data[place]}`);
  const lastOrder = own.map((column) => `(array_agg(e.${column} order by e.__autocdc_nth desc))[1] as ${column}`);
  const deletes = orderColumns(order, 'd');
  return `with incoming as materialized (select e.* from (${events}) e ${alive}),
    touched as (select distinct ${listOf(keys)} from incoming${isNewlyTruncated ? ` union select ${listOf(keys)} from ${storage}` : ''}),
    stored as materialized (select s.* from touched k join ${storage} s on ${sameColumns(keys, 's', 'k')}),
    known as (${knownEvents(layout)}),
    ranked as (
      select e.*, count(*) filter (where e.${DELETES_COLUMN}) over (partition by ${listOf(keys, 'e')} order by ${backwards}
                                   rows between unbounded preceding and current row) as __autocdc_deletes_after,
             count(*) over (partition by ${listOf(group, 'e')}) > 1 as ${IS_TIED_COLUMN}
        from known e ${alive}),
    lasting as (
      select e.*, row_number() over (partition by ${listOf(keys, 'e')}
                                     order by ${[listOf(own, 'e'), ...contentAscending(contentOf(layout), 'e')].join(', ')}) as __autocdc_nth
        from ranked e where not e.${DELETES_COLUMN} and e.__autocdc_deletes_after = 0),
    composed as (
      select ${listOf(keys, 'e')}, synced_tables_internal._overlay(e.${EVENT_COLUMN} -> 'v' order by e.__autocdc_nth) as __autocdc_filled,
             synced_tables_internal._overlay((select jsonb_object_agg(unit, e.__autocdc_nth) from jsonb_object_keys(e.${EVENT_COLUMN} -> 'v') unit)
                                    order by e.__autocdc_nth) as __autocdc_authors,
             array_agg(e.${EVENT_COLUMN} || jsonb_build_object('q', ${orderAsJson(own.map((column) => `e.${column}`))})
                       order by e.__autocdc_nth) as __autocdc_events, ${lastOrder.join(', ')}
        from lasting e group by ${listOf(keys, 'e')}),
    deleted as (select ${listOf(group, 'e')} from ranked e where e.${DELETES_COLUMN} and e.__autocdc_deletes_after = 1)
    select ${[
      listOf(keys, 'k'),
      ...decoded,
      ...own.map((column, place) => `coalesce(c.${column}, ${noOrder(order)[place]}) as ${column}`),
      ...deletes.map((column, place) => `coalesce(d.${own[place]}, ${noOrder(order)[place]}) as ${column}`),
      `c.__autocdc_events is not null as __autocdc_visible`,
      `c.__autocdc_events is not null or d.${own[0]} is not null as __autocdc_is_kept`,
      `case when c.__autocdc_events is null then '[]'
            else (select jsonb_agg(c.__autocdc_events[nth] order by nth)
                    from (select value::int as nth from jsonb_each_text(c.__autocdc_authors)
                          union select cardinality(c.__autocdc_events)) n) end as __autocdc_kept_events`,
      `s.__autocdc_visible is not null as __autocdc_was_stored`,
      `coalesce(s.__autocdc_visible, false) as __autocdc_was_visible`,
      ...data.map((column, place) => `s.${column} as __autocdc_was_${place}`),
    ].join(', ')}
      from touched k left join composed c on ${sameColumns(keys, 'c', 'k')}
      left join deleted d on ${sameColumns(keys, 'd', 'k')} left join stored s on ${sameColumns(keys, 's', 'k')}`;
}

/** Events of the batch and stored ones, in the same form. */
function knownEvents({ keys, order }: TargetLayout): string {
  const own = orderColumns(order, EVENT_ORDER);
  const deletes = orderColumns(order, 'd');
  return `select ${listOf([...keys, ...own, DELETES_COLUMN, EVENT_COLUMN])} from incoming
    union all select ${[listOf(keys, 's'), ...orderOfJson(order, `a.event -> 'q'`)].join(', ')}, false, a.event - 'q'
      from stored s cross join jsonb_array_elements(s.__autocdc_kept_events) a (event)
    union all select ${listOf([...keys, ...deletes], 's')}, true, null from stored s where s.${deletes[0]}`;
}

function writes({ keys, data, order, storage }: TargetLayout): string {
  const state = [
    ...orderColumns(order, EVENT_ORDER),
    ...orderColumns(order, 'd'),
    '__autocdc_visible',
    '__autocdc_kept_events',
  ];
  const columns = [...keys, ...data, ...state];
  const assignments = [...data, ...state].map((column) => `${column} = excluded.${column}`);
  return `written as (
       insert into ${storage} as s (${columns.join(', ')}, __autocdc_changed_at)
       select ${listOf(columns, 'w')}, clock_timestamp() from ${WORK} w where w.__autocdc_is_kept order by ${listOf(keys, 'w')}
       on conflict (${listOf(keys)}) do update set ${assignments.join(', ')}, __autocdc_changed_at = excluded.__autocdc_changed_at
        where row(${listOf([...data, ...state], 's')}) is distinct from row(${listOf([...data, ...state], 'excluded')})),
     gone as (delete from ${storage} s using ${WORK} w where not w.__autocdc_is_kept and ${sameColumns(keys, 's', 'w')})`;
}

/** Visible rows before and after, where they differ. */
function pairs({ keys, data, columns }: TargetLayout): string {
  const value = (column: string, side: 'before' | 'after') =>
    keys.includes(column) || side === 'after' ? `w.${column}` : `w.__autocdc_was_${data.indexOf(column)}`;
  const sides = (['before', 'after'] as const).flatMap((side) =>
    columns.map((column, place) => `${value(column, side)} as ${pairColumn(side, place)}`),
  );
  const was = data.map((_, place) => `w.__autocdc_was_${place}`).join(', ');
  const isChanged = data.length === 0 ? 'false' : `row(${listOf(data, 'w')}) is distinct from row(${was})`;
  return `select w.__autocdc_was_visible as __autocdc_was_there, w.__autocdc_visible as __autocdc_is_there, ${sides.join(', ')}
            from ${WORK} w where w.__autocdc_was_visible <> w.__autocdc_visible or w.__autocdc_visible and ${isChanged}`;
}
