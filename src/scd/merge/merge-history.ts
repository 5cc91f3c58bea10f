import { allAuthored, columnsOfAuthored } from '../event/authored-values.js';
import { analyzeIfLarge } from '../event/create-staging.js';
import { contentDescending, isContentGreater } from '../event/event-content.js';
import { noOrder, orderColumns } from '../event/sequence-order.js';
import { contentOf, DELETES_COLUMN, EVENT_COLUMN, EVENT_ORDER } from '../event/staged-events.js';
import { differs, listOf, sameColumns, type TargetLayout } from '../target/target-layout.js';
import { type BatchStep, type CountsRow, countsOf, type StepCounts } from './batch-step.js';
import { loadNeighbourhood } from './history-neighbourhood.js';
import { cutRuns } from './history-runs.js';
import { insertFeed, pairColumn, pairOrder } from './target-feed.js';

const WORK = 'pg_temp.synced_tables_cdc_work';

/**
 * SCD type 2. The storage holds every upsert, visible if it is the last of its run, and the deletes that do not end a
 * visible row. The events of a batch are placed among the stored ones around them, runs are cut again there, and the
 * difference is written. Everything further away is untouched, so the cost depends on the batch, however long the
 * history.
 */
export async function mergeHistory(step: BatchStep): Promise<StepCounts> {
  const { client, layout } = step;
  await client.query(`drop table if exists ${WORK}`);
  const work = await client.query(
    `create temporary table synced_tables_cdc_work on commit drop as ${changedEvents(step)}`,
  );
  await analyzeIfLarge(client, WORK, work.rowCount ?? 0);
  for (const statement of writes(layout)) await client.query(statement);
  const feed = step.feedVersion === null ? '' : `, fed as (${insertFeed(layout, 'changed', step.feedVersion)})`;
  const { rows } = await client.query<CountsRow>(
    `with changed as materialized (${pairs(layout)})${feed}
     select count(*) filter (where __autocdc_is_there)::text as upserted,
            count(*) filter (where __autocdc_was_there and not __autocdc_is_there)::text as deleted,
            (select count(*) from ${WORK} where __autocdc_is_tie)::text as ties
       from changed`,
  );
  return countsOf(rows[0]);
}

/** Columns that a stored event had before the batch. */
const was = (column: string) => `"__autocdc_was_${column.replaceAll('"', '').replace(/^__autocdc_/, '')}"`;

/** Stored columns beside the values: what a merge may change without touching a value. */
function stateColumns({ order }: TargetLayout): string[] {
  return [DELETES_COLUMN, '__autocdc_visible', ...orderColumns(order, 's'), ...orderColumns(order, 'e')];
}

/** Events to be inserted, updated or deleted, with their previous state: one SELECT. */
function changedEvents(step: BatchStep): string {
  const { layout } = step;
  const { keys, data, order } = layout;
  const own = orderColumns(order, EVENT_ORDER);
  const event = layout.isPartial
    ? [`case when not e.${DELETES_COLUMN} then e.${EVENT_COLUMN} end as ${EVENT_COLUMN}`]
    : [];
  const isVisible = `(not e.${DELETES_COLUMN} and coalesce(e.__autocdc_next_deletes or e.__autocdc_next_begins, true))`;
  // A delete that ends a visible row is stored as that row's end.
  const isKept = `(not e.${DELETES_COLUMN} or e.__autocdc_previous_deletes is distinct from false)`;
  const starts = orderColumns(order, 's').map(
    (column, place) =>
      `case when ${isVisible} then e.__autocdc_start_${place} else ${noOrder(order)[place]} end as ${column}`,
  );
  const ends = orderColumns(order, 'e').map(
    (column, place) =>
      `case when ${isVisible} and e.__autocdc_next_deletes is not null then e.__autocdc_next_${place} else ${noOrder(order)[place]} end as ${column}`,
  );
  const values = data.map((column) => `case when not e.${DELETES_COLUMN} then e.${column} end as ${column}`);
  const before = [...data.map((_, place) => `__autocdc_was_${place}`), ...stateColumns(layout).map(was)];
  const after = [...data, ...stateColumns(layout)];
  const isSame = `row(${listOf(before, 'w')}) is not distinct from row(${listOf(after, 'w')})`;
  return `with ${loadNeighbourhood(step, incomingEvents(step))},
    merged as (${mergedEvents(layout)}),
    filled as (${layout.isPartial ? filledEvents(layout) : 'select * from merged'}),
    ${cutRuns(layout)}
    select w.* from (
      select ${[listOf([...keys, ...own, DELETES_COLUMN], 'e'), ...event, ...values].join(', ')}, ${isVisible} as __autocdc_visible,
             ${[...starts, ...ends, listOf(before, 'e')].join(', ')}, e.__autocdc_was_stored, e.__autocdc_was_manual, e.__autocdc_is_tie, ${isKept} as __autocdc_is_kept
        from started e) w
     where case when w.__autocdc_was_stored then not w.__autocdc_is_kept or w.__autocdc_was_manual or not (${isSame}) or w.__autocdc_is_tie else w.__autocdc_is_kept end`;
}

