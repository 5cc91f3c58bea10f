import { rankOf } from '../../../core/table-condition.js';
import type { TABLE_ORDERS } from './table-list-schema.js';
import type { NamedTable } from './table-summary.js';

type TableOrder = (typeof TABLE_ORDERS)[number];

/** By what a table is placed in a list: compared one after another; null comes last, whichever way the order runs. */
export type OrderKey = readonly (number | string | null)[];

/** Name and id, at the end of each key. */
const TIE_PARTS = 2;

/**
 * @param sizes bytes by table id, for the order by size
 * @returns the key of each table, and how to compare keys; the last part makes keys unique, so a list can go on after one
 */
export function tableOrder(order: TableOrder, isDescending: boolean, sizes: ReadonlyMap<string, number>) {
  const sign = isDescending ? -1 : 1;
  const keyOf = ({ name, overview, condition }: NamedTable): OrderKey => {
    switch (order) {
      case 'problem':
        // The longest behind first.
        return [rankOf(condition), condition === 'BEHIND' ? -(overview.lagSeconds ?? 0) : 0, name, overview.tableId];
      case 'name':
        return [name, name, overview.tableId];
      case 'lag':
        return [overview.lagSeconds, name, overview.tableId];
      case 'rows':
        return [overview.rowCount === null ? null : Number(overview.rowCount), name, overview.tableId];
      case 'size':
        return [sizes.get(overview.tableId) ?? null, name, overview.tableId];
      case 'last_sync':
        return [overview.lastSyncAt, name, overview.tableId];
    }
  };
  const compare = (a: OrderKey, b: OrderKey): number => {
    for (const [nth, left] of a.entries()) {
      const right = b[nth] ?? null;
      if (left === right) continue;
      if (left === null) return 1;
      if (right === null) return -1;
      // Equal ones are in the order of their names, whichever way the list runs.
      const way = nth < a.length - TIE_PARTS ? sign : 1;
      return left < right ? -way : way;
    }
    return 0;
  };
  return { keyOf, compare };
}
