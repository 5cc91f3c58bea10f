import type { DataType } from '../../core/data-type.js';
import { asSyncedTablesError, failingRowsError } from '../../core/errors.js';
import { failingByKey } from '../../core/failing-rows.js';
import { engineErrorClass } from '../../core/reasons/engine-reason.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import type { ChangeRelation } from '../../lake/changes/change-relation.js';
import type { CollapsedChanges } from '../../lake/changes/collapse-changes.js';
import { latestRows } from '../../lake/changes/latest-rows.js';
import { newerRows } from '../../lake/changes/newer-rows.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { explainIfChanged, type ReadInPlace, type Relation } from '../../lake/relation/relation.js';
import type { ColumnChanges } from '../../postgres/publish/column-changes.js';
import {
  type ChangesToMerge,
  changesPublication,
  LastStateUnclear,
} from '../../postgres/publish/merge-staged-changes.js';
import type { Publishing } from '../../postgres/publish/publication.js';
import { ChangedByHand } from '../../postgres/registry/hand-writes.js';
import type { TableUpdateResult } from '../../postgres/registry/table-update-record.js';
import { isOutOfMemory } from '../source/engine-limits.js';
import { explainLoadError } from '../source/load-errors.js';
import { planTarget } from '../source/plan-target.js';
import type { UpdateRun } from '../task/update-task.js';
import { type FewChanges, openFewChanges, readFewChanges } from './few-changes.js';
import { countStripped, type LastStates, openLastStates, rowsThatStay } from './last-states.js';
import { openByFiles, openSourceChanges, recordWrongFeed } from './open-source-changes.js';

/**
 * Above this part of the table, copying and switching takes no longer than applying changes, or the table would be left with
 * many dead rows (docs/decisions/0006). An update has two change rows, one of before and one of after.
 */
const CHANGED_PART_MAX = 0.25;

/** Fewer changes than this are always applied. */
const SMALL_TABLE_ROWS = 10_000n;

/** If the engine runs out of memory, changes are read in so many slices, and in so many times more, up to a limit. */
const SLICES_MORE = 16;
const SLICES_MAX = 256;

/** An existing table and its source. */
export interface FollowedSource {
  readonly table: SyncedTable;
  /** OID of the published table. */
  readonly relation: number;
  readonly lakeTable: LakeTable;
  /** The newest version, as it was found a moment ago; null to look for it. */
  readonly newest: bigint | null;
}

/** Source changes on their way into the table. */
interface ChangesAtHand extends FollowedSource {
  readonly run: UpdateRun;
  readonly changes: ChangeRelation;
}

/** `copy`: the changes were not applied, since copying the whole table is better or the only way; `reason` says why. */
export type ChangesOutcome =
  | { readonly kind: 'applied'; readonly result: TableUpdateResult }
  | { readonly kind: 'copy'; readonly reason: string };

/** Brings a table from its position to the newest version of its source by applying the changes in between. */
export async function* applySourceChanges(run: UpdateRun, followed: FollowedSource): Publishing<ChangesOutcome> {
  const { table, lakeTable } = followed;
  if (table.syncedVersion === null || lakeTable.changeFeed === null)
    return { kind: 'copy', reason: 'it has no position' };
  const following = { table, lakeTable, from: table.syncedVersion };
  // A newest version below the table's is left to those who read the log: they say what that means.
  const to = followed.newest !== null && followed.newest > following.from ? { to: followed.newest } : {};
  const changes = await openSourceChanges(following, { ...to, signal: run.signal });
  await using _ = changes;
  const counted = () => explained({ ...followed, run, changes }, tooManyChanges(table, changes));
  const whyCopied = reasonToCopy(changes);
  if (whyCopied !== null) return { kind: 'copy', reason: whyCopied };
  const startedAt = performance.now();
  const few = await readFewChanges(changes, { engine: lakeTable.engine, table, signal: run.signal });
  if (
    few !== null &&
    (await explained({ ...followed, run, changes }, changes.contradictions(few.balanceOfAll))).length === 0
  )
    return { kind: 'applied', result: yield* applyFew({ ...followed, run, changes }, few, startedAt) };
  const reason = await counted();
  if (reason !== null) return { kind: 'copy', reason };
  const [wrong, ...others] = await explained({ ...followed, run, changes }, changes.contradictions());
  if (wrong === undefined) return { kind: 'applied', result: yield* apply({ ...followed, run, changes }) };
  const byFiles = await openByFiles(following, changes, [wrong, ...others]);
  await using _files = byFiles;
  const tooMany = await explained({ ...followed, run, changes: byFiles }, tooManyChanges(table, byFiles));
  const outcome: ChangesOutcome =
    tooMany === null
      ? { kind: 'applied', result: yield* apply({ ...followed, run, changes: byFiles }) }
      : { kind: 'copy', reason: tooMany };
  await recordWrongFeed(run, table, [wrong, ...others]);
  return outcome;
}

