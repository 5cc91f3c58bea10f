import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { identifierList, quoteIdentifier } from '../../core/names.js';
import { canBeKey, postgresType } from '../../core/postgres-type.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import { hasNul } from '../../lake/engine/copy-value.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { damagedFileOf } from '../../lake/relation/damaged-file.js';
import { holdWhole } from '../../lake/relation/relation-pass.js';
import type { SourceSnapshot } from '../../lake/source-snapshot.js';
import { explainEngineError } from './load-errors.js';

/** The result of checking a requested primary key. */
export interface KeyPreview {
  readonly columns: readonly string[];
  readonly rowsWithNull: bigint;
  /** Keys that occur in more than one row. */
  readonly duplicateKeys: bigint;
  /** Rows with one of these keys. */
  readonly duplicateRows: bigint;
}

/** What only reading all rows of a source tells. */
export interface RowPreview {
  /** Null if no column can be read. */
  readonly rowCount: bigint | null;
  /** Columns that are unique and never null, the likeliest key first; null if no row was read. */
  readonly keyCandidates: readonly string[] | null;
  /** Null if no key was requested. */
  readonly primaryKey: KeyPreview | null;
  /** Keys of which several rows have the greatest timeseries value; null without a timeseries key. */
  readonly tiedKeys: bigint | null;
  /** Columns with NUL characters, and in how many rows. */
  readonly nulColumns: readonly { readonly column: string; readonly rows: bigint }[];
  /** Why the rows were not read; null if they were. */
  readonly tooLarge: SyncedTablesError | null;
}

/** One of the passes over the rows. */
export interface PreviewStep {
  readonly done: number;
  /** Becomes known with the first pass. */
  readonly total: number | null;
}

export interface RowPreviewRequest {
  /** Columns of the snapshot that can be a key; empty to check none. */
  readonly keyColumns: readonly string[];
  readonly timeseriesKey?: string | null;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: PreviewStep) => void;
}

const NOTHING_READ: RowPreview = {
  rowCount: null,
  keyCandidates: null,
  primaryKey: null,
  tiedKeys: null,
  nulColumns: [],
  tooLarge: null,
};

/**
 * Reads all rows of a snapshot, without Postgres.
 * @throws errors of reading the table; the reason of `signal`
 */
export async function previewRows(
  lakeTable: LakeTable,
  snapshot: SourceSnapshot,
  request: RowPreviewRequest,
): Promise<RowPreview> {
  const columns = readableColumns(snapshot);
  if (columns.length === 0) return { ...NOTHING_READ, rowCount: snapshot.rowCount };
  const { signal } = request;
  try {
    await using relation = await lakeTable.openRelation({ ...snapshot, columns }, 1);
    signal?.throwIfAborted();
    const { remote } = relation;
    if (remote && !remote.fitsSpool) {
      return { ...NOTHING_READ, rowCount: relation.rowCount, tooLarge: refusalOf(() => remote.requireFit()) };
    }
    await using whole = await holdWhole(relation, signal);
    const connection = await lakeTable.engine.connect();
    const interrupt = () => connection.interrupt();
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      return await readRows(connection, `(${whole.select})`, { ...request, columns });
    } catch (error) {
      signal?.throwIfAborted();
      const damaged = await damagedFileOf(error, connection, relation);
      if (damaged === null) throw error;
      const details = { file: damaged.path, table: snapshot.tableName, reason: damaged.reason };
      throw syncedTablesError('SOURCE_FILE_CORRUPT', details, error);
    } finally {
      signal?.removeEventListener('abort', interrupt);
      connection.closeSync();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw asSyncedTablesError(error) ?? explainEngineError(error, snapshot.tableName);
  }
}

/**
 * Reads all rows of the newest version of a source table.
 * @throws what opening and reading the table throw; the reason of `signal`
 */
