import type { SyncedTable } from '../../core/synced-table.js';
import { chooseRows } from '../../lake/choice/choose-rows.js';
import type { LakeTable } from '../../lake/lake-table.js';

/** What of its source a synced table has. */
export type SourceChoice = Partial<Pick<SyncedTable, 'chosenColumns' | 'rowFilter' | 'timeseriesKey'>>;

/**
 * The source of a synced table, with the columns and rows that the table has chosen, and its timeseries key.
 * @param isProof true where what was read is held against it
 */
export function chosenSource(lakeTable: LakeTable, choice: SourceChoice, isProof = false): LakeTable {
  const { chosenColumns = null, rowFilter = null, timeseriesKey = null } = choice;
  if (chosenColumns === null && rowFilter === null) return lakeTable;
  const besides = timeseriesKey === null ? [] : [timeseriesKey];
  return chooseRows(lakeTable, { columns: chosenColumns, besides, rowFilter, isProof });
}
