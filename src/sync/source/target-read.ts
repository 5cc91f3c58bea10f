import { postgresType } from '../../core/postgres-type.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import type { TableRead } from '../../lake/relation/table-read.js';

/** How the source is read for a synced table. */
export function targetRead(table: SyncedTable, columns: readonly TargetColumn[]) {
  return {
    columns: columns.map((column) => column.field),
    keyColumns: table.keyColumns,
    timeseriesKey: table.timeseriesKey,
    invalidCharacters: table.invalidCharacters,
    format: columns.every(hasOwnForm) ? 'binary' : 'text',
  } as const satisfies TableRead;
}

/** Types of extensions have binary forms of their own; texts of limited length are texts. */
function hasOwnForm(column: TargetColumn): boolean {
  return column.postgresType === postgresType(column.field.type) || column.postgresType.startsWith('character varying');
}
