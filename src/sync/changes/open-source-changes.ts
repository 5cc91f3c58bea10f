import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { SyncedTable } from '../../core/synced-table.js';
import type { ChangeRelation, FeedContradiction } from '../../lake/changes/change-relation.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { recordEvent } from '../../postgres/registry/synced-tables.js';
import { requireHistory } from '../source/source-history.js';
import type { UpdateRun } from '../task/update-task.js';

/** A table with a position, and its source. */
export interface Following {
  readonly table: SyncedTable;
  readonly from: bigint;
  readonly lakeTable: LakeTable;
}

/** Opens the changes since a table's position. */
export async function openSourceChanges(
  { table, from, lakeTable }: Following,
  range: { readonly to?: bigint; readonly byFiles?: ReadonlySet<bigint>; readonly signal?: AbortSignal } = {},
): Promise<ChangeRelation> {
  return requireHistory(lakeTable, table.source).changes({
    from,
    ...range,
    keyColumns: table.keyColumns,
    allowFileDiff: table.allowFileDiff,
    ...(table.sourceBookmark === null ? {} : { bookmark: table.sourceBookmark }),
    ...(table.sourceTableId === null ? {} : { tableId: table.sourceTableId }),
  });
}

/**
 * Opens the same changes without what the feed records of some versions: what their files gained and lost, row by row,
 * is what a comparison by key would find.
 * @throws CHANGE_DATA_FEED_WRONG if those files are gone
 */
export async function openByFiles(
  following: Following,
  { to }: ChangeRelation,
  wrong: readonly [FeedContradiction, ...FeedContradiction[]],
): Promise<ChangeRelation> {
  try {
    return await openSourceChanges(following, { to, byFiles: new Set(wrong.map(({ version }) => version)) });
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (known?.code !== 'DELTA_CHANGE_FILE_MISSING') throw error;
    const details = { table: following.table.source, ...wrong[0], reason: known.message };
    throw syncedTablesError('CHANGE_DATA_FEED_WRONG', details, known);
  }
}

/** Versions named in an event. */
const VERSIONS_TOLD = 20;

/** Tells that the feed was passed over. The table is right, but whoever reads the same feed elsewhere is not. */
export async function recordWrongFeed(
  { client, lease, updateId }: UpdateRun,
  { source, fullName }: SyncedTable,
  wrong: readonly [FeedContradiction, ...FeedContradiction[]],
): Promise<void> {
  const [{ version, inFeed, inFiles }] = wrong;
  const others = wrong.length === 1 ? '' : `, and at ${wrong.length - 1} more`;
  await recordEvent(client, {
    level: 'WARN',
    type: 'change_feed_wrong',
    syncedTable: fullName,
    pipelineId: lease.pipelineId,
    updateId,
    message: `The change data feed of ${source} is wrong at version ${version}${others}: inserted less deleted rows are ${inFeed} by the feed, but ${inFiles} by the files. ${fullName} is updated by the files.`,
    details: {
      error_code: 'CHANGE_DATA_FEED_WRONG',
      versions: wrong.slice(0, VERSIONS_TOLD).map((each) => ({
        version: String(each.version),
        rows_in_feed: String(each.inFeed),
        rows_in_files: String(each.inFiles),
      })),
    },
  });
}
