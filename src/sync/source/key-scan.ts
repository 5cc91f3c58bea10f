import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { identifierList, quoteIdentifier } from '../../core/names.js';
import { canBeKey } from '../../core/postgres-type.js';
import { hasNul } from '../../lake/engine/copy-value.js';

/** The result of checking a requested primary key. */
export interface KeyPreview {
  readonly columns: readonly string[];
  readonly rowsWithNull: bigint;
  /** Keys that occur in more than one row. */
  readonly duplicateKeys: bigint;
  /** Rows with one of these keys. */
  readonly duplicateRows: bigint;
}

interface ColumnFacts {
  readonly field: Field;
  readonly rowsWithValue: bigint;
  readonly distinctEstimate: bigint;
  readonly rowsWithNul: bigint;
}

interface Scan {
  readonly rowCount: bigint;
  readonly facts: readonly ColumnFacts[];
}

/** One pass over all rows. */
export async function scanColumns(
  connection: DuckDBConnection,
  rows: string,
  columns: readonly Field[],
): Promise<Scan> {
  const values = columns.flatMap((field) => {
    const column = quoteIdentifier(field.name);
    const nul = hasNul(field.type, column);
    return [
      canBeKey(field) ? `count(${column})` : '0',
      canBeKey(field) ? `approx_count_distinct(${column})` : '0',
      nul === null ? '0' : `count(*) filter (where ${nul})`,
    ];
  });
  const [rowCount = 0n, ...counts] = await readCounts(connection, `select count(*), ${values.join(', ')} from ${rows}`);
  const facts = columns.map((field, index) => ({
    field,
    rowsWithValue: counts[index * 3] ?? 0n,
    distinctEstimate: counts[index * 3 + 1] ?? 0n,
    rowsWithNul: counts[index * 3 + 2] ?? 0n,
  }));
  return { rowCount, facts };
}

/** Each check costs a pass over its column. As long as no candidate was found, more are made. */
export const CANDIDATES_CHECKED_MAX = 20;

/** Checking every column of a table with so few rows costs next to nothing. */
const EXACT_ROWS_MAX = 10_000n;
/**
 * The estimate has a standard deviation of 13 per cent (64 registers), and of few rows it may be off by a third: 22, 44 and
 * 66 count as two. A column this far below the row count cannot be unique.
 */
const ESTIMATE_PERCENT_MIN = 40n;

const KEY_NAME = /(^|_)(id|key|uuid)$/i;

/** Columns that may be unique and are never null, the likeliest key first. */
export function possibleKeys({ rowCount, facts }: Scan): string[] {
  if (rowCount === 0n) return [];
  const possible = facts.filter(({ field, rowsWithValue, distinctEstimate, rowsWithNul }) => {
    if (!canBeKey(field) || rowsWithNul > 0n) return false;
    const mayBeUnique = rowCount <= EXACT_ROWS_MAX || distinctEstimate * 100n >= rowCount * ESTIMATE_PERCENT_MIN;
    return rowsWithValue === rowCount && mayBeUnique;
  });
  const names = possible.map(({ field }) => field.name);
  return [...names.filter((name) => KEY_NAME.test(name)), ...names.filter((name) => !KEY_NAME.test(name))];
}

export async function judgeKey(
  connection: DuckDBConnection,
  rows: string,
  columns: readonly string[],
): Promise<KeyPreview> {
  const keys = columns.map(quoteIdentifier);
  const isWhole = keys.map((key) => `${key} is not null`).join(' and ');
  const [rowsWithNull = 0n] = await readCounts(connection, `select count(*) from ${rows} where not (${isWhole})`);
  const [duplicateKeys = 0n, duplicateRows = 0n] = await readCounts(
    connection,
    `select count(*), coalesce(sum(n), 0)
       from (select count(*) as n from ${rows} where ${isWhole} group by ${keys.join(', ')} having count(*) > 1)`,
  );
  return { columns, rowsWithNull, duplicateKeys, duplicateRows };
}

export async function countTiedKeys(
  connection: DuckDBConnection,
  rows: string,
  { keyColumns, timeseriesKey }: { readonly keyColumns: readonly string[]; readonly timeseriesKey: string },
): Promise<bigint> {
  const keys = identifierList(keyColumns);
  const isWhole = keyColumns.map((key) => `${quoteIdentifier(key)} is not null`).join(' and ');
  const latest = `select ${keys} from ${rows} where ${isWhole}
    qualify rank() over (partition by ${keys} order by ${quoteIdentifier(timeseriesKey)} desc nulls last) = 1`;
  const [tied = 0n] = await readCounts(
    connection,
    `select count(*) from (select 1 from (${latest}) group by ${keys} having count(*) > 1)`,
  );
  return tied;
}

async function readCounts(connection: DuckDBConnection, select: string): Promise<bigint[]> {
  const result = await connection.runAndReadAll(`select columns(*)::varchar from (${select})`);
  return (result.getRowsJson()[0] ?? []).map((count) => BigInt(String(count)));
}
