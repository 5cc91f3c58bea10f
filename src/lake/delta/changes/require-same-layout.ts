import { syncedTablesError } from '../../../core/errors.js';
import type { TableLayout } from '../schema/table-layout.js';

/**
 * Refuses changes that make older files unreadable next to newer ones.
 * @throws SOURCE_LAYOUT_CHANGED
 */
export function requireSameLayout(before: TableLayout, after: TableLayout, version: bigint): void {
  const table = after.tableName;
  const names = (layout: TableLayout) => layout.partitionFields.map((field) => field.physicalName).join('\0');
  if (names(before) !== names(after)) {
    throw syncedTablesError('SOURCE_LAYOUT_CHANGED', { table, what: 'partition columns', version });
  }
  // Enabling mapping keeps the names in the files; every other change of the mode rewrites them.
  if (before.mappingMode !== after.mappingMode && !(before.mappingMode === 'none' && after.mappingMode === 'name')) {
    throw syncedTablesError('SOURCE_LAYOUT_CHANGED', { table, what: 'column mapping', version });
  }
}
