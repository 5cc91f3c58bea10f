import type { SyncedTable } from '../core/synced-table.js';
import type { LakeTable } from '../lake/lake-table.js';
import { runTableUpdate, type TableUpdateOptions, type TableUpdateOutcome } from './run-table-update.js';

/** What all tables of a pass have in common. */
export type PassOptions = Omit<TableUpdateOptions, 'table' | 'lakeTable' | 'place'>;

/** A table that a pass is to bring to the newest version of its source. */
export interface PassMember {
  readonly table: SyncedTable;
  /** See `TableUpdateOptions`. */
  readonly lakeTable: LakeTable | null;
  readonly place: number;
}

/**
 * One pass over tables of a pipeline, each in turn. A table that fails does not stop the others.
 * @param settle called after each table, before the next one
 */
export async function runPass<Result>(
  options: PassOptions,
  members: readonly PassMember[],
  settle: (member: PassMember, outcome: TableUpdateOutcome) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const member of members) {
    options.signal.throwIfAborted();
    results.push(await settle(member, await runTableUpdate({ ...options, ...member })));
  }
  return results;
}