/** Retained rows would have to be rewritten: a widened column, or a nested value with a new member. */
function reasonToCopy(changes: ChangeRelation): string | null {
  if (changes.copyReason !== undefined) return changes.copyReason;
  const rewriting = changes.schemaChanges.find((change) => change.kind !== 'added' || change.column.includes('.'));
  return rewriting ? `column "${rewriting.column}" was changed in the source (${rewriting.kind})` : null;
}

async function tooManyChanges({ rowCount }: SyncedTable, changes: ChangeRelation): Promise<string | null> {
  if (rowCount === null || changes.fileCount === 0) return null;
  const changedRows = await changes.countRows();
  if (changedRows < SMALL_TABLE_ROWS || Number(changedRows) <= Number(rowCount) * CHANGED_PART_MAX) return null;
  return `${changedRows} changes are many for ${rowCount} rows`;
}

/** @throws what `apply` throws */
async function* applyFew(atHand: ChangesAtHand, few: FewChanges, startedAt: number): Publishing<TableUpdateResult> {
  const { table, changes } = atHand;
  const collapse = () => explained(atHand, changes.collapse({ keyColumns: table.keyColumns }));
  try {
    return yield* publishStates(atHand, {
      startedAt,
      balance: few.balance,
      newestBy: null,
      read: { rowsWithoutKey: few.rowsWithoutKey, rowsWithStrippedCharacters: 0n },
      open: () => openFewChanges(few, changes),
      mend: () => false,
      explain: async (error) => {
        const cause = await explainIfChanged(changes, error);
        // Which row it was is told by the rows themselves, which the engine gives once more.
        return asSyncedTablesError(cause) ?? explainStates(atHand, cause, await collapse());
      },
    });
  } catch (error) {
    if (!(error instanceof LastStateUnclear)) throw error;
    return yield* applyLookedUp(atHand, await collapse());
  }
}

/** @throws PRIMARY_KEY_CONSTRAINT_VIOLATION, TIMESERIES_KEY_TIE */
async function* apply(atHand: ChangesAtHand): Publishing<TableUpdateResult> {
  const { table, changes } = atHand;
  const collapsed = await explained(atHand, changes.collapse({ keyColumns: table.keyColumns }));
  // Changes of one commit have no order: two new rows of a key may both be there, or one after the other.
  if (table.timeseriesKey === null && collapsed.duplicateKeyCount > 0n) return yield* applyLookedUp(atHand, collapsed);
  try {
    if (table.timeseriesKey !== null) return yield* applyNewer(atHand, collapsed, table.timeseriesKey);
    return yield* applyStates(atHand, { ...collapsed, keyCount: keyCount(collapsed), newestBy: null, source: changes });
  } catch (error) {
    if (!(error instanceof LastStateUnclear)) throw error;
    // A key has several rows, or had in some versions: only the source can say what is left of them.
    return yield* applyLookedUp(atHand, collapsed);
  }
}

