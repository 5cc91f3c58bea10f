import type { RowSlices } from '../relation/relation.js';

/** The column of SELECTs that holds the number of a row in its file. */
export const ROW_NUMBER = '_synced_tables_row_number';

/** How the parts are read a few rows at a time, if they are. */
export function slicesOf(rowsAtOnce: number | null, rowsMax: number): { readonly slices?: RowSlices } {
  return rowsAtOnce === null ? {} : { slices: { rowNumber: ROW_NUMBER, rowsAtOnce, rowsMax } };
}
