import type { TableSummary } from '../../api/native/tables/table-summary-schema.js';
import { TABLES } from './tables.js';

/** Path of a call about one table: `rest` is what stands behind its name; empty fields are left out. */
export function tableCall(
  { name, instance }: Pick<TableSummary, 'name' | 'instance'>,
  rest: string,
  fields: Readonly<Record<string, string | null>> = {},
): string {
  const query = new URLSearchParams({ instance });
  for (const [field, value] of Object.entries(fields)) if (value !== null && value !== '') query.set(field, value);
  return `${TABLES}/${encodeURIComponent(name)}/${rest}?${query}`;
}