/** One event per key and sequence value: a delete if there is one, else the greatest upsert. */
function incomingEvents({ layout, events }: BatchStep): string {
  const group = [...layout.keys, ...orderColumns(layout.order, EVENT_ORDER)];
  const greatest = [`e.${DELETES_COLUMN} desc`, ...contentDescending(contentOf(layout), 'e')];
  return `select distinct on (${listOf(group, 'e')}) e.* from (${events}) e order by ${[listOf(group, 'e'), ...greatest].join(', ')}`;
}

/** Stored events (`o`) and those of the batch (`i`) on one timeline; if both have a sequence value, one wins. */
function mergedEvents(layout: TargetLayout): string {
  const { keys, data, order } = layout;
  const own = orderColumns(order, EVENT_ORDER);
  const group = [...keys, ...own];
  const isTie = `(not o.${DELETES_COLUMN} and not i.${DELETES_COLUMN})`;
  const takes = `i.${DELETES_COLUMN} is not null and (o.${DELETES_COLUMN} is null or not o.${DELETES_COLUMN}
      and (i.${DELETES_COLUMN} or ${isContentGreater(contentOf(layout), 'i', 'o')}))`;
  const winner = (column: string) => `case when t.takes then i.${column} else o.${column} end as ${column}`;
  const columns = [
    ...group.map((column) => `coalesce(o.${column}, i.${column}) as ${column}`),
    ...[...data, DELETES_COLUMN, ...(layout.isPartial ? [EVENT_COLUMN] : [])].map(winner),
    `coalesce(o.__autocdc_is_first, false) as __autocdc_is_first`,
    ...orderColumns(order, 's').map((column) => `o.__autocdc_run_${column.slice(1, -1)} as ${column}`),
    ...data.map((column, place) => `o.${column} as __autocdc_was_${place}`),
    ...stateColumns(layout).map((column) => `o.${column} as ${was(column)}`),
    `coalesce(o.__autocdc_was_stored, false) as __autocdc_was_stored`,
    `coalesce(o.__autocdc_manual, false) as __autocdc_was_manual`,
    // The loser of a tie is gone for good, but the stored event may have to take over the winner's content.
    `coalesce(${isTie} and ${differs(layout.isPartial ? [EVENT_COLUMN] : data, 'i', 'o')}, false) as __autocdc_is_tie`,
  ];
  return `select ${columns.join(', ')} from stored o full join incoming i on ${sameColumns(group, 'o', 'i')}
           cross join lateral (select ${takes} as takes) t`;
}

