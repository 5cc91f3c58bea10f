import type { z } from 'zod';
import type { tableUpdateListReply, tableUpdateReply } from '../../../api/native/tables/update-schema.js';
import type { ConditionIcon } from '../../words/conditions.js';
import { changedRows, numberText, type WholeNumber } from '../../words/numbers.js';

export type TableUpdate = z.output<typeof tableUpdateReply>;
export type TableUpdateList = z.output<typeof tableUpdateListReply>;

/** Shape and colour of a state, which its word stands beside. */
export const UPDATE_LOOKS = {
  QUEUED: { icon: 'clock', group: 'wait' },
  RUNNING: { icon: 'run', group: 'run' },
  COMPLETED: { icon: 'check', group: 'ok' },
  FAILED: { icon: 'octagon', group: 'fail' },
  CANCELED: { icon: 'struck', group: 'pause' },
} as const satisfies Record<TableUpdate['state'], { readonly icon: ConditionIcon; readonly group: string }>;

/** `3 to 5`, `5`, or an empty text where there is no version. */
export function versionsOf({ previous_version: before, synced_version: after }: TableUpdate): string {
  if (after === null) return '';
  return before === null || before === after ? numberText(after) : `${numberText(before)} to ${numberText(after)}`;
}

/** Rows that were written: of a streaming table what its flows did. */
export function writtenBy(update: TableUpdate): WholeNumber | null {
  return update.rows_written ?? update.num_upserted_rows;
}

export function deletedBy(update: TableUpdate): WholeNumber | null {
  return update.rows_deleted ?? update.num_deleted_rows;
}

/** `3 rows written, 1 deleted`, or an empty text where nothing was written. */
export function writtenText(update: TableUpdate): string {
  return changedRows(writtenBy(update) ?? 0, deletedBy(update) ?? 0) ?? '';
}

/** Seconds from begin to end, or until now; null before it has begun. */
export function secondsOf(
  { started_at: started, finished_at: finished }: Pick<TableUpdate, 'started_at' | 'finished_at'>,
  now: number,
): number | null {
  if (started === null) return null;
  return Math.max(0, ((finished === null ? now : Date.parse(finished)) - Date.parse(started)) / 1000);
}
