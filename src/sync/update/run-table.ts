import { asSyncedTablesError, type SyncedTablesError } from '../../core/errors.js';
import type { SyncedTable, SyncedTableState } from '../../core/synced-table.js';
import type { ChangeFeed } from '../../lake/changes/change-relation.js';
import type { LakeTable } from '../../lake/lake-table.js';
import type { Publishing } from '../../postgres/publish/publication.js';
import { commitPosition, type NewPosition } from '../../postgres/registry/commit-position.js';
import { ChangedByHand } from '../../postgres/registry/hand-writes.js';
import { requireLease } from '../../postgres/registry/lease.js';
import { writeTableState, writeWork } from '../../postgres/registry/synced-tables.js';
import { recordTableUpdateStart, type TableUpdateResult } from '../../postgres/registry/table-update-record.js';
import { inTransaction } from '../../postgres/session/session.js';
import { applySourceChanges, type ChangesOutcome, type FollowedSource } from '../changes/apply-source-changes.js';
import { copyTable } from '../copy/copy-table.js';
import { type CopyPlan, planCopy } from '../copy/plan-copy.js';
import { startProgressReports } from '../copy/progress-reports.js';
import { chosenSource } from '../source/chosen-source.js';
import { explainAnyError } from '../source/load-errors.js';
import { requireGivenChanges, requireHistory, requireRecordedChanges } from '../source/source-history.js';
import { readSourceLag } from '../source/source-lag.js';
import { explainIfDropped } from '../task/table-failure.js';
import type { TableTask, UpdateRun } from '../task/update-task.js';

/** How an update of one table ended. `rejected`: the table never existed and is not created. */
export type TableOutcome =
  | { readonly kind: 'done'; readonly result: TableUpdateResult }
  | { readonly kind: 'failed'; readonly error: SyncedTablesError }
  | { readonly kind: 'rejected'; readonly error: SyncedTablesError };

/** Everything has to be copied, for a reason unless that is how the table is always updated. */
export interface CopyWanted {
  readonly kind: 'copy';
  readonly reason: string | null;
  /** True if the published table is known to be there. */
  readonly isThere: boolean;
}

/** Brings one synced table to the newest version of its source. Never throws for failures that users can meet. */
export async function* runTable(run: UpdateRun, task: TableTask): Publishing<TableOutcome> {
  const changes = yield* runChanges(run, task);
  return changes.kind === 'copy' ? yield* runCopy(run, task, changes) : changes;
}

/** The part of `runTable` that takes no longer than there are changes: it ends where everything has to be copied. */
export async function* runChanges(run: UpdateRun, task: TableTask): Publishing<TableOutcome | CopyWanted> {
  const { client, updateId, mode } = run;
  const { table } = task;
  try {
    const isThere = mode === 'DEFAULT' && (await recordTableUpdateStart(client, updateId, table));
    const changes = yield* byChanges(run, task, isThere);
    return changes.kind === 'applied' ? { kind: 'done', result: changes.result } : { ...changes, isThere };
  } catch (cause) {
    return failedOutcome(run, table, cause, false);
  }
}

/** The other part: copies everything. */
export async function* runCopy(run: UpdateRun, task: TableTask, wanted: CopyWanted): Publishing<TableOutcome> {
  let isPlanned = false;
  try {
    const plan = await planCopy(run, task, wanted);
    isPlanned = true;
    return { kind: 'done', result: yield* runPlan(run, task, plan, wanted.reason) };
  } catch (cause) {
    return failedOutcome(run, task.table, cause, isPlanned);
  }
}

/** @param isPlanned whether its source was found fit to be copied */
function failedOutcome(run: UpdateRun, table: SyncedTable, cause: unknown, isPlanned: boolean): TableOutcome {
  run.signal.throwIfAborted();
  const error = explainAnyError(cause, table);
  // Another sidecar may have the catalog, or this one after the next change of its settings.
  const mayBeRejected = error.retry !== 'timed' && error.code !== 'CATALOG_NOT_FOUND';
  const isRejected = !isPlanned && table.relation === null && mayBeRejected;
  return { kind: isRejected ? 'rejected' : 'failed', error };
}

/**
 * Applies the changes since the table's position if possible; else says why everything has to be copied. Reads only the
 * newer part of the log: all of it can take minutes where nobody writes checkpoints.
 */
async function* byChanges(
  run: UpdateRun,
  task: TableTask,
  isThere: boolean,
): Publishing<ChangesOutcome | Omit<CopyWanted, 'isThere'>> {
  const { client } = run;
  const { table } = task;
  if (table.policy === 'SNAPSHOT' || table.relation === null) {
    return { kind: 'copy', reason: table.isChangedByHand ? BY_HAND : null };
  }
  if (table.change?.work === 'copy') return { kind: 'copy', reason: 'the table was changed' };
  if (task.isFullRefresh) return { kind: 'copy', reason: 'a full refresh was asked for' };
  if (table.isChangedByHand) return { kind: 'copy', reason: BY_HAND };
  const { relation } = table;
  if (task.lakeTable !== null) {
    const newest = task.newestVersion ?? null;
    return yield* changesOrCopy(run, { table, relation, lakeTable: task.lakeTable, newest });
  }
  const dropped = isThere ? null : await explainIfDropped(client, table);
  if (dropped) throw dropped;
  const lakeTable = chosenSource(await run.catalogs.open(table.source), table);
  const changeFeed = requireHistory(lakeTable, table.source);
  if (table.change) await requireFollowable(lakeTable, changeFeed, table);
  const { syncedVersion, sourceBookmark, sourceTableId } = table;
  const newest = await changeFeed.newestVersion(syncedVersion ?? undefined);
  // If the commit of that version was rewritten, reading the changes from there reveals it.
  const isSame = newest === syncedVersion && sourceBookmark !== null && (await changeFeed.isSameCommit(sourceBookmark));
  if (isSame && sourceTableId !== null) {
    const snapshot = { version: newest, committedAtMs: null, tableId: sourceTableId };
    return { kind: 'applied', result: await recordUnchanged(run, { table, snapshot, bookmark: sourceBookmark }) };
  }
  const work = { state: runningState(table), message: `Following ${table.source}.` };
  if (syncedVersion !== null && newest > syncedVersion) {
    await writeWork(client, table.tableId, await readSourceLag(changeFeed, syncedVersion, newest), work);
  } else await writeTableState(client, table.tableId, work.state, work.message);
  return yield* changesOrCopy(run, { table, relation, lakeTable, newest });
}

