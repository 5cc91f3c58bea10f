import type pg from 'pg';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import { formatKey } from '../core/format-key.js';
import type { SyncedTable, TargetColumn, UpdateMode } from '../core/synced-table.js';
import type { LakeTable } from '../lake/lake-table.js';
import type { Relation } from '../lake/relation/relation.js';
import { countRowsWithNul, countRowsWithoutKey } from '../lake/relation/table-read.js';
import type { SourceSnapshot } from '../lake/source-snapshot.js';
import { type ColumnChanges, planColumnChanges } from '../postgres/column-changes.js';
import { createExtraIndexes } from '../postgres/extra-indexes.js';
import type { Lease } from '../postgres/lease.js';
import { type MergeCounts, mergeTable } from '../postgres/merge-table.js';
import { awaitOlderSnapshots } from '../postgres/older-snapshots.js';
import type { Publisher } from '../postgres/publication.js';
import { publishTable } from '../postgres/publish-table.js';
import { recordEvent } from '../postgres/registry.js';
import { isPostgresError } from '../postgres/session/session.js';
import { addPrimaryKey, dropShadowTable, findDuplicateKeys, qualifiedShadow } from '../postgres/shadow-table.js';
import { analyzeParent, isReferenced, switchTable } from '../postgres/table-switch.js';
import { recordSwitchTime, type TableUpdateResult } from '../postgres/table-update-record.js';
import { commitPosition } from './commit-position.js';
import { EXAMPLE_KEYS_MAX, explainEngineError, explainLoadError } from './load-errors.js';
import { loadShadow, tableRead } from './load-shadow.js';
import { tellBlocked } from './tell-blocked.js';

export interface SnapshotUpdateOptions {
  readonly client: pg.Client;
  readonly openLoader: () => Promise<pg.Client>;
  readonly lease: Lease;
  readonly updateId: string;
  /** Makes the rows visible: in a transaction of their own, or with other tables. */
  readonly publish: Publisher;
  readonly mode: UpdateMode;
  readonly table: SyncedTable;
  readonly lakeTable: LakeTable;
  readonly snapshot: SourceSnapshot;
  readonly columns: readonly TargetColumn[];
  /** Where changes will be read from after this copy; null for tables that are only ever copied. */
  readonly bookmark: string | null;
  /** Why a table that follows changes is copied; null where that goes without saying. */
  readonly reason: string | null;
  /** Name for the shadow table of this attempt. */
  readonly shadow: string;
  readonly connections: number;
  readonly signal: AbortSignal;
  readonly switchPatienceMs?: number;
  /** Told once how many rows are expected, and again when they have been loaded. */
  readonly onProgress: (phase: 'load' | 'index', rowsTotal: bigint | null) => void;
}

/** A shadow table with its rows and its key. */
interface Loaded {
  /** True if transactions that are older than the load see the rows too. */
  readonly isFrozen: boolean;
  /** How many rows were read, stored and left out. */
  readonly counts: Pick<
    TableUpdateResult,
    'rowsWritten' | 'rowsWithoutKey' | 'rowsWithStrippedCharacters' | 'loadSeconds'
  >;
}

/**
 * Copies a whole version of the source and puts it in the place of the old rows in one transaction. Nothing that
 * readers see changes before that, and nothing is left behind if it does not come to that.
 */
export async function runSnapshotUpdate(options: SnapshotUpdateOptions): Promise<TableUpdateResult> {
  const { client, table, shadow } = options;
  const relation = table.relation;
  const columnChanges = relation === null ? null : await planColumnChanges(client, table, relation, options.columns);
  const result = await loadAndPublish(options, columnChanges).catch(async (error: unknown) => {
    // The first error is the one to tell; a shadow that cannot be dropped now is swept later.
    await dropShadowTable(client, shadow).catch(() => {});
    throw error;
  });
  await refreshStatistics(options);
  return result;
}

async function loadAndPublish(
  options: SnapshotUpdateOptions,
  columnChanges: ColumnChanges | null,
): Promise<TableUpdateResult> {
  const loaded = await load(options);
  await options.client.query(`analyze ${qualifiedShadow(options.shadow)}`);
  return publish(options, loaded, columnChanges);
}