export async function previewNewestRows(
  catalogs: CatalogSet,
  name: string,
  request: RowPreviewRequest,
): Promise<RowPreview & { readonly version: bigint | null }> {
  const lakeTable = await catalogs.open(name);
  const snapshot = await lakeTable.snapshot();
  request.signal?.throwIfAborted();
  return { ...(await previewRows(lakeTable, snapshot, request)), version: snapshot.version };
}

/** Columns that have a Postgres type. */
export function readableColumns({ columns }: Pick<SourceSnapshot, 'columns'>): Field[] {
  return columns.filter((field) => postgresType(field.type) !== null);
}

function refusalOf(check: () => void): SyncedTablesError {
  try {
    check();
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (known) return known;
    throw error;
  }
  throw new Error('a table that does not fit the spool passes its check');
}

async function readRows(
  connection: DuckDBConnection,
  rows: string,
  {
    columns,
    keyColumns,
    timeseriesKey = null,
    signal,
    onStep,
  }: RowPreviewRequest & { readonly columns: readonly Field[] },
): Promise<RowPreview> {
  let done = 0;
  let total: number | null = null;
  const step = async <Result>(work: Promise<Result>): Promise<Result> => {
    const result = await work;
    signal?.throwIfAborted();
    onStep?.({ done: ++done, total });
    return result;
  };
  onStep?.({ done, total });
  const scan = await step(scanColumns(connection, rows, columns));
  const possible = possibleKeys(scan);
  total = 1 + Math.min(possible.length, CANDIDATES_CHECKED_MAX) + (keyColumns.length > 0 ? 1 : 0);
  const candidates: string[] = [];
  for (const [place, name] of possible.entries()) {
    if (place >= CANDIDATES_CHECKED_MAX && candidates.length > 0) break;
    const { duplicateKeys } = await step(judgeKey(connection, rows, [name]));
    if (duplicateKeys === 0n) candidates.push(name);
  }
  const primaryKey = keyColumns.length === 0 ? null : await step(judgeKey(connection, rows, keyColumns));
  const tiedKeys =
    timeseriesKey === null || keyColumns.length === 0
      ? null
      : await countTiedKeys(connection, rows, { keyColumns, timeseriesKey });
  return {
    rowCount: scan.rowCount,
    keyCandidates: scan.rowCount === 0n ? null : candidates,
    primaryKey,
    tiedKeys,
    nulColumns: scan.facts
      .filter(({ rowsWithNul }) => rowsWithNul > 0n)
      .map(({ field, rowsWithNul }) => ({ column: field.name, rows: rowsWithNul })),
    tooLarge: null,
  };
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
async function scanColumns(connection: DuckDBConnection, rows: string, columns: readonly Field[]): Promise<Scan> {
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
const CANDIDATES_CHECKED_MAX = 20;

/** Checking every column of a table with so few rows costs next to nothing. */
const EXACT_ROWS_MAX = 10_000n;
/**
 * The estimate has a standard deviation of 13 per cent (64 registers), and of few rows it may be off by a third: 22, 44 and
 * 66 count as two. A column this far below the row count cannot be unique.
 */
const ESTIMATE_PERCENT_MIN = 40n;

const KEY_NAME = /(^|_)(id|key|uuid)$/i;

/** Columns that may be unique and are never null, the likeliest key first. */
function possibleKeys({ rowCount, facts }: Scan): string[] {
  if (rowCount === 0n) return [];
  const possible = facts.filter(({ field, rowsWithValue, distinctEstimate, rowsWithNul }) => {
    if (!canBeKey(field) || rowsWithNul > 0n) return false;
    const mayBeUnique = rowCount <= EXACT_ROWS_MAX || distinctEstimate * 100n >= rowCount * ESTIMATE_PERCENT_MIN;
    return rowsWithValue === rowCount && mayBeUnique;
  });
  const names = possible.map(({ field }) => field.name);
  return [...names.filter((name) => KEY_NAME.test(name)), ...names.filter((name) => !KEY_NAME.test(name))];
}

async function judgeKey(connection: DuckDBConnection, rows: string, columns: readonly string[]): Promise<KeyPreview> {
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

async function countTiedKeys(
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