/** Values that an event does not author come from the event before it, back to the last delete. */
function filledEvents({ keys, data, order, flow }: TargetLayout): string {
  const own = listOf(orderColumns(order, EVENT_ORDER));
  const others = (columns: readonly string[]) => columns.map((column) => `e.${column}`);
  const decoded = columnsOfAuthored(flow, 'e.__autocdc_filled').map((value, place) => `${value} as ${data[place]}`);
  const kept = [
    ...keys,
    ...orderColumns(order, EVENT_ORDER),
    DELETES_COLUMN,
    EVENT_COLUMN,
    '__autocdc_is_first',
    ...orderColumns(order, 's'),
    ...data.map((_, place) => `__autocdc_was_${place}`),
    ...[DELETES_COLUMN, '__autocdc_visible', ...orderColumns(order, 's'), ...orderColumns(order, 'e')].map(was),
    '__autocdc_was_stored',
    '__autocdc_was_manual',
    '__autocdc_is_tie',
  ];
  return `select ${[...others(kept), ...decoded].join(', ')} from (
      select e.*, synced_tables_internal._overlay(case when e.__autocdc_is_first then ${allAuthored(flow, 'e')} else e.${EVENT_COLUMN} -> 'v' end)
                    filter (where not e.${DELETES_COLUMN}) over (partition by ${listOf(keys)}, e.__autocdc_life order by ${own}) as __autocdc_filled
        from (select m.*, count(*) filter (where m.${DELETES_COLUMN}) over (partition by ${listOf(keys)} order by ${own}) as __autocdc_life
                from merged m) e) e`;
}

function writes(layout: TargetLayout): string[] {
  const { keys, data, order, storage, isPartial } = layout;
  const group = [...keys, ...orderColumns(order, EVENT_ORDER)];
  const changing = [...data, ...stateColumns(layout), ...(isPartial ? [EVENT_COLUMN] : [])];
  const assignments = changing.map((column) => `${column} = w.${column}`);
  return [
    `delete from ${storage} s using ${WORK} w where w.__autocdc_was_stored and not w.__autocdc_is_kept and ${sameColumns(group, 's', 'w')}`,
    `update ${storage} s set ${assignments.join(', ')}, __autocdc_manual = false, __autocdc_changed_at = clock_timestamp()
       from ${WORK} w where w.__autocdc_was_stored and w.__autocdc_is_kept and ${sameColumns(group, 's', 'w')}`,
    `insert into ${storage} (${[...group, ...changing].join(', ')}) select ${listOf([...group, ...changing], 'w')}
       from ${WORK} w where not w.__autocdc_was_stored and w.__autocdc_is_kept order by ${listOf(group, 'w')}`,
  ];
}

/** Visible rows before and after, by primary key: key and start, or end for a row without start. */
function pairs(layout: TargetLayout): string {
  const { keys, data, columns, order } = layout;
  const [starts, ends] = [orderColumns(order, 's'), orderColumns(order, 'e')];
  const side = (name: 'before' | 'after', of: (column: string) => string, condition: string) => {
    const value = (column: string) => {
      if (keys.includes(column) || name === 'after') return `w.${column}`;
      return `w.__autocdc_was_${data.indexOf(column)}`;
    };
    const selected = columns.map((column, place) => `${value(column)} as ${pairColumn(name, place)}`);
    const interval = [
      ...starts.map((column, place) => `w.${of(column)} as ${pairOrder(layout, name, 's')[place]}`),
      ...ends.map((column, place) => `w.${of(column)} as ${pairOrder(layout, name, 'e')[place]}`),
    ];
    const primary = starts.map(
      (start, place) =>
        `case when w.${of(starts[0] ?? '')} then w.${of(start)} else w.${of(ends[place] ?? '')} end as __autocdc_primary_${place}`,
    );
    return `select true as __autocdc_is_there, ${[listOf(keys, 'w'), ...primary, ...selected, ...interval].join(', ')} from ${WORK} w where ${condition}`;
  };
  const shown = (name: 'before' | 'after') => [
    ...columns.map((_, place) => pairColumn(name, place)),
    ...pairOrder(layout, name, 's'),
    ...pairOrder(layout, name, 'e'),
  ];
  const primary = [...keys, ...starts.map((_, place) => `__autocdc_primary_${place}`)];
  const all = [listOf(shown('before'), 'b'), listOf(shown('after'), 'a')].join(', ');
  return `select coalesce(b.__autocdc_is_there, false) as __autocdc_was_there, coalesce(a.__autocdc_is_there, false) as __autocdc_is_there, ${all}
            from (${side('before', was, `w.__autocdc_was_stored and w.${was('__autocdc_visible')}`)}) b
            full join (${side('after', (column) => column, 'w.__autocdc_is_kept and w.__autocdc_visible')}) a on ${sameColumns(primary, 'b', 'a')}
           where row(${listOf(shown('before'), 'b')}) is distinct from row(${listOf(shown('after'), 'a')})`;
}
