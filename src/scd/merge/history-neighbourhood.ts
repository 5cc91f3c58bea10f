import { noOrder, orderColumns, orderRow } from '../event/sequence-order.js';
import { DELETES_COLUMN, EVENT_COLUMN, EVENT_ORDER } from '../event/staged-events.js';
import { listOf, sameColumns, type TargetLayout } from '../target/target-layout.js';
import type { BatchStep } from './batch-step.js';

/**
 * CTEs `incoming` (the events of the batch) and `stored`: the stored events that the batch may affect.
 *
 * For each key these are the events from the last one before the batch's first event to the end of the run containing
 * the first one after the batch's last event; for partial events, to the end, since values propagate. `run_…` of the
 * first stored event gives the start of its run. Ends of visible rows without a stored event come as deletes with
 * __autocdc_was_stored false. Keys changed by hand are loaded whole.
 */
export function loadNeighbourhood({ layout }: BatchStep, incoming: string): string {
  const { keys, storage, order, isPartial } = layout;
  const own = orderColumns(order, EVENT_ORDER);
  const after = orderRow(order, EVENT_ORDER, 's');
  const sameKey = (alias: string) => sameColumns(keys, 's', alias);
  const byKey = 'not b.__autocdc_is_manual';
  const last = own.map((column) => `last_value(${column}) over w as ${lastOf(column)}`);
  // OFFSET 0 below keeps the planner from reading the whole storage instead of using its index for each key.
  const upTo = isPartial ? '' : `and ${after} <= (${own.map((column) => `b.${lastOf(column)}`).join(', ')})`;
  const next = `select s.* from ${storage} s where ${byKey} and ${sameKey('b')}
                   and ${after} > (${own.map((column) => `b.${lastOf(column)}`).join(', ')}) order by ${listOf(own, 's')} limit 1`;
  const runEnd = (
    of: string,
  ) => `select s.* from ${storage} s where not ${of}.__autocdc_visible and not ${of}.${DELETES_COLUMN}
                   and s.__autocdc_visible and ${sameKey(of)} and ${after} > ${orderRow(order, EVENT_ORDER, of)} order by ${listOf(own, 's')} limit 1`;
  const parts = [
    'select * from previous',
    `select ${loaded(layout, 's', false)} from bounds b cross join lateral (
       select s.* from ${storage} s where ${byKey} and ${sameKey('b')} and ${after} >= ${orderRow(order, EVENT_ORDER, 'b')} ${upTo} offset 0) s`,
    `select ${loaded(layout, 's', false)} from bounds b cross join lateral (
       select s.* from ${storage} s where b.__autocdc_is_manual and ${sameKey('b')} offset 0) s`,
    ...(isPartial ? [] : ['select * from following', 'select * from closing']),
  ];
  return `incoming as materialized (${incoming}),
    bounds as materialized (
      select b.*, exists (select from ${storage} s where s.__autocdc_manual and ${sameKey('b')}) as __autocdc_is_manual
        from (select ${[...keys, ...own, ...last].join(', ')}, row_number() over w as __autocdc_place from incoming
              window w as (partition by ${listOf(keys)} order by ${listOf(own)} rows between unbounded preceding and unbounded following)) b
       where b.__autocdc_place = 1),
    previous as materialized (
      select ${loaded(layout, 'p', true)} from bounds b cross join lateral (
        select s.* from ${storage} s where ${byKey} and ${sameKey('b')} and ${after} < ${orderRow(order, EVENT_ORDER, 'b')}
         order by ${own.map((column) => `s.${column} desc`).join(', ')} limit 1) p
        left join lateral (${runEnd('p')}) v on true),
    ${
      isPartial
        ? ''
        : `following as materialized (select ${loaded(layout, 's', false)} from bounds b cross join lateral (${next}) s),
    closing as materialized (select ${loaded(layout, 'v', false)} from following f cross join lateral (${runEnd('f')}) v),`
    }
    loaded as materialized (${parts.join(' union all ')}),
    stored as (select * from loaded union all ${impliedDeletes(layout)})`;
}

const lastOf = (column: string) => `"__autocdc_last_${column.slice(1)}`;
const runOf = (column: string) => `"__autocdc_run_${column.slice(1)}`;

/** Columns of a loaded event; `run_…` only for the first one of its key. */
function loaded(layout: TargetLayout, alias: string, isFirst: boolean): string {
  const { order } = layout;
  const stored = storedColumns(layout).map((column) => `${alias}.${column}`);
  const run = orderColumns(order, 's').map((column, place) =>
    isFirst
      ? `case when ${alias}.__autocdc_visible then ${alias}.${column} else v.${column} end as ${runOf(column)}`
      : `${noOrder(order)[place]} as ${runOf(column)}`,
  );
  return [...stored, ...run, `${isFirst} as __autocdc_is_first`, 'true as __autocdc_was_stored'].join(', ');
}

function storedColumns({ keys, data, order, isPartial }: TargetLayout): string[] {
  return [
    ...keys,
    ...data,
    ...orderColumns(order, EVENT_ORDER),
    DELETES_COLUMN,
    '__autocdc_visible',
    '__autocdc_manual',
    ...orderColumns(order, 's'),
    ...orderColumns(order, 'e'),
    ...(isPartial ? [EVENT_COLUMN] : []),
  ];
}

/** Ends of visible rows without a stored event: deletes that are only kept as ends. */
function impliedDeletes(layout: TargetLayout): string {
  const { keys, data, order, isPartial } = layout;
  const own = orderColumns(order, EVENT_ORDER);
  const ends = orderColumns(order, 'e');
  const isStored = [
    ...keys.map((key) => `o.${key} = l.${key}`),
    ...own.map((column, place) => `o.${column} = l.${ends[place]}`),
  ];
  const columns = [
    ...keys.map((key) => `l.${key}`),
    ...data.map(() => 'null'),
    ...ends.map((column) => `l.${column}`),
    'true',
    'false',
    'false',
    ...noOrder(order),
    ...noOrder(order),
    ...(isPartial ? ['null'] : []),
    ...noOrder(order),
    'false',
    'false',
  ];
  return `select distinct on (${[...keys, ...ends].map((column) => `l.${column}`).join(', ')}) ${columns.join(', ')}
            from loaded l where l.__autocdc_visible and l.${ends[0]}
             and not exists (select from loaded o where ${isStored.join(' and ')})`;
}
