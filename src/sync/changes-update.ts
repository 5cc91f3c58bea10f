import type pg from 'pg';
import type { DataType } from '../core/data-type.js';
import { syncedTablesError } from '../core/errors.js';
import type { SyncedTable, TargetColumn, UpdateMode } from '../core/synced-table.js';
import { type ChangeRelation, changeFields } from '../lake/changes/change-relation.js';
import type { CollapsedChanges } from '../lake/changes/collapse-changes.js';
import { latestRows } from '../lake/changes/latest-rows.js';
import { newerRows } from '../lake/changes/newer-rows.js';
import { openCopyStream } from '../lake/engine/copy-stream.js';
import type { LakeTable } from '../lake/lake-table.js';
import type { Relation } from '../lake/relation/relation.js';
import { copySelects, countRowsWithNul } from '../lake/relation/table-read.js';
import { type ApplyCounts, applyChanges, LastStateUnclear } from '../postgres/apply-changes.js';
import type { ColumnChanges } from '../postgres/column-changes.js';
import type { Lease } from '../postgres/lease.js';
import type { Publisher } from '../postgres/publication.js';
import type { TableUpdateResult } from '../postgres/table-update-record.js';
import { commitPosition } from './commit-position.js';
import { explainLoadError, isValueError } from './load-errors.js';
import { tableRead } from './load-shadow.js';
import { planTarget } from './plan-target.js';

/** Above this part of the table, copying it anew and switching is as fast as applying changes (docs/decisions/0006). */
const CHANGED_PART_MAX = 0.1;

/** Tables smaller than this are not worth a thought. */
const SMALL_TABLE_ROWS = 10_000n;

export interface ChangesUpdateOptions {
  readonly client: pg.Client;
  readonly lease: Lease;
  readonly updateId: string;
  /** Makes the changes visible: in a transaction of their own, or with other tables. */
  readonly publish: Publisher;
  readonly mode: UpdateMode;
  readonly table: SyncedTable;
  readonly lakeTable: LakeTable;
  /** OID of the published table. */
  readonly relation: number;
  readonly signal: AbortSignal;
  readonly patienceMs?: number;
}

/** `copy`: the changes were not applied, since copying the whole table is better or the only way; `reason` says why. */
export type ChangesOutcome =
  | { readonly kind: 'applied'; readonly result: TableUpdateResult }
  | { readonly kind: 'copy'; readonly reason: string };

/** Brings a table from its position to the newest version of its source by what has changed between the two. */
export async function runChangesUpdate(options: ChangesUpdateOptions): Promise<ChangesOutcome> {
  const { table, lakeTable } = options;
  if (table.syncedVersion === null || lakeTable.changeFeed === null)
    return { kind: 'copy', reason: 'it has no position' };
  const changes = await lakeTable.changeFeed.changes({
    from: table.syncedVersion,
    keyColumns: table.keyColumns,
    allowFileDiff: table.allowFileDiff,
    ...(table.sourceBookmark === null ? {} : { bookmark: table.sourceBookmark }),
    ...(table.sourceTableId === null ? {} : { tableId: table.sourceTableId }),
  });
  await using _ = changes;
  const reason = reasonToCopy(changes) ?? (await tooManyChanges(options, changes));
  if (reason !== null) return { kind: 'copy', reason };
  return { kind: 'applied', result: await apply(options, changes) };
}

/** Rows that stay would have to be rewritten: in a widened column, and in a nested value that got a new member. */
function reasonToCopy(changes: ChangeRelation): string | null {
  const rewriting = changes.schemaChanges.find((change) => change.kind !== 'added' || change.column.includes('.'));
  return rewriting ? `column "${rewriting.column}" was changed in the source (${rewriting.kind})` : null;
}

async function tooManyChanges(options: ChangesUpdateOptions, changes: ChangeRelation): Promise<string | null> {
  const { rowCount } = options.table;
  if (rowCount === null || changes.fileCount === 0) return null;
  const changedRows = await changes.countRows();
  if (changedRows < SMALL_TABLE_ROWS || Number(changedRows) <= Number(rowCount) * CHANGED_PART_MAX) return null;
  return `${changedRows} changes are many for ${rowCount} rows`;
}

/** The last state of every touched key: the columns and `_change_type`. */
interface LastStates {
  readonly select: string;
  readonly rowsWithoutKey: bigint;
  /** Rows that came less rows that went: what is applied is held against it. Null if it is not known. */
  readonly balance: bigint | null;
  /** The column that decides about rows of type `newer`; null if there are none. */
  readonly newestBy: TargetColumn | null;
}

