import { quoteIdentifier } from '../../core/names.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import { changeFields } from '../../lake/changes/change-relation.js';
import type { CopySelects } from '../../lake/engine/copy-stream.js';
import type { Engine } from '../../lake/engine/duckdb-engine.js';
import type { ReadInPlace, Relation } from '../../lake/relation/relation.js';
import { openTableCopy } from '../../lake/relation/table-copy.js';
import { copySelect, countRowsWithNul } from '../../lake/relation/table-read.js';
import type { StagedSource } from '../../postgres/publish/merge-staged-changes.js';
import { targetRead } from '../source/target-read.js';

/** The last state of every key touched by changes. */
export interface LastStates {
  /** SELECT of the engine: the columns and `_change_type`, one row per key. */
  readonly select: string;
  readonly rowsWithoutKey: bigint;
  /** Inserted minus deleted rows, against which the result is checked. Null if unknown. */
  readonly balance: bigint | null;
  /** The column that decides about rows of type `newer`; null if there are none. */
  readonly newestBy: TargetColumn | null;
  /** Keys that the changes touched. */
  readonly keyCount: bigint;
  /** What they are read from. */
  readonly source: ReadInPlace;
}

/** Of so many at most, all rows may be in memory at once. */
const FEW_KEYS = 1_000n;

/** The table they are read for, and the engine that reads them. */
export interface StatesRead {
  readonly engine: Engine;
  readonly table: SyncedTable;
  readonly columns: readonly TargetColumn[];
}

/**
 * Opens them for COPY: the columns of the table, then `_change_type`.
 * @param slices in how many SELECTs, so that the engine holds the text of fewer rows at once
 */
export async function openLastStates(
  { engine, table, columns }: StatesRead,
  states: LastStates,
  slices: number,
): Promise<StagedSource> {
  const connection = await engine.connect();
  const [changeType] = changeFields;
  if (!changeType) throw new Error('changes have no type');
  const fields = [...columns.map((column) => column.field), changeType];
  const read = { ...targetRead(table, columns), columns: fields };
  const selects = inSlices(states.select, table.keyColumns, slices).map((slice) => copySelect(slice, read));
  const stream = await openTableCopy(engine, connection, oneByOne(selects), read, {
    isSmall: states.keyCount <= FEW_KEYS && slices === 1,
  });
  const finish = async () => {
    const rows = await stream.finished;
    // Postgres takes the rows only after this.
    await states.source.requireUnchanged?.();
    return rows;
  };
  const finished = finish().finally(() => connection.closeSync());
  finished.catch(() => {});
  return { bytes: stream.bytes, finished, format: read.format };
}

function inSlices(select: string, keyColumns: readonly string[], slices: number): string[] {
  if (slices === 1) return [select];
  const keys = keyColumns.map((key) => `r.${quoteIdentifier(key)}`).join(', ');
  return Array.from({ length: slices }, (_, slice) => {
    return `select * from (${select}) r where hash(${keys}) % ${slices} = ${slice}`;
  });
}

async function* oneByOne(selects: readonly string[]): CopySelects {
  yield* selects;
}

/** The new and changed rows, for finding what is wrong with them. */
export function rowsThatStay(states: Pick<LastStates, 'select'>): Relation {
  return {
    parts: [`select * from (${states.select}) where _change_type <> 'delete'`],
    rowCount: null,
    // The underlying relations are opened and closed elsewhere.
    [Symbol.asyncDispose]: async () => {},
  };
}

/** How many of the remaining rows contain characters that Postgres does not store, if those are stripped. */
export async function countStripped({ engine, table, columns }: StatesRead, states: LastStates): Promise<bigint> {
  if (table.invalidCharacters === 'fail') return 0n;
  const connection = await engine.connect();
  try {
    return await countRowsWithNul(connection, rowsThatStay(states), targetRead(table, columns));
  } finally {
    connection.closeSync();
  }
}
