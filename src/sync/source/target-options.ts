import { type DataType, dataTypeText } from '../../core/data-type.js';
import { syncedTablesError } from '../../core/errors.js';
import type { SyncedTable, TargetColumn } from '../../core/synced-table.js';

type TargetOptions = Pick<SyncedTable, 'keyColumns'> &
  Partial<Pick<SyncedTable, 'fullName' | 'typeOverrides' | 'extraColumns'>>;

/**
 * The planned columns, with the types chosen by the synced table's creator.
 * @throws TYPE_OVERRIDE_IMPOSSIBLE, PGVECTOR_MISSING, EXTRA_COLUMN_CONFLICT
 */
export function withTargetOptions(
  columns: readonly TargetColumn[],
  source: string,
  options: TargetOptions,
): TargetColumn[] {
  const { typeOverrides = new Map<string, string | null>(), extraColumns = [], fullName: target = 'to be' } = options;
  const names = new Set(columns.map(({ field }) => field.name));
  const extra = extraColumns.find(({ name }) => names.has(name));
  if (extra) throw syncedTablesError('EXTRA_COLUMN_CONFLICT', { column: extra.name, target, table: source });
  for (const [column, type] of typeOverrides) {
    if (type === null) throw syncedTablesError('PGVECTOR_MISSING', { column, target });
    const planned = columns.find(({ field }) => field.name === column);
    const reason = planned ? whyNot(planned.field.type, type, options.keyColumns.includes(column)) : 'there is none';
    if (reason !== null) {
      throw syncedTablesError('TYPE_OVERRIDE_IMPOSSIBLE', { column, table: source, type, target, reason });
    }
  }
  return columns.map((column) => ({
    ...column,
    postgresType: typeOverrides.get(column.field.name) ?? column.postgresType,
  }));
}

const NUMBERS: ReadonlySet<DataType['kind']> = new Set([
  'long',
  'integer',
  'short',
  'byte',
  'float',
  'double',
  'decimal',
]);

/** Why a source type cannot be stored as `postgresType`; null if it can. */
function whyNot(type: DataType, postgresType: string, isKey: boolean): string | null {
  if (postgresType.startsWith('character varying')) {
    return type.kind === 'string' ? null : `its type is ${dataTypeText(type)}, not string`;
  }
  if (isKey) return 'a vector cannot be a key';
  // Text and JSON arrays both have the form that pgvector reads: [1,2,3].
  if (type.kind === 'string' || (type.kind === 'array' && NUMBERS.has(type.element.kind))) return null;
  return `its type is ${dataTypeText(type)}, neither string nor an array of numbers`;
}
