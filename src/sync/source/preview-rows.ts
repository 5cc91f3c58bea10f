import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { postgresType } from '../../core/postgres-type.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { damagedFileOf } from '../../lake/relation/damaged-file.js';
import type { FilesRead } from '../../lake/relation/relation.js';
import { holdWhole } from '../../lake/relation/relation-pass.js';
import type { SourceSnapshot } from '../../lake/source-snapshot.js';
import { chosenSource } from './chosen-source.js';
import {
  CANDIDATES_CHECKED_MAX,
  countTiedKeys,
  judgeKey,
  type KeyPreview,
  possibleKeys,
  scanColumns,
} from './key-scan.js';
import { explainEngineError } from './load-errors.js';

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
  /** How much of the table was read, where files without wanted rows may be left out; absent otherwise. */
  readonly filesRead?: FilesRead;
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
  /** Columns and rows that are wanted; absent for all. */
  readonly chosenColumns?: readonly string[] | null;
  readonly rowFilter?: string | null;
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
      const found = await readRows(connection, `(${whole.select})`, { ...request, columns });
      return relation.filesRead ? { ...found, filesRead: relation.filesRead } : found;
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
  const lakeTable = chosenSource(await catalogs.open(name), request);
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
