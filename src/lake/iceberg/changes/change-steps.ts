import { positionOf, type SnapshotEntry } from '../metadata/table-metadata.js';

/** Two snapshots between which rows may differ. */
export interface ChangeStep {
  /** Null: the table was never written to. */
  readonly from: SnapshotEntry | null;
  readonly to: SnapshotEntry;
}

/** Writes the same rows into other files: compaction. */
const CHANGES_NO_ROWS = 'replace';

/**
 * The steps that lead from one snapshot to another. Snapshots that change no rows are passed over, so that what a
 * compaction wrote anew is not read.
 * @param line the snapshots after `from`, the oldest first
 */
export function changeSteps(from: SnapshotEntry | null, line: readonly SnapshotEntry[]): ChangeStep[] {
  const steps: ChangeStep[] = [];
  let start = from;
  let last = from;
  const finish = () => {
    if (last !== null && last !== start) steps.push({ from: start, to: last });
  };
  for (const entry of line) {
    if (entry.operation === CHANGES_NO_ROWS) {
      finish();
      start = entry;
    }
    last = entry;
  }
  finish();
  if (areAscending(steps) || last === null) return steps;
  // A table that was of version 1 of the format: its positions were times, and are numbers now.
  return [{ from, to: last }];
}

/** Of several changes of a key that of the highest position counts. */
function areAscending(steps: readonly ChangeStep[]): boolean {
  return steps.every(({ to }, place) => {
    const before = steps[place - 1];
    return before === undefined || positionOf(before.to) < positionOf(to);
  });
}