/** @throws PRIMARY_KEY_CONSTRAINT_VIOLATION, TIMESERIES_KEY_TIE */
async function apply(options: ChangesUpdateOptions, changes: ChangeRelation): Promise<TableUpdateResult> {
  const { table } = options;
  const collapsed = await explained(options, changes, changes.collapse({ keyColumns: table.keyColumns }));
  if (table.timeseriesKey === null && collapsed.duplicateKeyCount > 0n) {
    throw duplicateKeys(table, collapsed.duplicateKeys);
  }
  try {
    if (table.timeseriesKey !== null) return await applyNewer(options, changes, collapsed, table.timeseriesKey);
    return await applyStates(options, changes, { ...collapsed, newestBy: null });
  } catch (error) {
    if (!(error instanceof LastStateUnclear)) throw error;
    // A key has several rows, or had them for some versions: what is left of them only the source tells.
    return await applyLookedUp(options, changes, collapsed);
  }
}

/**
 * Applies the rows that are certain to count if they are newer than what is here, and what the source has for the other
 * touched keys.
 * @throws LastStateUnclear, TIMESERIES_KEY_TIE
 */
async function applyNewer(
  options: ChangesUpdateOptions,
  changes: ChangeRelation,
  collapsed: CollapsedChanges,
  timeseriesKey: string,
): Promise<TableUpdateResult> {
  const { table, lakeTable } = options;
  const newestBy = planTarget(changes.end, table).find(({ field }) => field.name === timeseriesKey);
  if (!newestBy || !isOrderedAlike(newestBy, table)) return await applyLookedUp(options, changes, collapsed);
  const connection = await lakeTable.engine.connect();
  try {
    const { columns } = changes.end;
    const choice = { collapsed, columns, keyColumns: table.keyColumns, timeseriesKey };
    const newer = await explained(options, changes, newerRows(connection, choice));
    const states = { ...collapsed, select: newer.select, balance: null, newestBy };
    if (newer.restCount === 0n) return await applyStates(options, changes, states);
    return await applyLookedUp(options, changes, { ...collapsed, keysTable: newer.restTable }, states);
  } finally {
    connection.closeSync();
  }
}

const ORDERED_ALIKE: ReadonlySet<DataType['kind']> = new Set([
  'long',
  'integer',
  'short',
  'byte',
  'double',
  'float',
  'decimal',
  'boolean',
  'binary',
  'date',
  'timestamp',
  'timestamp_ntz',
]);

/** Whether a value that is greater in Postgres is greater in the engine too; texts are, as long as they stay as they are. */
function isOrderedAlike({ field }: TargetColumn, { invalidCharacters }: SyncedTable): boolean {
  return ORDERED_ALIKE.has(field.type.kind) || (field.type.kind === 'string' && invalidCharacters === 'fail');
}

/** Changes are converted when they are collapsed, so a value that does not fit may fail there. */
async function explained<Value>(
  options: ChangesUpdateOptions,
  changes: ChangeRelation,
  reading: Promise<Value>,
): Promise<Value> {
  try {
    return await reading;
  } catch (error) {
    if (!isValueError(error)) throw error;
    const { table, lakeTable } = options;
    await using relation = await openEnd(options, changes);
    const columns = planTarget(changes.end, table);
    throw await explainLoadError(error, { engine: lakeTable.engine, relation, table, columns });
  }
}

/** The source at the version that the changes lead to. */
async function openEnd({ lakeTable }: ChangesUpdateOptions, changes: ChangeRelation): Promise<Relation> {
  return lakeTable.openRelation(await lakeTable.snapshot(changes.to), 1);
}

/**
 * Applies the rows that the source at the end version has for the touched keys.
 * @param others rows of other keys, to be applied beside them
 */
async function applyLookedUp(
  options: ChangesUpdateOptions,
  changes: ChangeRelation,
  { keysTable, rowsWithoutKey }: CollapsedChanges,
  others: LastStates | null = null,
): Promise<TableUpdateResult> {
  const { table, lakeTable } = options;
  const { keyColumns, timeseriesKey } = table;
  const relation = await lakeTable.openRelation(await lakeTable.snapshot(changes.to), 1);
  await using _ = relation;
  const connection = await lakeTable.engine.connect();
  try {
    const { columns } = changes.end;
    const latest = await latestRows(connection, { relation, columns, keyColumns, timeseriesKey, keysTable });
    if (latest.tieCount > 0n) {
      throw timeseriesKey === null ? duplicateKeys(table, latest.ties) : tie(table, timeseriesKey, latest.ties);
    }
    const select = others === null ? latest.select : `${others.select} union all ${latest.select}`;
    const newestBy = others?.newestBy ?? null;
    return await applyStates(options, changes, { select, rowsWithoutKey, balance: null, newestBy });
  } finally {
    connection.closeSync();
  }
}

