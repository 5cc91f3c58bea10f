import { asSyncedTablesError, failingRowsError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { failingByKey } from '../../core/failing-rows.js';
import { EXAMPLE_KEYS_MAX, formatKey } from '../../core/format-key.js';
import type { SyncedTable } from '../../core/synced-table.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { filesReadText } from '../../lake/relation/files-read.js';
import { explainIfChanged, type Relation } from '../../lake/relation/relation.js';
import { countRowsWithNul, countRowsWithoutKey } from '../../lake/relation/table-read.js';
import { claimFormer } from '../../postgres/publish/claim-former.js';
import { type ColumnChanges, planColumnChanges } from '../../postgres/publish/column-changes.js';
import { creationPublication } from '../../postgres/publish/create-table.js';
import { createExtraIndexes } from '../../postgres/publish/extra-indexes.js';
import type { ReplacingCopy } from '../../postgres/publish/loaded-copy.js';
import { awaitOlderSnapshots } from '../../postgres/publish/older-snapshots.js';
import type { Publishing } from '../../postgres/publish/publication.js';
import { analyzeParent } from '../../postgres/publish/published-table.js';
import { mergePublication } from '../../postgres/publish/replace-by-merge.js';
import { replacementPublication } from '../../postgres/publish/replace-former.js';
import {
  dropShadowTable,
  findDuplicateKeys,
  finishShadow,
  qualifiedShadow,
} from '../../postgres/publish/shadow-table.js';
import { preparePartition, switchPublication } from '../../postgres/publish/switch-table.js';
import { planTakeOver, withNewIndexes } from '../../postgres/publish/take-over.js';
import { explainLongKey } from '../../postgres/refusals/long-entries.js';
import { recordEvent } from '../../postgres/registry/synced-tables.js';
import { recordSwitchTime, type TableUpdateResult } from '../../postgres/registry/table-update-record.js';
import { isPostgresError } from '../../postgres/session/session.js';
import { explainEngineError, explainLoadError } from '../source/load-errors.js';
import { readSparingly } from '../source/read-sparingly.js';
import { targetRead } from '../source/target-read.js';
import { publishOptions } from '../task/publish-options.js';
import type { UpdateRun } from '../task/update-task.js';
import { type LoadedShadow, loadShadow } from './load-shadow.js';
import type { CopyPlan } from './plan-copy.js';
import type { ProgressReports } from './progress-reports.js';

/** A planned copy of one table, and the tools for it. */
export interface TableCopy {
  readonly run: UpdateRun;
  readonly table: SyncedTable;
  readonly plan: CopyPlan;
  /** Why a table that follows changes is copied; null if that needs no explanation. */
  readonly reason: string | null;
  readonly progress: ProgressReports;
}

/** A shadow table with its rows and its key. */
interface Loaded {
  /** True if transactions older than the load see the rows too. */
  readonly isFrozen: boolean;
  /** Numbers of rows read, stored and left out. */
  readonly counts: Pick<
    TableUpdateResult,
    'rowsWritten' | 'rowsWithoutKey' | 'rowsWithStrippedCharacters' | 'loadSeconds' | 'filesRead'
  >;
}

/**
 * Copies a whole version of the source and replaces the old rows in one transaction. Readers see no change before that,
 * and nothing is left behind on failure.
 */
export async function* copyTable(copy: TableCopy): Publishing<TableUpdateResult> {
  const { table, plan } = copy;
  const { client } = copy.run;
  const { relation } = table;
  const isAnew = relation === null || table.change?.work === 'copy';
  const columnChanges = isAnew ? null : await planColumnChanges(client, table, relation, plan.columns);
  let result: TableUpdateResult;
  try {
    const loaded = await readSparingly(plan.lakeTable, copy.run.signal, (lakeTable) => load(copy, lakeTable));
    result = yield* publish(copy, loaded, columnChanges);
  } catch (error) {
    // The first error is the one to report; a shadow that cannot be dropped now is swept later.
    await dropShadowTable(client, plan.shadow).catch(() => {});
    throw error;
  }
  await refreshStatistics(copy);
  return result;
}

/** The rows are committed, so a parent that could not be analyzed deserves a warning, not a failure. */
async function refreshStatistics({ run, table }: TableCopy): Promise<void> {
  const { client, lease, updateId } = run;
  try {
    await analyzeParent(client, table);
  } catch (error) {
    await recordEvent(client, {
      level: 'WARN',
      type: 'analyze_failed',
      syncedTable: table.fullName,
      pipelineId: lease.pipelineId,
      updateId,
      message: `Statistics of ${table.fullName} are those of an earlier version: ANALYZE failed.`,
      details: { sql_state: isPostgresError(error) ? error.code : undefined },
    });
  }
}

/** Fills the shadow table; a failure leaves none. */
async function load(copy: TableCopy, lakeTable: LakeTable): Promise<Loaded> {
  const { run, table, plan, progress } = copy;
  const { client, signal } = run;
  const { columns, snapshot, shadow } = plan;
  const connections = connectionsOf(copy);
  const opened = lakeTable.openRelation(snapshot, connections).catch((error: unknown) => {
    throw asSyncedTablesError(error) ?? explainEngineError(error, table.source);
  });
  await using relation = await opened;
  try {
    progress.setPhase('load', relation.rowCount);
    const startedAt = performance.now();
    const openLoader = () => progress.openLoader();
    const { engine } = lakeTable;
    const target = { table, columns, shadow };
    const shadowed = await loadShadow({ ...target, client, engine, relation, connections, openLoader, signal });
    const rowsWritten = shadowed.rows;
    const loadSeconds = (performance.now() - startedAt) / 1000;
    progress.setPhase('index', relation.rowCount);
    const counts = await countLeftOut(copy, { lakeTable, relation, shadowed });
    await relation.requireUnchanged?.();
    await finishShadow(client, shadow, table.keyColumns).catch(async (error: unknown) => {
      if (isPostgresError(error) && error.code === '23505') throw await duplicateKeys(copy, error);
      throw await explainLongKey(client, error, { table, rows: qualifiedShadow(shadow) });
    });
    const filesRead = relation.filesRead ? filesReadText(relation.filesRead) : null;
    return { isFrozen: shadowed.isFrozen, counts: { rowsWritten, loadSeconds, filesRead, ...counts } };
  } catch (error) {
    await dropShadowTable(client, shadow).catch(() => {});
    signal.throwIfAborted();
    const cause = await explainIfChanged(relation, error);
    throw await explainLoadError(cause, { engine: lakeTable.engine, relation, table, columns });
  }
}

/** How many connections load the table at once. */
function connectionsOf({ table, run }: TableCopy): number {
  return table.isAccelerated ? Math.max(run.connections, run.acceleratedConnections) : run.connections;
}

/**
 * Accounts for every row of the source: stored, without a key, or superseded by a later one. The row count of the
 * footers, or of a second look at chosen rows, is checked against what was stored, so that a reader that loses rows
 * cannot go unnoticed.
 */
async function countLeftOut(
  { table, plan: { columns } }: TableCopy,
  { lakeTable, relation, shadowed }: { lakeTable: LakeTable; relation: Relation; shadowed: LoadedShadow },
): Promise<Pick<TableUpdateResult, 'rowsWithoutKey' | 'rowsWithStrippedCharacters'>> {
  const { rows: rowsWritten, counted } = shadowed;
  // A query may give another number of rows when it is run again; chosen rows of a table may not.
  const rowCount = relation.rowCount ?? (table.rowFilter === null ? null : (counted?.rows ?? null));
  const isWhole = rowCount === rowsWritten;
  if (isWhole && table.invalidCharacters === 'fail') return { rowsWithoutKey: 0n, rowsWithStrippedCharacters: 0n };
  const connection = await lakeTable.engine.connect();
  try {
    const countWithoutKey = async () =>
      counted?.withoutKey ?? (await countRowsWithoutKey(connection, relation, table.keyColumns));
    const rowsWithoutKey = isWhole ? 0n : await countWithoutKey();
    if (table.timeseriesKey === null && rowCount !== null && rowCount !== rowsWritten + rowsWithoutKey) {
      throw syncedTablesError('SOURCE_READ_ERROR', {
        table: table.source,
        reason: `its files hold ${rowCount} rows, but ${rowsWritten} with a key and ${rowsWithoutKey} without one were read`,
      });
    }
    const rowsWithStrippedCharacters =
      table.invalidCharacters === 'strip'
        ? await countRowsWithNul(connection, relation, targetRead(table, columns))
        : 0n;
    return { rowsWithoutKey, rowsWithStrippedCharacters };
  } finally {
    connection.closeSync();
  }
}

async function duplicateKeys({ run, table, plan }: TableCopy, cause: unknown): Promise<SyncedTablesError> {
  const found = await findDuplicateKeys(run.client, plan.shadow, table.keyColumns, EXAMPLE_KEYS_MAX);
  const details = {
    table: table.source,
    target: table.fullName,
    columns: table.keyColumns.join(', '),
  };
  const failing = failingByKey(table.keyColumns, found.map(formatKey));
  return table.timeseriesKey === null
    ? failingRowsError('PRIMARY_KEY_CONSTRAINT_VIOLATION', details, failing, cause)
    : failingRowsError('TIMESERIES_KEY_TIE', { ...details, timeseries: table.timeseriesKey }, failing, cause);
}

async function* publish(
  { run, table, plan, reason }: TableCopy,
  { counts, isFrozen }: Loaded,
  columnChanges: ColumnChanges | null,
): Publishing<TableUpdateResult> {
  const { client, updateId, mode } = run;
  const { snapshot, bookmark, columns, shadow } = plan;
  const { relation } = table;
  const result = { ...counts, version: snapshot.version, rowsDeleted: 0n, method: 'SNAPSHOT' as const, reason };
  const position = { updateId, mode, table, snapshot, bookmark };
  const copy = { client, columns, shadow, position, result };
  if (relation !== null && columnChanges !== null) {
    return yield* replaceRows(run, { ...copy, relation, columnChanges }, isFrozen);
  }
  // One that is changed takes its own place.
  const former = relation ?? (await claimFormer(publishOptions(run), table));
  const takeOver = former === null ? null : await planTakeOver({ client, table, relation: former, columns, shadow });
  if (takeOver === null || 'reason' in takeOver) {
    await createExtraIndexes(client, table, shadow);
    return (yield takeOver === null ? creationPublication(copy) : replacementPublication(copy, takeOver)).result;
  }
  const { relation: taken } = takeOver;
  await createExtraIndexes(client, await withNewIndexes({ client, table, relation: taken }), shadow);
  return yield* replaceRows(run, { ...copy, ...takeOver, takeOver }, isFrozen);
}

/** Replaces the rows of a published table. */
async function* replaceRows(
  run: UpdateRun,
  replacing: ReplacingCopy,
  isFrozen: boolean,
): Publishing<TableUpdateResult> {
  const { client, relation, shadow, position, result } = replacing;
  const { table } = position;
  if (await preparePartition(client, relation, shadow)) {
    if (!isFrozen) await awaitOlderSnapshots({ ...publishOptions(run), table });
    try {
      const switched = yield switchPublication(replacing);
      await recordSwitchTime(client, run.updateId, table.tableId, switched.transactionMs);
      return result;
    } catch (error) {
      // A foreign key was created a moment ago.
      if (!isPostgresError(error) || error.code !== '23503') throw error;
    }
  }
  const merged = yield mergePublication(replacing);
  return merged.result;
}