/** As for a table that is created to follow its source. */
async function requireFollowable(lakeTable: LakeTable, changeFeed: ChangeFeed, table: SyncedTable): Promise<void> {
  await requireGivenChanges(changeFeed);
  if (!table.allowFileDiff) requireRecordedChanges(await lakeTable.snapshot(), table.source);
}

/** Changes of the source would leave the rows as they are that somebody else has written. */
const BY_HAND = 'it was changed by hand';

/** Failures that only a copy resolves: the source can no longer tell what has changed. */
const HISTORY_GAPS: ReadonlySet<string> = new Set([
  'DELTA_TRUNCATED_TRANSACTION_LOG',
  'DELTA_CHANGE_FILE_MISSING',
  'CHANGE_DATA_FEED_INCOMPLETE',
  'CHANGE_DATA_FEED_WRONG',
  'SOURCE_TABLE_REPLACED',
  'SOURCE_HISTORY_REWRITTEN',
  'SHARED_CHANGES_GONE',
  'REMOTE_CHANGES_GONE',
  'ICEBERG_HISTORY_EXPIRED',
]);

async function* changesOrCopy(run: UpdateRun, followed: FollowedSource): Publishing<ChangesOutcome> {
  try {
    return yield* applySourceChanges(run, followed);
  } catch (error) {
    // Since the table was read from the registry.
    if (error instanceof ChangedByHand) return { kind: 'copy', reason: BY_HAND };
    const known = asSyncedTablesError(error);
    if (!known) throw error;
    // No history is lost, but which rows the rest of the commit is about depends on what was taken for all of it.
    const hasGrown = known.code === 'SOURCE_COMMIT_GREW';
    const isGap = HISTORY_GAPS.has(known.code) && followed.table.onHistoryGap === 'refresh';
    if (!hasGrown && !isGap) throw error;
    return { kind: 'copy', reason: known.message };
  }
}

async function* runPlan(
  run: UpdateRun,
  { table, isFullRefresh }: TableTask,
  plan: CopyPlan,
  reason: string | null,
): Publishing<TableUpdateResult> {
  const { client, openSession } = run;
  if (!isFullRefresh && !table.isChangedByHand && (await isUnchanged(table, plan)))
    return recordUnchanged(run, { table, ...plan });
  const work = { state: runningState(table), message: `Copying ${table.source}.` };
  await writeWork(client, table.tableId, plan.snapshot, work);
  const progress = await startProgressReports({ client, openSession, table, version: plan.snapshot.version });
  await using _ = progress;
  return yield* copyTable({ run, table, plan, reason, progress });
}

function runningState(table: SyncedTable): SyncedTableState {
  if (table.relation === null) return 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT';
  return table.policy === 'CONTINUOUS'
    ? 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES'
    : 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE';
}

/** The same version of the same table is already there: nothing to copy, unless a full refresh was requested. */
async function isUnchanged(table: SyncedTable, { snapshot, lakeTable }: CopyPlan): Promise<boolean> {
  const isSameVersion =
    table.relation !== null &&
    snapshot.version !== null &&
    snapshot.version === table.syncedVersion &&
    snapshot.tableId === table.sourceTableId;
  if (!isSameVersion || table.sourceBookmark === null) return isSameVersion;
  if (snapshot.bookmark !== undefined) return snapshot.bookmark === table.sourceBookmark;
  // A version alone says little: its commit may have been read before it was whole, or rewritten.
  return (await lakeTable.changeFeed?.isSameCommit(table.sourceBookmark)) ?? true;
}

async function recordUnchanged(
  { client, lease, updateId, mode }: UpdateRun,
  { table, snapshot, bookmark }: Pick<NewPosition, 'table' | 'snapshot' | 'bookmark'>,
): Promise<TableUpdateResult> {
  const result: TableUpdateResult = {
    method: 'UNCHANGED',
    version: snapshot.version,
    rowsWritten: 0n,
    rowsDeleted: 0n,
    rowsWithoutKey: 0n,
    rowsWithStrippedCharacters: 0n,
    loadSeconds: 0,
  };
  const written = { relation: table.relation ?? 0, result, rowCount: null };
  const commit = () => commitPosition(client, { updateId, mode, table, snapshot, bookmark }, written);
  if (table.change) {
    await inTransaction(client, async () => {
      await requireLease(client, lease, table.fullName);
      await commit();
    });
  } else await commit();
  return result;
}