/** The rows are committed: that their parent could not be analyzed is worth a warning, no failure. */
async function refreshStatistics(options: SnapshotUpdateOptions): Promise<void> {
  const { client, table, lease, updateId } = options;
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

async function load(options: SnapshotUpdateOptions): Promise<Loaded> {
  const { client, table, columns, lakeTable, snapshot, shadow } = options;
  const opened = lakeTable.openRelation(snapshot, options.connections).catch((error: unknown) => {
    throw asSyncedTablesError(error) ?? explainEngineError(error, table.source);
  });
  await using relation = await opened;
  try {
    options.onProgress('load', relation.rowCount);
    const startedAt = performance.now();
    const shadowed = await loadShadow({ ...options, engine: lakeTable.engine, relation });
    const rowsWritten = shadowed.rows;
    const loadSeconds = (performance.now() - startedAt) / 1000;
    options.onProgress('index', relation.rowCount);
    const counts = await countLeftOut(options, relation, rowsWritten);
    await addPrimaryKey(client, shadow, table.keyColumns).catch(async (error: unknown) => {
      throw isPostgresError(error) && error.code === '23505' ? await duplicateKeys(options, error) : error;
    });
    return { isFrozen: shadowed.isFrozen, counts: { rowsWritten, loadSeconds, ...counts } };
  } catch (error) {
    options.signal.throwIfAborted();
    throw await explainLoadError(error, { engine: lakeTable.engine, relation, table, columns });
  }
}

/**
 * Accounts for every row of the source: stored, without a key, or beaten by a later one. The footers' count of rows
 * is held against what was stored, so that a reader that loses rows cannot go unnoticed.
 */
async function countLeftOut(
  options: SnapshotUpdateOptions,
  relation: Relation,
  rowsWritten: bigint,
): Promise<Pick<TableUpdateResult, 'rowsWithoutKey' | 'rowsWithStrippedCharacters'>> {
  const { table, columns, lakeTable } = options;
  const isWhole = relation.rowCount === rowsWritten;
  if (isWhole && table.invalidCharacters === 'fail') return { rowsWithoutKey: 0n, rowsWithStrippedCharacters: 0n };
  const connection = await lakeTable.engine.connect();
  try {
    const rowsWithoutKey = isWhole ? 0n : await countRowsWithoutKey(connection, relation, table.keyColumns);
    if (
      table.timeseriesKey === null &&
      relation.rowCount !== null &&
      relation.rowCount !== rowsWritten + rowsWithoutKey
    ) {
      throw syncedTablesError('SOURCE_READ_ERROR', {
        table: table.source,
        reason: `its files hold ${relation.rowCount} rows, but ${rowsWritten} with a key and ${rowsWithoutKey} without one were read`,
      });
    }
    const rowsWithStrippedCharacters =
      table.invalidCharacters === 'strip'
        ? await countRowsWithNul(connection, relation, tableRead(table, columns))
        : 0n;
    return { rowsWithoutKey, rowsWithStrippedCharacters };
  } finally {
    connection.closeSync();
  }
}

async function duplicateKeys(options: SnapshotUpdateOptions, cause: unknown): Promise<SyncedTablesError> {
  const { client, table, shadow } = options;
  const found = await findDuplicateKeys(client, shadow, table.keyColumns, EXAMPLE_KEYS_MAX);
  const details = {
    table: table.source,
    target: table.fullName,
    columns: table.keyColumns.join(', '),
    keys: found.map(formatKey).join(', '),
  };
  return table.timeseriesKey === null
    ? syncedTablesError('PRIMARY_KEY_CONSTRAINT_VIOLATION', details, cause)
    : syncedTablesError('TIMESERIES_KEY_TIE', { ...details, timeseries: table.timeseriesKey }, cause);
}

async function publish(
  options: SnapshotUpdateOptions,
  loaded: Loaded,
  columnChanges: ColumnChanges | null,
): Promise<TableUpdateResult> {
  const { client, table, snapshot } = options;
  const { relation } = table;
  const { reason } = options;
  const version = snapshot.version;
  const base: TableUpdateResult = { ...loaded.counts, version, rowsDeleted: 0n, method: 'SNAPSHOT', reason };
  if (relation === null || columnChanges === null) {
    await createExtraIndexes(client, table, options.shadow);
    await publishTable({ ...options, finish: (made) => commit(options, made, base, loaded) });
    return base;
  }
  const target = { ...options, relation, columnChanges };
  if (!(await isReferenced(client, relation))) {
    const patience = options.switchPatienceMs === undefined ? {} : { patienceMs: options.switchPatienceMs };
    if (!loaded.isFrozen) await awaitOlderSnapshots({ ...target, ...patience, onBlocked: tellBlocked(options) });
    try {
      const switchMs = await switchTable({ ...target, finish: () => commit(options, relation, base, loaded) });
      await recordSwitchTime(client, options.updateId, table.tableId, switchMs);
      return base;
    } catch (error) {
      // A foreign key that was made a moment ago.
      if (!isPostgresError(error) || error.code !== '23503') throw error;
    }
  }
  let result = base;
  const finish = (counts: MergeCounts) => {
    result = { ...base, ...counts, method: 'MERGE' };
    return commit(options, relation, result, loaded);
  };
  await mergeTable({ ...target, finish });
  return result;
}

function commit(options: SnapshotUpdateOptions, relation: number, result: TableUpdateResult, { counts }: Loaded) {
  return commitPosition({ ...options, relation, result, rowCount: counts.rowsWritten });
}