async function applyStates(
  options: ChangesUpdateOptions,
  changes: ChangeRelation,
  states: LastStates,
): Promise<TableUpdateResult> {
  const { client, table, lakeTable, relation, signal } = options;
  const columns = planTarget(changes.end, table);
  const startedAt = performance.now();
  let result: TableUpdateResult | null = null;
  try {
    const rowsWithStrippedCharacters = await countStripped(options, columns, states);
    await applyChanges({
      ...options,
      columns,
      columnChanges: addedColumns(changes, columns),
      openSource: () => openChanges(lakeTable, table, columns, states),
      newestBy: states.newestBy,
      balance: states.balance,
      finish: async (counts) => {
        const loadSeconds = (performance.now() - startedAt) / 1000;
        result = { ...summary(changes, states, counts), rowsWithStrippedCharacters, loadSeconds };
        await commitPosition({
          client,
          updateId: options.updateId,
          mode: options.mode,
          table,
          snapshot: changes.end,
          bookmark: changes.bookmark,
          relation,
          result,
          rowCount: table.rowCount === null ? null : table.rowCount + counts.rowsInserted - counts.rowsDeleted,
        });
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LastStateUnclear) throw error;
    throw await explainLoadError(error, { engine: lakeTable.engine, relation: upserts(states), table, columns });
  }
  if (result === null) throw new Error('the changes were applied without a result');
  return result;
}

function summary(
  changes: ChangeRelation,
  states: LastStates,
  counts: ApplyCounts,
): Omit<TableUpdateResult, 'rowsWithStrippedCharacters' | 'loadSeconds'> {
  return {
    method: 'CHANGES',
    version: changes.to,
    rowsWritten: counts.rowsWritten,
    rowsDeleted: counts.rowsDeleted,
    rowsWithoutKey: states.rowsWithoutKey,
  };
}

/** New columns of the source that the table does not have yet. */
function addedColumns(changes: ChangeRelation, columns: readonly TargetColumn[]): ColumnChanges {
  const names = new Set(changes.schemaChanges.map((change) => change.column));
  const added = columns.filter((column) => names.has(column.field.name));
  return { added, dropped: [], retyped: [] };
}

async function openChanges(
  lakeTable: LakeTable,
  table: SyncedTable,
  columns: readonly TargetColumn[],
  states: LastStates,
) {
  const { engine } = lakeTable;
  const connection = await engine.connect();
  const [changeType] = changeFields;
  if (!changeType) throw new Error('changes have no type');
  const fields = [...columns.map((column) => column.field), changeType];
  const relation = { ...upserts(states), parts: [states.select] };
  const [select = ''] = copySelects(relation, { ...tableRead(table, columns), columns: fields });
  const stream = await openCopyStream(connection, select, 'text', engine.scratchFolder);
  const finished = stream.finished.finally(() => connection.closeSync());
  finished.catch(() => {});
  return { bytes: stream.bytes, finished };
}

/** The new and changed rows, for looking at what was wrong with them. */
function upserts(states: LastStates): Relation {
  return {
    parts: [`select * from (${states.select}) where _change_type <> 'delete'`],
    rowCount: null,
    // The relation that they come from is closed by whoever opened it.
    [Symbol.asyncDispose]: async () => {},
  };
}

async function countStripped(
  options: ChangesUpdateOptions,
  columns: readonly TargetColumn[],
  states: LastStates,
): Promise<bigint> {
  const { table, lakeTable } = options;
  if (table.invalidCharacters === 'fail') return 0n;
  const connection = await lakeTable.engine.connect();
  try {
    return await countRowsWithNul(connection, upserts(states), tableRead(table, columns));
  } finally {
    connection.closeSync();
  }
}

function duplicateKeys(table: SyncedTable, keys: readonly string[]) {
  return syncedTablesError('PRIMARY_KEY_CONSTRAINT_VIOLATION', {
    table: table.source,
    target: table.fullName,
    columns: table.keyColumns.join(', '),
    keys: keys.join(', '),
  });
}

function tie(table: SyncedTable, timeseries: string, keys: readonly string[]) {
  return syncedTablesError('TIMESERIES_KEY_TIE', {
    table: table.source,
    target: table.fullName,
    columns: table.keyColumns.join(', '),
    timeseries,
    keys: keys.join(', '),
  });
}
