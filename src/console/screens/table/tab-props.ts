import type { TableSummary } from '../../../api/native/tables/table-summary-schema.js';

/** What a tab of a table's page is given. */
export interface TableTabProps {
  readonly table: TableSummary;
  /** The rest of the address after the tab, such as the id of an update; null if there is none. */
  readonly item: string | null;
}
