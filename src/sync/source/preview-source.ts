import { dataTypeText, type Field } from '../../core/data-type.js';
import { asSyncedTablesError, SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { LakeTable } from '../../lake/lake-table.js';
import type { FilesRead } from '../../lake/relation/relation.js';
import type { SourceSnapshot } from '../../lake/source-snapshot.js';
import { chosenSource, type SourceChoice } from './chosen-source.js';
import { judgeModes, type SourceMode } from './describe-source.js';
import type { KeyPreview } from './key-scan.js';
import { planColumn, planTarget, type TargetRequest } from './plan-target.js';
import { previewRows, type RowPreview, readableColumns } from './preview-rows.js';
import { duplicateKeyWarning, nullKeyWarning, nulWarnings } from './preview-warnings.js';

interface PreviewColumn {
  readonly name: string;
  readonly sourceType: string;
  /** Null if the column cannot be synced; a warning says why. */
  readonly postgresType: string | null;
  readonly nullable: boolean;
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
  /** How much of the table was read, where files without wanted rows may be left out; absent otherwise. */
  readonly filesRead?: FilesRead;
  /** The policies that it can be synced under, whatever its columns are. */
  readonly modes: readonly SourceMode[];
  readonly warnings: readonly SyncedTablesError[];
}

/**
 * Scans the newest version of a source table, or the part of it that is chosen, without Postgres.
 * @param key the primary key to check; empty for the one that the catalog declares, if any
 * @throws CHOSEN_COLUMN_NOT_FOUND, ROW_FILTER_INVALID, and errors of reading the table; those that only a sync would meet
 *   become warnings
 */
export async function previewSource(
  source: LakeTable,
  key: readonly string[],
  choice: Pick<SourceChoice, 'chosenColumns' | 'rowFilter'> = {},
): Promise<SourcePreview> {
  const lakeTable = chosenSource(source, choice);
  const keyColumns = key.length > 0 ? key : (lakeTable.declared?.primaryKey ?? []);
  const snapshot = await lakeTable.snapshot();
  const planned = snapshot.columns.map((field, index) => planColumn(snapshot, field, index));
  const columns = snapshot.columns.map((field, index) => {
    const plan = planned[index];
    const isPlanned = plan !== undefined && !(plan instanceof SyncedTablesError);
    const type = isPlanned ? plan.postgresType : null;
    return { name: field.name, sourceType: dataTypeText(field.type), postgresType: type, nullable: field.nullable };
  });
  const keyError = findKeyError(snapshot, keyColumns, choice.chosenColumns ?? null);
  const warnings = planned.filter((plan) => plan instanceof SyncedTablesError);
  if (keyError) warnings.push(keyError);
  if (snapshot.columns.length === 0) {
    warnings.push(syncedTablesError('SOURCE_WITHOUT_COLUMNS', { table: snapshot.tableName }));
  }
  if (snapshot.hasChangeFeed === false) {
    warnings.push(syncedTablesError('CHANGE_DATA_FEED_OFF', { table: snapshot.tableName }));
  }
  const found = await previewRows(lakeTable, snapshot, { keyColumns: keyError ? [] : keyColumns });
  const modes = await judgeModes(lakeTable, snapshot);
  return { snapshot, columns, ...found, modes, warnings: [...warnings, ...rowWarnings(snapshot.tableName, found)] };
}

/** The first reason why these columns cannot be a primary key; their rows are not read. */
function findKeyError(
  snapshot: SourceSnapshot,
  keyColumns: readonly string[],
  chosenColumns: readonly string[] | null,
): SyncedTablesError | null {
  const leftOut = keyColumns.find((key) => chosenColumns !== null && !chosenColumns.includes(key));
  if (leftOut !== undefined) return syncedTablesError('COLUMNS_WITHOUT_KEY', { column: leftOut, target: 'to be' });
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

/**
 * Why a synced table could not be as it is wanted; null if nothing speaks against it. Columns that cannot be synced at
 * all are passed over: each is told of by itself.
 */
export function findTargetError(snapshot: SourceSnapshot, request: TargetRequest): SyncedTablesError | null {
  const isPlanned = (field: Field, index: number) => !(planColumn(snapshot, field, index) instanceof SyncedTablesError);
  const columns = snapshot.columns.filter(isPlanned);
  const isLeftOut = (name: string) =>
    snapshot.columns.some((field) => field.name === name) && !columns.some((field) => field.name === name);
  if (columns.length === 0 || request.keyColumns.some(isLeftOut)) return null;
  const chosenColumns = request.chosenColumns?.filter((name) => !isLeftOut(name)) ?? null;
  try {
    planTarget({ ...snapshot, columns }, { ...request, chosenColumns });
    return null;
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (!known) throw error;
    return known;
  }
}

function rowWarnings(table: string, found: RowPreview): SyncedTablesError[] {
  const { primaryKey: key, tooLarge } = found;
  const ofKey = key === null ? [] : [nullKeyWarning(table, key), duplicateKeyWarning(table, key)];
  return [...nulWarnings(table, found), ...ofKey, tooLarge].filter((warning) => warning !== null);
}
