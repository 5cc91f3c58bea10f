import { syncedTablesError } from '../../core/errors.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import type { LakeTable } from '../../lake/lake-table.js';
import type { SourceSnapshot } from '../../lake/source-snapshot.js';
import { probeExtras } from '../../postgres/publish/extra-indexes.js';
import { shadowTableName } from '../../postgres/publish/shadow-table.js';
import { writeSourceVersion, writeTableState } from '../../postgres/registry/synced-tables.js';
import { chosenSource } from '../source/chosen-source.js';
import { planTarget } from '../source/plan-target.js';
import { requireGivenChanges, requireHistory, requireRecordedChanges } from '../source/source-history.js';
import { explainIfDropped } from '../task/table-failure.js';
import type { TableTask, UpdateRun } from '../task/update-task.js';

/** A copy of a whole version of a source, with every check done that needs no rows. */
export interface CopyPlan {
  readonly lakeTable: LakeTable;
  readonly snapshot: SourceSnapshot;
  readonly columns: readonly TargetColumn[];
  /** The commit of the version, where changes are read from after this copy; null for sources without a history. */
  readonly bookmark: string | null;
  /** Name for the shadow table of this attempt. */
  readonly shadow: string;
}

/**
 * Plans a copy of the newest version.
 * @param seen `isThere`: true if the published table was just seen
 * @throws SYNCED_TABLE_DROPPED, EXTRA_DEFINITION_INVALID, SOURCE_WITHOUT_HISTORY, SHARE_WITHOUT_HISTORY,
 *   CHANGE_DATA_FEED_OFF, CHANGES_NOT_RECORDED, and what opening the source and `planTarget` throw
 */
export async function planCopy(
  run: UpdateRun,
  { table, place }: TableTask,
  { isThere }: { readonly isThere: boolean },
): Promise<CopyPlan> {
  const { client, lease, updateId } = run;
  if (table.relation === null) {
    const state = 'SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES';
    await writeTableState(client, table.tableId, state, `Opening ${table.source}.`);
  }
  const dropped = isThere ? null : await explainIfDropped(client, table);
  if (dropped) throw dropped;
  const lakeTable = chosenSource(await run.catalogs.open(table.source), table);
  const snapshot = await lakeTable.snapshot();
  try {
    const columns = planTarget(snapshot, table);
    const shadow = shadowTableName(lease.epoch, updateId, place);
    if (isRequested(table)) await probeExtras(client, table, shadow, columns);
    return { lakeTable, snapshot, columns, bookmark: await planBookmark(table, lakeTable, snapshot), shadow };
  } catch (error) {
    // The first error is the one to report.
    await writeSourceVersion(client, table.tableId, snapshot).catch(() => {});
    throw error;
  }
}

/** A table that is created, or changed, is held to more than one that goes on. */
function isRequested(table: SyncedTable): boolean {
  return table.relation === null || table.change !== undefined;
}

async function planBookmark(
  table: SyncedTable,
  lakeTable: LakeTable,
  snapshot: SourceSnapshot,
): Promise<string | null> {
  // A table that is only ever copied needs it to tell whether the source is still the same.
  if (table.policy === 'SNAPSHOT') {
    if (snapshot.bookmark !== undefined) return snapshot.bookmark;
    return snapshot.version === null ? null : ((await lakeTable.changeFeed?.bookmark(snapshot.version)) ?? null);
  }
  const changeFeed = requireHistory(lakeTable, table.source);
  if (snapshot.version === null) throw syncedTablesError('SOURCE_WITHOUT_HISTORY', { table: table.source });
  if (isRequested(table)) await requireGivenChanges(changeFeed);
  if (isRequested(table) && !table.allowFileDiff) requireRecordedChanges(snapshot, table.source);
  return snapshot.bookmark ?? changeFeed.bookmark(snapshot.version);
}
