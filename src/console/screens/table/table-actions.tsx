import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';

/** What can be done with a table. */
export function TableActions(_: { readonly table: TableSummary }) {
  return null;
}