/**
 * Applies the rows that are certain to count, if newer than the existing ones, and the source's rows for the other
 * touched keys.
 * @throws LastStateUnclear, TIMESERIES_KEY_TIE
 */
async function* applyNewer(
  atHand: ChangesAtHand,
  collapsed: CollapsedChanges,
  timeseriesKey: string,
): Publishing<TableUpdateResult> {
  const { table, lakeTable, changes } = atHand;
  const newestBy = planTarget(changes.end, table).find(({ field }) => field.name === timeseriesKey);
  if (!newestBy || !isOrderedAlike(newestBy, table)) return yield* applyLookedUp(atHand, collapsed);
  const connection = await lakeTable.engine.connect();
  try {
    const { columns } = changes.end;
    const choice = { collapsed, columns, keyColumns: table.keyColumns, timeseriesKey };
    const newer = await explained(atHand, newerRows(connection, choice));
    const states = {
      ...collapsed,
      keyCount: keyCount(collapsed),
      select: newer.select,
      balance: null,
      newestBy,
      source: changes,
    };
    if (newer.restCount === 0n) return yield* applyStates(atHand, states);
    return yield* applyLookedUp(atHand, { ...collapsed, keysTable: newer.restTable }, states);
  } finally {
    connection.closeSync();
  }
}

const keyCount = ({ upserts, deletes }: CollapsedChanges): bigint => upserts + deletes;

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

/** Whether a greater value in Postgres is also greater in the engine; true for texts that are stored unchanged. */
function isOrderedAlike({ field }: TargetColumn, { invalidCharacters }: SyncedTable): boolean {
  return ORDERED_ALIKE.has(field.type.kind) || (field.type.kind === 'string' && invalidCharacters === 'fail');
}

/** Changes are converted while they are collapsed, so a value that does not fit may fail there. */
async function explained<Value>(atHand: ChangesAtHand, reading: Promise<Value>): Promise<Value> {
  try {
    return await reading;
  } catch (failure) {
    const { table, lakeTable, changes } = atHand;
    const error = await explainIfChanged(changes, failure);
    if (engineErrorClass(error) === null) throw error;
    await using relation = await openEnd(atHand);
    const columns = planTarget(changes.end, table);
    const context = { engine: lakeTable.engine, relation, table, columns, changeFiles: changes.files };
    throw await explainLoadError(error, context);
  }
}

/** The source at the version that the changes lead to. */
async function openEnd({ lakeTable, changes }: ChangesAtHand): Promise<Relation> {
  return lakeTable.openRelation(await lakeTable.snapshot(changes.to), 1);
}

/**
 * Applies the source's rows for the touched keys as of the end version.
 * @param others rows of other keys, applied along with them
 */
async function* applyLookedUp(
  atHand: ChangesAtHand,
  collapsed: CollapsedChanges,
  others: LastStates | null = null,
): Publishing<TableUpdateResult> {
  const { table, lakeTable, changes } = atHand;
  const { keyColumns, timeseriesKey } = table;
  const { keysTable, rowsWithoutKey } = collapsed;
  await using relation = await openEnd(atHand);
  const connection = await lakeTable.engine.connect();
  try {
    const { columns } = changes.end;
    const { signal } = atHand.run;
    const wanted = { relation, columns, keyColumns, timeseriesKey, keysTable, signal };
    const latest = await latestRows(connection, wanted);
    if (latest.tieCount > 0n) {
      throw timeseriesKey === null ? duplicateKeys(table, latest.ties) : tie(table, timeseriesKey, latest.ties);
    }
    const select = others === null ? latest.select : `${others.select} union all ${latest.select}`;
    const newestBy = others?.newestBy ?? null;
    const source = readTogether(atHand.changes, relation);
    const states = { select, rowsWithoutKey, keyCount: keyCount(collapsed), balance: null, newestBy, source };
    return yield* applyStates(atHand, states);
  } finally {
    connection.closeSync();
  }
}

