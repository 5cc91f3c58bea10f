import { contentDescending, isContentGreater } from '../event/event-content.js';
import { orderColumns, orderRow } from '../event/sequence-order.js';
import { contentOf, DELETES_COLUMN, EVENT_ORDER } from '../event/staged-events.js';
import { differs, listOf, sameColumns, type TargetLayout } from '../target/target-layout.js';
import { type BatchStep, type CountsRow, countsOf, type StepCounts } from './batch-step.js';
import { insertFeed, pairColumn } from './target-feed.js';

/**
 * SCD type 1 with events that author every column: only the greatest event of each key counts, and the storage holds
 * it, as a visible row or as a tombstone. One statement compares the greatest event of each key in the batch with the
 * stored one. The key's row is found by the primary key.
 */
export async function mergeWholeRows(step: BatchStep): Promise<StepCounts> {
  const { client, layout } = step;
  const feed = step.feedVersion === null ? '' : `, fed as (${insertFeed(layout, 'pairs', step.feedVersion)})`;
  const { rows } = await client.query<CountsRow>(
    `with incoming as materialized (${greatestEvents(step)}),
     matched as (${matchStored(layout)}),
     merged as materialized (select * from matched where __autocdc_was_stored is null or __autocdc_beats or ${DELETES_COLUMN} and not __autocdc_stays),
     ${writes(step)},
     pairs as materialized (${pairs(step)})${feed}
     select count(*) filter (where __autocdc_is_there)::text as upserted,
            count(*) filter (where __autocdc_was_there and not __autocdc_is_there)::text as deleted,
            (select count(*) from matched where __autocdc_ties)::text as ties
       from pairs`,
  );
  return countsOf(rows[0]);
}

/** The last event of each key; those below the truncate mark are dead. */
function greatestEvents({ layout, events, truncatedBefore }: BatchStep): string {
  const { keys, order } = layout;
  const greatest = [
    ...orderColumns(order, EVENT_ORDER, 'e').map((column) => `${column} desc`),
    `e.${DELETES_COLUMN}`,
    ...contentDescending(contentOf(layout), 'e'),
  ];
  const alive =
    truncatedBefore === null ? '' : `where ${orderRow(order, EVENT_ORDER, 'e')} >= (${truncatedBefore.join(', ')})`;
  return `select distinct on (${listOf(keys, 'e')}) e.* from (${events}) e ${alive}
           order by ${[listOf(keys, 'e'), ...greatest].join(', ')}`;
}

/**
 * `beats`: the incoming event is the greater one. A row added by hand over a tombstone gives way to the next event of
 * its key, whichever that is: then the stored delete counts.
 */
function matchStored(layout: TargetLayout): string {
  const { keys, data, order, storage } = layout;
  const own = orderColumns(order, EVENT_ORDER);
  const [incoming, stored] = [orderRow(order, EVENT_ORDER, 'i'), orderRow(order, EVENT_ORDER, 's')];
  const isTie = `${incoming} = ${stored} and not i.${DELETES_COLUMN}`;
  const beats = `(${incoming} > ${stored} or ${isTie} and (s.${DELETES_COLUMN} or ${isContentGreater(contentOf(layout), 'i', 's')}))`;
  const isHandmadeOverTombstone = `s.__autocdc_visible and s.${DELETES_COLUMN}`;
  const columns = [
    listOf(keys, 'i'),
    ...data.map((column) => `i.${column}`),
    `case when ${beats} is not false then i.${DELETES_COLUMN} else true end as ${DELETES_COLUMN}`,
    ...own.map((column) => `case when ${beats} is not false then i.${column} else s.${column} end as ${column}`),
    `${beats} as __autocdc_beats`,
    `(${isHandmadeOverTombstone}) is not true as __autocdc_stays`,
    `s.__autocdc_visible as __autocdc_was_stored`,
    `coalesce(s.__autocdc_visible, false) as __autocdc_was_visible`,
    ...data.map((column, place) => `s.${column} as __autocdc_was_${place}`),
    `${isTie} and not s.${DELETES_COLUMN} and ${differs(data, 'i', 's')} as __autocdc_ties`,
  ];
  return `select ${columns.join(', ')} from incoming i left join ${storage} s on ${sameColumns(keys, 'i', 's')}`;
}

function writes({ layout, truncatedBefore, isNewlyTruncated, forgetsDeletes }: BatchStep): string {
  const { keys, data, order, storage } = layout;
  const own = orderColumns(order, EVENT_ORDER);
  const state = [...own, DELETES_COLUMN, '__autocdc_visible', '__autocdc_changed_at'];
  const values = [
    listOf(keys, 'm'),
    ...data.map((column) => `case when not m.${DELETES_COLUMN} then m.${column} end`),
    ...own.map((column) => `m.${column}`),
    `m.${DELETES_COLUMN}`,
    `not m.${DELETES_COLUMN}`,
    'clock_timestamp()',
  ];
  const assignments = [...data, ...state].map((column) => `${column} = excluded.${column}`);
  const kept = forgetsDeletes ? `where not m.${DELETES_COLUMN}` : '';
  const written = `written as (
       insert into ${storage} as s (${[...keys, ...data, ...state].join(', ')})
       select ${values.join(', ')} from merged m ${kept} order by ${listOf(keys, 'm')}
       on conflict (${listOf(keys)}) do update set ${assignments.join(', ')})`;
  const forgotten = `forgotten as (delete from ${storage} s using merged m where m.${DELETES_COLUMN} and ${sameColumns(keys, 's', 'm')})`;
  const truncated = `truncated as (
       delete from ${storage} s where ${orderRow(order, EVENT_ORDER, 's')} < (${truncatedBefore?.join(', ')})
          and not exists (select from incoming i where ${sameColumns(keys, 'i', 's')}) returning s.*)`;
  return [written, ...(forgetsDeletes ? [forgotten] : []), ...(isNewlyTruncated ? [truncated] : [])].join(', ');
}

/** Visible rows before and after, where they differ. */
function pairs({ layout, isNewlyTruncated }: BatchStep): string {
  const { keys, data, columns } = layout;
  const sideValue = (column: string, side: 'before' | 'after') => {
    if (keys.includes(column) || side === 'after') return `m.${column}`;
    return `m.__autocdc_was_${data.indexOf(column)}`;
  };
  const sides = (['before', 'after'] as const).flatMap((side) =>
    columns.map((column, place) => `${sideValue(column, side)} as ${pairColumn(side, place)}`),
  );
  const isChanged = `row(${listOf(data, 'm')}) is distinct from row(${data.map((_, place) => `m.__autocdc_was_${place}`).join(', ')})`;
  const changed = `select m.__autocdc_was_visible as __autocdc_was_there, not m.${DELETES_COLUMN} as __autocdc_is_there, ${sides.join(', ')} from merged m
    where m.__autocdc_was_visible <> not m.${DELETES_COLUMN} or m.__autocdc_was_visible and ${data.length === 0 ? 'false' : isChanged}`;
  if (!isNewlyTruncated) return changed;
  const gone = [...columns.map((column) => `t.${column}`), ...columns.map(() => 'null')];
  return `${changed} union all select true, false, ${gone.join(', ')} from truncated t where t.__autocdc_visible`;
}
