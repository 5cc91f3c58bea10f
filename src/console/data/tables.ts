import { useRef } from 'preact/hooks';
import type { TableListReply } from '../../api/native/tables/table-list-schema.js';
import type { TableSummary } from '../../api/native/tables/table-summary-schema.js';
import { keepItems } from './keep-items.js';
import { queryOf } from './query-cache.js';
import { type Query, useQuery } from './use-query.js';

export const TABLES = '/api/2.0/synced-tables/tables';

/** Path of the calls about one table. */
export function tablePath(name: string, instance: string | null = null): string {
  const query = instance === null ? '' : `?instance=${encodeURIComponent(instance)}`;
  return `${TABLES}/${encodeURIComponent(name)}${query}`;
}

/** Path of the call for a list. @param query filter and order, as the call takes them */
export function tablesPath(query: URLSearchParams): string {
  const text = query.toString();
  return `${TABLES}${text === '' ? '' : `?${text}`}`;
}

/** @param query filter and order, as the call takes them */
export function useTables(query: URLSearchParams): Query<TableListReply> {
  return useQuery<TableListReply>(tablesPath(query), {
    hints: ['table:'],
    isBusy: ({ tables }) => tables.some(isMoving),
  });
}

/**
 * The list of tables. Rows that say what they said before are the same objects, and while more rows of one list are on
 * their way, those that are there stay.
 * @param query filter, order and number of rows, as the call takes them
 * @param key the same for every number of rows of one list
 */
export function useTableList(query: URLSearchParams, key: string): Query<TableListReply> {
  const list = useTables(query);
  const kept = useRef<{ key: string; answer?: TableListReply; shown?: TableListReply }>({ key });
  if (kept.current.key !== key) kept.current = { key };
  const { data: answer } = list;
  if (answer !== undefined && answer !== kept.current.answer) {
    const tables = keepItems(kept.current.shown?.tables ?? [], answer.tables, ({ table_id: id }) => id);
    kept.current = { key, answer, shown: { ...answer, tables: [...tables] } };
  }
  return { ...list, data: kept.current.shown };
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
