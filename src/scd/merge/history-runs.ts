import { noOrder, orderColumns } from '../event/sequence-order.js';
import { DELETES_COLUMN, EVENT_ORDER } from '../event/staged-events.js';
import { listOf, type TargetLayout } from '../target/target-layout.js';

/**
 * CTEs from `filled`, the events around a batch in order, to `started`: each event with its predecessor and successor,
 * and the start of its run. A run is a row of the history: consecutive events without a delete in between that agree in
 * the tracked columns.
 */
export function cutRuns(layout: TargetLayout): string {
  return `begun as (${runBeginnings(layout)}),
    numbered as (${runNumbers(layout)}),
    started as (${runStarts(layout)})`;
}

/** Where runs begin, and the predecessor of each event. */
function runBeginnings({ keys, tracked, order }: TargetLayout): string {
  const window = `(partition by ${listOf(keys, 'e')} order by ${listOf(orderColumns(order, EVENT_ORDER), 'e')})`;
  const row = `row(${listOf(tracked, 'e')})`;
  const isOther = tracked.length === 0 ? '' : ` or lag(${row}) over w is distinct from ${row}`;
  return `select e.*, lag(e.${DELETES_COLUMN}) over w as __autocdc_previous_deletes,
                 not e.${DELETES_COLUMN} and (lag(e.${DELETES_COLUMN}) over w is distinct from false${isOther}) as __autocdc_begins
            from filled e window w as ${window}`;
}

/** The successor of each event, and its run: identified by the run's start if possible, else by a number. */
function runNumbers(layout: TargetLayout): string {
  const { keys, order } = layout;
  const own = orderColumns(order, EVENT_ORDER);
  const next = own.map((column, place) => `lead(e.${column}) over w as __autocdc_next_${place}`);
  const run = isStartMaximum(layout)
    ? maximalStart(layout)
    : ['count(*) filter (where e.__autocdc_begins) over w as __autocdc_run'];
  return `select e.*, lead(e.__autocdc_begins) over w as __autocdc_next_begins, lead(e.${DELETES_COLUMN}) over w as __autocdc_next_deletes,
                 ${[...next, ...run].join(', ')}
            from begun e window w as (partition by ${listOf(keys, 'e')} order by ${listOf(own, 'e')})`;
}

/** The start of a run for the event that begins it here: the first loaded event may lie inside a run. */
function ownStart({ order }: TargetLayout): string[] {
  const own = orderColumns(order, EVENT_ORDER);
  return orderColumns(order, 's').map(
    (column, place) => `case when e.__autocdc_is_first then e.${column} else e.${own[place]} end`,
  );
}

/** Starts ascend, so a run's start is the greatest so far: usable if it is a single value whose type has max(). */
function isStartMaximum({ order }: TargetLayout): boolean {
  const { kind, fields } = order.sequence;
  return kind === 'column' && !['boolean', 'bytea', 'uuid'].includes(fields[0]?.postgresType ?? '');
}

function maximalStart(layout: TargetLayout): string[] {
  const [known, value] = ownStart(layout);
  const filler = noOrder(layout.order)[1];
  return [
    `bool_or(${known}) filter (where e.__autocdc_begins) over w as __autocdc_start_0`,
    `coalesce(max(${value}) filter (where e.__autocdc_begins and ${known}) over w, ${filler}) as __autocdc_start_1`,
  ];
}

function runStarts(layout: TargetLayout): string {
  if (isStartMaximum(layout)) return 'select * from numbered';
  const { keys, order } = layout;
  const starts = ownStart(layout).map((start, place) => `first_value(${start}) over w as __autocdc_start_${place}`);
  return `select e.*, ${starts.join(', ')} from numbered e
           window w as (partition by ${listOf(keys, 'e')}, e.__autocdc_run order by ${listOf(orderColumns(order, EVENT_ORDER), 'e')})`;
}
