import { quoteIdentifier } from '../core/names.js';
import type { TargetColumn } from '../core/synced-table.js';

/**
 * The columns of one side of `(…) is distinct from (…)`. Postgres finds the operator by the search_path, on which the
 * schemas of extensions never are: types from there are compared by their text.
 */
export function comparedValues(columns: readonly TargetColumn[], alias: string): string {
  return columns
    .map(({ field, postgresType }) => {
      const isFromExtension = postgresType.includes('.');
      return `${alias}.${quoteIdentifier(field.name)}${isFromExtension ? '::text' : ''}`;
    })
    .join(', ');
}
