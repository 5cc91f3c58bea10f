import type { RowSlices } from '../../relation/relation.js';
import { ROW_NUMBER } from './delta-scan.js';

/** How the parts are read a few rows at a time, if they are. */
export function slicesOf(rowsAtOnce: number | null, rowsMax: number): { readonly slices?: RowSlices } {
  return rowsAtOnce === null ? {} : { slices: { rowNumber: ROW_NUMBER, rowsAtOnce, rowsMax } };
}
