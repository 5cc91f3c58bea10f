import { KIND_COLUMN } from '../../core/flows/auto-cdc-flow.js';
import { quoteIdentifier } from '../../core/names.js';
import { listOf, type TargetLayout } from '../target/target-layout.js';
import { eventContent, stagedEvent } from './authored-values.js';
import { type ContentPart, columnContent, IS_TIED_COLUMN } from './event-content.js';
import { orderColumns, stagedOrder } from './sequence-order.js';

/** Columns of events in SQL, beside the selected ones. */
export const DELETES_COLUMN = '__autocdc_deletes';
export const EVENT_COLUMN = '__autocdc_event';
/** Prefix of the order columns of an event's own sequence. */
export const EVENT_ORDER = 'r';

/** U and D events of a batch as `keys, data, deletes, order, event (partial flows), is_tied`. */
export function stagedEvents(layout: TargetLayout, staging: string, hasTies: boolean): string {
  const { keys, data, order, flow, isPartial } = layout;
  const ownOrder = stagedOrder(order, 'e').map(
    (value, index) => `${value} as ${orderColumns(order, EVENT_ORDER)[index]}`,
  );
  const event = isPartial ? [`${stagedEvent(flow, 'e')} as ${EVENT_COLUMN}`] : [];
  const kind = `e.${quoteIdentifier(KIND_COLUMN)}`;
  const columns = [listOf([...keys, ...data], 'e'), `${kind} = 'D' as ${DELETES_COLUMN}`, ...ownOrder, ...event];
  const select = `select ${columns.join(', ')} from ${staging} e where ${kind} <> 'T'`;
  const group = [...keys, ...orderColumns(order, EVENT_ORDER)].join(', ');
  const isTied = hasTies ? `count(*) over (partition by ${group}) > 1` : 'false';
  return `select *, ${isTied} as ${IS_TIED_COLUMN} from (${select}) e`;
}

/** What tied events of a flow are compared by. */
export function contentOf(layout: TargetLayout): ContentPart[] {
  return layout.isPartial ? eventContent(layout.flow, EVENT_COLUMN) : columnContent(layout.dataColumns, layout.data);
}
