import type pg from 'pg';
import { countOf } from '../core/count-of.js';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import type { SyncedTable, SyncedTableState, UpdateMode } from '../core/synced-table.js';
import type { CatalogSet } from '../lake/catalog/catalog.js';
import type { LakeTable } from '../lake/lake-table.js';
import type { SourceSnapshot } from '../lake/source-snapshot.js';
import { probeExtras } from '../postgres/extra-indexes.js';
import type { Lease } from '../postgres/lease.js';
import type { Publisher } from '../postgres/publication.js';
import { recordEvent, writeSourceVersion, writeTableFailure, writeTableState } from '../postgres/registry.js';
import { isConnectionLoss, isPostgresError } from '../postgres/session/session.js';
import { shadowTableName } from '../postgres/shadow-table.js';
import { findRelation } from '../postgres/table-switch.js';
import {
  recordTableUpdateFailure,
  recordTableUpdateStart,
  type TableUpdateResult,
} from '../postgres/table-update-record.js';
import { type ChangesOutcome, type ChangesUpdateOptions, runChangesUpdate } from './changes-update.js';
import { type CommitPositionOptions, commitPosition } from './commit-position.js';
import { explainConnectionLoss, explainPostgresError } from './load-errors.js';
import { planTarget } from './plan-target.js';
import { startProgressReports } from './progress-reports.js';
import { runSnapshotUpdate } from './snapshot-update.js';
import { readSourceLag } from './source-lag.js';

export interface TableUpdateOptions {
  readonly client: pg.Client;
  /** Opens another session as the sidecar's role. */
  readonly openSession: () => Promise<pg.Client>;
  readonly catalogs: CatalogSet;
  readonly lease: Lease;
  readonly updateId: string;
  /** Makes new rows visible: in a transaction of their own, or with other tables. */
  readonly publish: Publisher;
  readonly mode: UpdateMode;
  readonly table: SyncedTable;
  /** Its source, if it is open already and known to have changed: its changes are then applied without further ado. */
  readonly lakeTable: LakeTable | null;
  /** Tells what this update makes for this table from what else it makes. */
  readonly place: number;
  readonly isFullRefresh: boolean;
  readonly connections: number;
  /** Connections that load a table created with `accelerated_sync`. */
  readonly acceleratedConnections: number;
  readonly signal: AbortSignal;
  readonly switchPatienceMs?: number;
  /** How long locks are waited for that applying changes needs. */
  readonly lockPatienceMs?: number;
}

/** How an update of one table ended. `rejected`: it never existed and does not come into being. */
export type TableUpdateOutcome =
  | { readonly kind: 'done'; readonly result: TableUpdateResult }
  | { readonly kind: 'failed'; readonly error: SyncedTablesError }
  | { readonly kind: 'rejected'; readonly error: SyncedTablesError };

/** Brings one synced table to the newest version of its source. Never throws for what a user can meet. */
export async function runTableUpdate(options: TableUpdateOptions): Promise<TableUpdateOutcome> {
  const { client, table, updateId, lease, mode } = options;
  let isPlanned = false;
  const copy = async (reason: string | null) => {
    const plan = await planUpdate(options);
    isPlanned = true;
    return runPlan(options, plan, reason);
  };
  try {
    if (mode === 'DEFAULT') await recordTableUpdateStart(client, updateId, table);
    const changes = await byChanges(options);
    const result = changes.kind === 'applied' ? changes.result : await copy(changes.reason);
    // Nobody wants a line for every batch of what is followed.
    if (mode === 'CONTINUOUS' && changes.kind === 'applied') return { kind: 'done', result };
    await recordEvent(client, {
      level: 'INFO',
      type: 'table_synced',
      syncedTable: table.fullName,
      pipelineId: lease.pipelineId,
      updateId,
      message: describeResult(table, result),
    });
    return { kind: 'done', result };
  } catch (cause) {
    options.signal.throwIfAborted();
    const error = catalogued(cause, table);
    const isRejected = !isPlanned && table.relation === null && error.retry !== 'timed';
    return { kind: isRejected ? 'rejected' : 'failed', error };
  }
}

type CopyWanted = { readonly kind: 'copy'; readonly reason: string | null };

/**
 * Applies what has changed since the table's position, where that is possible; else says why everything has to be
 * copied. Reads no more of the log than what came since: all of it can take minutes where nobody writes checkpoints.
 */
