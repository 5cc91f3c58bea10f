import type { DuckDBConnection } from '@duckdb/node-api';
import { countOf } from '../../core/count-of.js';
import { dataTypeText, type Field } from '../../core/data-type.js';
import { errorCatalogue } from '../../core/error-catalogue.js';
import { asSyncedTablesError, SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import { canBeKey, postgresType } from '../../core/postgres-type.js';
import { hasNul } from '../../lake/engine/copy-value.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { damagedFileOf } from '../../lake/relation/damaged-file.js';
import type { Relation } from '../../lake/relation/relation.js';
import { holdWhole } from '../../lake/relation/relation-pass.js';
import type { SourceSnapshot } from '../../lake/source-snapshot.js';
import { explainEngineError } from './load-errors.js';
import { planColumn, planTarget } from './plan-target.js';

interface PreviewColumn {
  readonly name: string;
  readonly sourceType: string;
  /** Null if the column cannot be synced; a warning says why. */
  readonly postgresType: string | null;
  readonly nullable: boolean;
}

/** The result of checking a requested primary key. */
interface KeyPreview {
  readonly columns: readonly string[];
  readonly rowsWithNull: bigint;
  /** Keys that occur in more than one row. */
  readonly duplicateKeys: bigint;
  /** Rows with one of these keys. */
  readonly duplicateRows: bigint;
}

/** What a sync of a source table would encounter. */
export interface SourcePreview {
  readonly snapshot: SourceSnapshot;
  readonly columns: readonly PreviewColumn[];
  /** Null if no column can be read. */
  readonly rowCount: bigint | null;
  /** Columns that are unique and never null, the likeliest key first; null if no row was read. */
  readonly keyCandidates: readonly string[] | null;
  /** Null if no key was requested, or none that is possible. */
  readonly primaryKey: KeyPreview | null;
  readonly warnings: readonly SyncedTablesError[];
}

/**
 * Scans the newest version of a source table, without Postgres.
 * @param key the primary key to check; empty for the one that the catalog declares, if any
 * @throws errors of reading the table; those that only a sync would meet become warnings
 */
export async function previewSource(lakeTable: LakeTable, key: readonly string[]): Promise<SourcePreview> {
  const keyColumns = key.length > 0 ? key : (lakeTable.declared?.primaryKey ?? []);
  const snapshot = await lakeTable.snapshot();
  const planned = snapshot.columns.map((field, index) => planColumn(snapshot, field, index));
  const columns = snapshot.columns.map((field, index) => {
    const plan = planned[index];
    const isPlanned = plan !== undefined && !(plan instanceof SyncedTablesError);
    const type = isPlanned ? plan.postgresType : null;
    return { name: field.name, sourceType: dataTypeText(field.type), postgresType: type, nullable: field.nullable };
  });
  const keyError = findKeyError(snapshot, keyColumns);
  const warnings = planned.filter((plan) => plan instanceof SyncedTablesError);
  if (keyError) warnings.push(keyError);
  if (snapshot.columns.length === 0) {
    warnings.push(syncedTablesError('SOURCE_WITHOUT_COLUMNS', { table: snapshot.tableName }));
  }
  if (snapshot.hasChangeFeed === false) {
    warnings.push(syncedTablesError('CHANGE_DATA_FEED_OFF', { table: snapshot.tableName }));
  }
  const facts = await readFacts(lakeTable, snapshot, keyError ? [] : keyColumns);
  return { snapshot, columns, ...facts, warnings: [...warnings, ...facts.warnings] };
}

/** The first reason why these columns cannot be a primary key; their rows are not read. */
function findKeyError(snapshot: SourceSnapshot, keyColumns: readonly string[]): SyncedTablesError | null {
  const keys = keyColumns.map((key) => snapshot.columns.find((field) => field.name === key));
  // Other columns have their own warnings.
  const columns = keys.filter((field) => field !== undefined);
  if (keyColumns.length === 0) return null;
  try {
    planTarget(
      { ...snapshot, columns: keys.includes(undefined) ? readableColumns(snapshot) : columns },
      { keyColumns, timeseriesKey: null },
    );
    return null;
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (!known) throw error;
    return known;
  }
}

function readableColumns(snapshot: SourceSnapshot): Field[] {
  return snapshot.columns.filter((field) => postgresType(field.type) !== null);
}

type Facts = Pick<SourcePreview, 'rowCount' | 'keyCandidates' | 'primaryKey' | 'warnings'>;

async function readFacts(
  lakeTable: LakeTable,
  snapshot: SourceSnapshot,
  keyColumns: readonly string[],
): Promise<Facts> {
  const columns = readableColumns(snapshot);
  if (columns.length === 0) return { rowCount: snapshot.rowCount, keyCandidates: null, primaryKey: null, warnings: [] };
  try {
    await using relation = await lakeTable.openRelation({ ...snapshot, columns }, 1);
    if (relation.remote && !relation.remote.fitsSpool) return factsOfFooters(relation);
    await using whole = await holdWhole(relation);
    const connection = await lakeTable.engine.connect();
    try {
      const rows = `(${whole.select})`;
      const { rowCount, facts } = await scanColumns(connection, rows, columns);
      const keyCandidates = await findKeyCandidates(connection, rows, { rowCount, facts });
      const primaryKey = keyColumns.length === 0 ? null : await judgeKey(connection, rows, keyColumns);
      const warnings = [...nulWarnings(snapshot, facts), ...(primaryKey ? keyWarnings(snapshot, primaryKey) : [])];
      return { rowCount, keyCandidates, primaryKey, warnings };
    } catch (error) {
      const damaged = await damagedFileOf(error, connection, relation);
      if (damaged === null) throw error;
      const details = { file: damaged.path, table: snapshot.tableName, reason: damaged.reason };
      throw syncedTablesError('SOURCE_FILE_CORRUPT', details, error);
    } finally {
      connection.closeSync();
    }
  } catch (error) {
    throw asSyncedTablesError(error) ?? explainEngineError(error, snapshot.tableName);
  }
}

/** Facts about tables with too many files to fetch for a preview. */
function factsOfFooters({ rowCount, remote }: Relation): Facts {
  const warnings: SyncedTablesError[] = [];
  try {
    remote?.requireFit();
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (!known) throw error;
    warnings.push(known);
  }
  return { rowCount, keyCandidates: null, primaryKey: null, warnings };
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

async function findKeyCandidates(
  connection: DuckDBConnection,
  rows: string,
  { rowCount, facts }: Scan,
): Promise<string[] | null> {
  if (rowCount === 0n) return null;
  const possible = facts.filter(({ field, rowsWithValue, distinctEstimate, rowsWithNul }) => {
    if (!canBeKey(field) || rowsWithNul > 0n) return false;
    const mayBeUnique = rowCount <= EXACT_ROWS_MAX || distinctEstimate * 100n >= rowCount * ESTIMATE_PERCENT_MIN;
    return rowsWithValue === rowCount && mayBeUnique;
  });
  const names = possible.map(({ field }) => field.name);
  const ordered = [...names.filter((name) => KEY_NAME.test(name)), ...names.filter((name) => !KEY_NAME.test(name))];
  const candidates: string[] = [];
  for (const [place, name] of ordered.entries()) {
    if (place >= CANDIDATES_CHECKED_MAX && candidates.length > 0) break;
    const { duplicateKeys } = await judgeKey(connection, rows, [name]);
    if (duplicateKeys === 0n) candidates.push(name);
  }
  return candidates;
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

async function readCounts(connection: DuckDBConnection, select: string): Promise<bigint[]> {
  const result = await connection.runAndReadAll(`select columns(*)::varchar from (${select})`);
  return (result.getRowsJson()[0] ?? []).map((count) => BigInt(String(count)));
}

function nulWarnings(snapshot: SourceSnapshot, facts: readonly ColumnFacts[]): SyncedTablesError[] {
  return facts
    .filter(({ rowsWithNul }) => rowsWithNul > 0n)
    .map(({ field, rowsWithNul }) => {
      const message = `Column "${field.name}" of source table ${snapshot.tableName} holds NUL characters, which Postgres cannot store, in ${countOf(rowsWithNul, 'row')}.`;
      return new SyncedTablesError(
        'CHARACTER_NOT_IN_REPERTOIRE',
        message,
        errorCatalogue.CHARACTER_NOT_IN_REPERTOIRE.remedy,
      );
    });
}

function keyWarnings(snapshot: SourceSnapshot, key: KeyPreview): SyncedTablesError[] {
  const columns = key.columns.join(', ');
  const table = snapshot.tableName;
  const warnings: SyncedTablesError[] = [];
  if (key.rowsWithNull > 0n) {
    warnings.push(syncedTablesError('PRIMARY_KEY_HAS_NULLS', { rows: key.rowsWithNull, table, columns }));
  }
  if (key.duplicateKeys > 0n) {
    const message = `In source table ${table} ${key.duplicateKeys} primary keys (${columns}) occur in several rows, ${key.duplicateRows} in all.`;
    const { remedy } = errorCatalogue.PRIMARY_KEY_CONSTRAINT_VIOLATION;
    warnings.push(new SyncedTablesError('PRIMARY_KEY_CONSTRAINT_VIOLATION', message, remedy));
  }
  return warnings;
}
