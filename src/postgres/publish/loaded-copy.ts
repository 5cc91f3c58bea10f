import type pg from 'pg';
import type { TargetColumn } from '../../core/synced-table.js';
import type { NewPosition } from '../registry/commit-position.js';
import type { TableUpdateResult } from '../registry/table-update-record.js';
import type { ColumnChanges } from './column-changes.js';
import type { TakeOver } from './take-over.js';

/** A whole version of the source in a shadow table, ready to become the rows of its synced table. */
export interface LoadedCopy {
  readonly client: pg.Client;
  readonly columns: readonly TargetColumn[];
  /** Name of the shadow table: loaded, key built, ANALYZEd. */
  readonly shadow: string;
  readonly position: NewPosition;
  /** What the load did. */
  readonly result: TableUpdateResult;
}

/** One that replaces the rows of a published table. */
export interface ReplacingCopy extends LoadedCopy {
  /** OID of the published table. */
  readonly relation: number;
  readonly columnChanges: ColumnChanges;
  /** Set if the table is a former synced table, until now. */
  readonly takeOver?: TakeOver;
}
