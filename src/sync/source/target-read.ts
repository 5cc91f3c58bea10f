import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import type { TableRead } from '../../lake/relation/table-read.js';

/** How the source is read for a synced table. */
export function targetRead(table: SyncedTable, columns: readonly TargetColumn[]): TableRead {
  return {
    columns: columns.map((column) => column.field),
    keyColumns: table.keyColumns,
    timeseriesKey: table.timeseriesKey,
    invalidCharacters: table.invalidCharacters,
    format: 'text',
  };
}
