import type { TableListReply } from '../../api/native/tables/table-list-schema.js';
import type { TableSummary } from '../../api/native/tables/table-summary-schema.js';
import { queryOf } from './query-cache.js';
import { type Query, useQuery } from './use-query.js';

export const TABLES = '/api/2.0/synced-tables/tables';

/** Path of the calls about one table. */
export function tablePath(name: string, instance: string | null = null): string {
  const query = instance === null ? '' : `?instance=${encodeURIComponent(instance)}`;
  return `${TABLES}/${encodeURIComponent(name)}${query}`;
}

/** @param query filter and order, as the call takes them */
export function useTables(query: URLSearchParams): Query<TableListReply> {
  const text = query.toString();
  return useQuery<TableListReply>(`${TABLES}${text === '' ? '' : `?${text}`}`, {
    hints: ['table:'],
    isBusy: ({ tables }) => tables.some(isMoving),
  });
}

/** A table, kept fresh while it is shown. */
export function useTable(name: string, instance: string | null): Query<TableSummary> {
  const path = tablePath(name, instance);
  const id = (queryOf(path).state.data as TableSummary | undefined)?.table_id;
  return useQuery<TableSummary>(path, {
    hints: id === undefined ? [] : [`table:${id}`, 'pipeline:'],
    isBusy: isMoving,
  });
}

function isMoving({ group }: TableSummary): boolean {
  return group === 'run' || group === 'new' || group === 'warn';
}