async function byChanges(options: TableUpdateOptions): Promise<ChangesOutcome | CopyWanted> {
  const { client, table } = options;
  if (table.policy === 'SNAPSHOT' || table.relation === null) return { kind: 'copy', reason: null };
  if (options.isFullRefresh) return { kind: 'copy', reason: 'a full refresh was asked for' };
  const { relation } = table;
  if (options.lakeTable !== null) return changesOrCopy({ ...options, lakeTable: options.lakeTable, relation });
  const dropped = await explainIfDropped(client, table);
  if (dropped) throw dropped;
  const lakeTable = await options.catalogs.open(table.source);
  const { changeFeed } = lakeTable;
  if (changeFeed === null) throw syncedTablesError('SOURCE_WITHOUT_HISTORY', { table: table.source });
  const { syncedVersion, sourceBookmark, sourceTableId } = table;
  const newest = await changeFeed.newestVersion(syncedVersion ?? undefined);
  // Another commit of the same version was written anew. Whoever reads changes from there finds out.
  const isSame = newest === syncedVersion && sourceBookmark !== null && (await changeFeed.isSameCommit(sourceBookmark));
  if (isSame && sourceTableId !== null) {
    const snapshot = { version: newest, committedAtMs: null, tableId: sourceTableId };
    return { kind: 'applied', result: await recordUnchanged(options, { snapshot, bookmark: sourceBookmark }) };
  }
  if (syncedVersion !== null && newest > syncedVersion) {
    const lag = await readSourceLag(changeFeed, syncedVersion, newest);
    await writeSourceVersion(client, table.tableId, newest, lag.committedAtMs, lag.behindSinceMs);
  }
  await writeTableState(client, table.tableId, runningState(table), `Following ${table.source}.`);
  return changesOrCopy({ ...options, lakeTable, relation });
}

type Plan = Awaited<ReturnType<typeof planUpdate>>;

/** Everything that can be refused before a row is read. */
async function planUpdate(options: TableUpdateOptions) {
  const { client, table, catalogs } = options;
  if (table.relation === null) {
    const state = 'SYNCED_TABLE_PROVISIONING_PIPELINE_RESOURCES';
    await writeTableState(client, table.tableId, state, `Opening ${table.source}.`);
  }
  const dropped = await explainIfDropped(client, table);
  if (dropped) throw dropped;
  const lakeTable = await catalogs.open(table.source);
  const snapshot = await lakeTable.snapshot();
  await writeSourceVersion(client, table.tableId, snapshot.version, snapshot.committedAtMs);
  const columns = planTarget(snapshot, table);
  if (table.relation === null) await probeExtras(client, table, shadowOf(options), columns);
  return { lakeTable, snapshot, columns, bookmark: await planBookmark(table, lakeTable, snapshot) };
}

/**
 * The place in the source's history from which changes will be read; null for tables that are only ever copied.
 * @throws SOURCE_WITHOUT_HISTORY, CHANGE_DATA_FEED_OFF for a table that is yet to be created
 */
async function planBookmark(
  table: SyncedTable,
  lakeTable: LakeTable,
  snapshot: SourceSnapshot,
): Promise<string | null> {
  if (table.policy === 'SNAPSHOT') return null;
  const { changeFeed } = lakeTable;
  if (changeFeed === null || snapshot.version === null) {
    throw syncedTablesError('SOURCE_WITHOUT_HISTORY', { table: table.source });
  }
  if (table.relation === null && snapshot.hasChangeFeed !== true && !table.allowFileDiff) {
    throw syncedTablesError('CHANGE_DATA_FEED_OFF', { table: table.source });
  }
  return changeFeed.bookmark(snapshot.version);
}

/** SYNCED_TABLE_DROPPED if somebody dropped the table by hand, which is then noted; else null. */
export async function explainIfDropped(client: pg.Client, table: SyncedTable): Promise<SyncedTablesError | null> {
  if (table.relation === null || (await findRelation(client, table.relation)) !== null) return null;
  await client.query('select synced_tables._forget_dropped($1)', [table.tableId]);
  return syncedTablesError('SYNCED_TABLE_DROPPED', { target: table.fullName });
}

async function runPlan(options: TableUpdateOptions, plan: Plan, reason: string | null): Promise<TableUpdateResult> {
  const { client, table } = options;
  if (isUnchanged(options, plan)) return recordUnchanged(options, plan);
  await writeTableState(client, table.tableId, runningState(table), `Copying ${table.source}.`);
  const progress = await startProgressReports({ ...options, version: plan.snapshot.version });
  await using _ = progress;
  // Awaited here: `await using` would end the reports, and leave a failure unheard of, before the update has ended.
  return await runSnapshotUpdate({
    ...options,
    ...plan,
    openLoader: () => progress.openLoader(),
    shadow: shadowOf(options),
    connections: connectionsOf(options),
    reason,
    onProgress: (phase, rowsTotal) => progress.setPhase(phase, rowsTotal),
  });
}

/** The name of the shadow table of this attempt. */
function shadowOf({ lease, updateId, place }: TableUpdateOptions): string {
  return shadowTableName(lease.epoch, updateId, place);
}

/** How many connections load the table at once. */
function connectionsOf({ table, connections, acceleratedConnections }: TableUpdateOptions): number {
  return table.isAccelerated ? Math.max(connections, acceleratedConnections) : connections;
}

