import { EventList } from '../../parts/event-list/event-list.js';
import type { TableTabProps } from './tab-props.js';

/** What happened to a table, newest first. */
export function Tab({ table }: TableTabProps) {
  return <EventList fixed={{ table: table.name, instance: table.instance }} />;
}
