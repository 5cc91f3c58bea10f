import { syncedTablesError } from '../../core/errors.js';
import type { ChangeFeed } from '../../lake/changes/change-relation.js';
import type { LakeTable } from '../../lake/lake-table.js';
import type { SourceDescription } from '../../lake/source-snapshot.js';

/**
 * The history of a source whose changes are followed.
 * @param source name of the source, for the message
 * @throws SOURCE_WITHOUT_HISTORY, REMOTE_CHANGES_NOT_GIVEN
 */
export function requireHistory(lakeTable: LakeTable, source: string): ChangeFeed {
  const { changeFeed, whyWithoutChanges } = lakeTable;
  if (changeFeed === null)
    throw whyWithoutChanges?.() ?? syncedTablesError('SOURCE_WITHOUT_HISTORY', { table: source });
  return changeFeed;
}

/**
 * A table created to follow changes needs a source that gives them.
 * @throws SHARE_WITHOUT_HISTORY
 */
export async function requireGivenChanges(changeFeed: ChangeFeed): Promise<void> {
  const refusal = (await changeFeed.refusal?.()) ?? null;
  if (refusal !== null) throw refusal;
}

/**
 * A table created to follow changes needs a source that records them.
 * @param source name of the source, for the message
 * @throws CHANGE_DATA_FEED_OFF, CHANGES_NOT_RECORDED
 */
export function requireRecordedChanges({ hasChangeFeed }: SourceDescription, source: string): void {
  if (hasChangeFeed === undefined) throw syncedTablesError('CHANGES_NOT_RECORDED', { table: source });
  if (!hasChangeFeed) throw syncedTablesError('CHANGE_DATA_FEED_OFF', { table: source });
}
