import { dataTypeText, type Field } from '../../core/data-type.js';
import { SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { canBeKey, findUnsupported, postgresType } from '../../core/postgres-type.js';
import { didYouMean } from '../../core/spelling.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';
import type { SourceDescription } from '../../lake/source-snapshot.js';
import { withTargetOptions } from './target-options.js';

/** NAMEDATALEN - 1: Postgres silently truncates longer names. */
const NAME_BYTES_MAX = 63;
const COLUMNS_MAX = 1_600;
/** Changes are staged with one column more. */
const COLUMNS_MAX_WITH_CHANGES = COLUMNS_MAX - 1;
const SYSTEM_COLUMNS = new Set(['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid']);

/** What a plan needs to know about a source table. */
type PlannedSource = Pick<SourceDescription, 'tableName' | 'columns'>;

/** What a plan needs to know about a synced table, which may not exist yet. */
export type TargetRequest = Pick<SyncedTable, 'keyColumns' | 'timeseriesKey'> &
  Partial<Pick<SyncedTable, 'fullName' | 'policy' | 'chosenColumns' | 'typeOverrides' | 'extraColumns'>>;

/**
 * Plans the Postgres columns of a source table, and checks that its key can be one.
 * @throws CHOSEN_COLUMN_NOT_FOUND, COLUMNS_WITHOUT_KEY, COLUMN_TYPE_UNSUPPORTED, COLUMN_NAME_UNSUPPORTED, PRIMARY_KEY_COLUMN_NOT_FOUND,
 *   PRIMARY_KEY_TYPE_UNSUPPORTED, TIMESERIES_COLUMN_NOT_FOUND, TIMESERIES_TYPE_UNSUPPORTED, SOURCE_WITHOUT_COLUMNS,
 *   TYPE_OVERRIDE_IMPOSSIBLE, PGVECTOR_MISSING, EXTRA_COLUMN_CONFLICT
 */
export function planTarget(snapshot: PlannedSource, request: TargetRequest): TargetColumn[] {
  const columns = planColumns(chosenPart(snapshot, request));
  const surplus = columns[COLUMNS_MAX_WITH_CHANGES];
  if (surplus && (request.policy ?? 'SNAPSHOT') !== 'SNAPSHOT') {
    const reason = `a table that changes are applied to has at most ${COLUMNS_MAX_WITH_CHANGES} columns`;
    throw syncedTablesError('COLUMN_NAME_UNSUPPORTED', {
      column: surplus.field.name,
      table: snapshot.tableName,
      reason,
    });
  }
  for (const key of request.keyColumns) {
    const field = snapshot.columns.find((column) => column.name === key);
    if (!field) {
      throw syncedTablesError('PRIMARY_KEY_COLUMN_NOT_FOUND', {
        table: snapshot.tableName,
        column: key,
        ...columnNames(snapshot, key),
      });
    }
    if (!canBeKey(field)) throw typeError('PRIMARY_KEY_TYPE_UNSUPPORTED', snapshot, field);
  }
  if (request.timeseriesKey !== null) checkTimeseriesKey(snapshot, request.timeseriesKey);
  return withTargetOptions(columns, snapshot.tableName, request);
}

/** The source with the columns alone that the table is to have. */
function chosenPart(
  snapshot: PlannedSource,
  { chosenColumns = null, keyColumns, fullName }: TargetRequest,
): PlannedSource {
  if (chosenColumns === null) return snapshot;
  const table = snapshot.tableName;
  const missing = chosenColumns.find((name) => !snapshot.columns.some((field) => field.name === name));
  if (missing !== undefined) {
    const { columns } = columnNames(snapshot, missing);
    throw syncedTablesError('CHOSEN_COLUMN_NOT_FOUND', { table, column: missing, columns });
  }
  const key = keyColumns.find((name) => !chosenColumns.includes(name));
  if (key !== undefined) throw syncedTablesError('COLUMNS_WITHOUT_KEY', { column: key, target: fullName ?? 'to be' });
  return { ...snapshot, columns: snapshot.columns.filter(({ name }) => chosenColumns.includes(name)) };
}

/** The Postgres columns of a source table, without checking any key. */
export function planColumns(snapshot: PlannedSource): TargetColumn[] {
  if (snapshot.columns.length === 0) throw syncedTablesError('SOURCE_WITHOUT_COLUMNS', { table: snapshot.tableName });
  return snapshot.columns.map((field, index) => {
    const planned = planColumn(snapshot, field, index);
    if (planned instanceof SyncedTablesError) throw planned;
    return planned;
  });
}

/** The Postgres column of the source column at position `index`, or the error that says why there is none. */
export function planColumn(snapshot: PlannedSource, field: Field, index: number): TargetColumn | SyncedTablesError {
  const table = snapshot.tableName;
  const type = postgresType(field.type);
  if (type === null) {
    const unsupported = findUnsupported(field.type) ?? dataTypeText(field.type);
    return syncedTablesError('COLUMN_TYPE_UNSUPPORTED', { column: field.name, table, type: unsupported });
  }
  const reason = nameProblem(field.name, index);
  if (reason) return syncedTablesError('COLUMN_NAME_UNSUPPORTED', { column: field.name, table, reason });
  return { field, postgresType: type };
}

function nameProblem(name: string, index: number): string | null {
  if (index >= COLUMNS_MAX) return `a table has at most ${COLUMNS_MAX} columns`;
  if (name === '') return 'its name is empty';
  if (name.includes('\0')) return 'its name holds a NUL character';
  if (SYSTEM_COLUMNS.has(name)) return 'every table has a system column of that name';
  const bytes = Buffer.byteLength(name, 'utf8');
  return bytes > NAME_BYTES_MAX ? `its name has ${bytes} bytes, at most ${NAME_BYTES_MAX} are possible` : null;
}

function checkTimeseriesKey(snapshot: PlannedSource, name: string): void {
  const field = snapshot.columns.find((column) => column.name === name);
  if (!field) {
    throw syncedTablesError('TIMESERIES_COLUMN_NOT_FOUND', {
      table: snapshot.tableName,
      column: name,
      ...columnNames(snapshot, name),
    });
  }
  if (!canBeKey(field)) throw typeError('TIMESERIES_TYPE_UNSUPPORTED', snapshot, field);
}

function typeError(
  code: 'PRIMARY_KEY_TYPE_UNSUPPORTED' | 'TIMESERIES_TYPE_UNSUPPORTED',
  snapshot: PlannedSource,
  field: Field,
) {
  return syncedTablesError(code, {
    column: field.name,
    table: snapshot.tableName,
    type: dataTypeText(field.type),
  });
}

/** What a message about a column that does not exist says of those that do. */
function columnNames(snapshot: PlannedSource, missing: string): { readonly columns: string; readonly meant: string } {
  const names = snapshot.columns.map((column) => column.name);
  return { columns: names.join(', '), meant: didYouMean(missing, names) };
}