function readTogether(changes: ReadInPlace, relation: ReadInPlace): ReadInPlace {
  return {
    async requireUnchanged() {
      await changes.requireUnchanged?.();
      await relation.requireUnchanged?.();
    },
  };
}

async function* applyStates(atHand: ChangesAtHand, states: LastStates): Publishing<TableUpdateResult> {
  const { table, lakeTable, changes } = atHand;
  const startedAt = performance.now();
  const read = { engine: lakeTable.engine, table, columns: planTarget(changes.end, table) };
  const explain = async (error: unknown) => explainStates(atHand, await explainIfChanged(states.source, error), states);
  const rowsWithStrippedCharacters = await countStripped(read, states).catch(async (error: unknown) => {
    atHand.run.signal.throwIfAborted();
    throw await explain(error);
  });
  let slices = 1;
  return yield* publishStates(atHand, {
    startedAt,
    balance: states.balance,
    newestBy: states.newestBy,
    read: { rowsWithoutKey: states.rowsWithoutKey, rowsWithStrippedCharacters },
    open: () => openLastStates(read, states, slices),
    mend: (error) => {
      if (!isOutOfMemory(error) || slices >= SLICES_MAX) return false;
      slices *= SLICES_MORE;
      return true;
    },
    explain,
  });
}

/** What went wrong with the last states of keys, by the rows that would have stayed. */
async function explainStates(
  { table, lakeTable, changes }: ChangesAtHand,
  cause: unknown,
  states: Pick<LastStates, 'select'>,
): Promise<unknown> {
  const columns = planTarget(changes.end, table);
  const read = { engine: lakeTable.engine, table, columns };
  return explainLoadError(cause, { ...read, relation: rowsThatStay(states), changeFiles: changes.files });
}

/** Last states of keys on their way to Postgres. */
interface StatesToPublish extends Pick<ChangesToMerge, 'balance' | 'newestBy' | 'read' | 'startedAt'> {
  readonly open: ChangesToMerge['openSource'];
  readonly mend: ChangesToMerge['mendSource'];
  /** The failure as people are to read it. */
  readonly explain: (error: unknown) => Promise<unknown>;
}

async function* publishStates(atHand: ChangesAtHand, states: StatesToPublish): Publishing<TableUpdateResult> {
  const { run, table, relation, changes } = atHand;
  const { client, updateId, mode, signal } = run;
  const columns = planTarget(changes.end, table);
  try {
    const published = yield changesPublication({
      client,
      position: { updateId, mode, table, snapshot: changes.end, bookmark: changes.bookmark },
      relation,
      columns,
      columnChanges: addedColumns(changes, columns),
      openSource: states.open,
      mendSource: states.mend,
      newestBy: states.newestBy,
      balance: states.balance,
      read: states.read,
      startedAt: states.startedAt,
      patienceMs: run.lockPatienceMs,
    });
    return published.result;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LastStateUnclear || error instanceof ChangedByHand) throw error;
    throw await states.explain(error);
  }
}

/** Source columns that the table does not have yet. */
function addedColumns(changes: ChangeRelation, columns: readonly TargetColumn[]): ColumnChanges {
  const names = new Set(changes.schemaChanges.map((change) => change.column));
  const added = columns.filter((column) => names.has(column.field.name));
  return { added, dropped: [], retyped: [] };
}

function duplicateKeys({ source, fullName, keyColumns }: SyncedTable, keys: readonly string[]) {
  const details = { table: source, target: fullName, columns: keyColumns.join(', ') };
  return failingRowsError('PRIMARY_KEY_CONSTRAINT_VIOLATION', details, failingByKey(keyColumns, keys));
}

function tie({ source, fullName, keyColumns }: SyncedTable, timeseries: string, keys: readonly string[]) {
  const details = { table: source, target: fullName, columns: keyColumns.join(', '), timeseries };
  return failingRowsError('TIMESERIES_KEY_TIE', details, failingByKey(keyColumns, keys));
}
