import type { SyncedTable } from '../core/synced-table.js';
import type { LakeTable } from '../lake/lake-table.js';
import type { TableUpdateOptions } from './run-table-update.js';

/** What all tables of a pass have in common. */
export type PassOptions = Omit<TableUpdateOptions, 'table' | 'lakeTable' | 'place' | 'publish'>;

/** A table that a pass is to bring to the newest version of its source. */
export interface PassMember {
  readonly table: SyncedTable;
  /** See `TableUpdateOptions`. */
  readonly lakeTable: LakeTable | null;
  readonly place: number;
  /** Where it differs from that of the pass. */
  readonly isFullRefresh?: boolean;
}