/** Failures after which only a copy helps: the source cannot tell any more what has changed. */
const HISTORY_GAPS: ReadonlySet<string> = new Set([
  'DELTA_TRUNCATED_TRANSACTION_LOG',
  'DELTA_CHANGE_FILE_MISSING',
  'CHANGE_DATA_FEED_INCOMPLETE',
  'SOURCE_TABLE_REPLACED',
  'SOURCE_HISTORY_REWRITTEN',
]);

async function changesOrCopy(options: ChangesUpdateOptions & TableUpdateOptions): Promise<ChangesOutcome> {
  const { table, lockPatienceMs } = options;
  try {
    return await runChangesUpdate({
      ...options,
      ...(lockPatienceMs === undefined ? {} : { patienceMs: lockPatienceMs }),
    });
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (!known || !HISTORY_GAPS.has(known.code) || table.onHistoryGap !== 'refresh') throw error;
    return { kind: 'copy', reason: known.message };
  }
}

function runningState(table: SyncedTable): SyncedTableState {
  if (table.relation === null) return 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT';
  return table.policy === 'CONTINUOUS'
    ? 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES'
    : 'SYNCED_TABLE_ONLINE_TRIGGERED_UPDATE';
}

/** The same version of the same table is already there: nothing to copy, unless a full refresh was asked for. */
function isUnchanged({ table, isFullRefresh }: TableUpdateOptions, { snapshot, bookmark }: Plan): boolean {
  // Another bookmark of the same version: its commit was written anew. Whoever reads changes from there finds out.
  const isSameCommit = bookmark === null || table.sourceBookmark === null || bookmark === table.sourceBookmark;
  return (
    !isFullRefresh &&
    table.relation !== null &&
    snapshot.version !== null &&
    snapshot.version === table.syncedVersion &&
    snapshot.tableId === table.sourceTableId &&
    isSameCommit
  );
}

async function recordUnchanged(
  options: TableUpdateOptions,
  { snapshot, bookmark }: Pick<CommitPositionOptions, 'snapshot' | 'bookmark'>,
): Promise<TableUpdateResult> {
  const { table } = options;
  const result: TableUpdateResult = {
    method: 'UNCHANGED',
    version: snapshot.version,
    rowsWritten: 0n,
    rowsDeleted: 0n,
    rowsWithoutKey: 0n,
    rowsWithStrippedCharacters: 0n,
    loadSeconds: 0,
  };
  await commitPosition({ ...options, snapshot, bookmark, relation: table.relation ?? 0, result, rowCount: null });
  return result;
}

/** Writes the failure where people look: the table's state, the update's record and the events. */
export async function recordTableFailure(
  options: Pick<TableUpdateOptions, 'client' | 'table' | 'lease' | 'updateId'>,
  error: SyncedTablesError,
): Promise<void> {
  const { client, table, lease, updateId } = options;
  if (error.code !== 'SYNCED_TABLE_DROPPED') {
    const state = table.relation === null ? 'SYNCED_TABLE_OFFLINE_FAILED' : 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED';
    await writeTableFailure(client, table.tableId, state, error);
  }
  await recordTableUpdateFailure(client, updateId, table.tableId, error);
  await recordEvent(client, {
    level: 'ERROR',
    type: 'table_sync_failed',
    syncedTable: table.fullName,
    pipelineId: lease.pipelineId,
    updateId,
    message: error.message,
    details: { error_code: error.code, remedy: error.remedy },
  });
}

/** In catalogued words whatever went wrong with a table that is known by these names. */
export function catalogued(error: unknown, table: Pick<SyncedTable, 'fullName' | 'source'>): SyncedTablesError {
  const known = asSyncedTablesError(error);
  if (known) return known;
  if (isPostgresError(error)) return explainPostgresError(error, table);
  if (isConnectionLoss(error)) return explainConnectionLoss(error);
  const reason = error instanceof Error ? error.message : String(error);
  return syncedTablesError('INTERNAL_ERROR', { target: table.fullName, reason }, error);
}

function describeResult(table: SyncedTable, result: TableUpdateResult): string {
  const version = result.version === null ? '' : ` at version ${result.version}`;
  if (result.method === 'UNCHANGED') return `${table.fullName} already equals ${table.source}${version}.`;
  const counts = [
    `${countOf(result.rowsWritten, 'row')} written`,
    ...(result.rowsDeleted > 0n ? [`${result.rowsDeleted} deleted`] : []),
    ...(result.rowsWithoutKey > 0n ? [`${result.rowsWithoutKey} left out for a null in the key`] : []),
    ...(result.rowsWithStrippedCharacters > 0n ? [`NUL stripped from ${result.rowsWithStrippedCharacters}`] : []),
  ];
  return `${table.fullName} equals ${table.source}${version}: ${counts.join(', ')}.`;
}
