import { type DataType, dataTypeText, type Field } from '../../core/data-type.js';
import { syncedTablesError } from '../../core/errors.js';
import { alignFields, alignNames, type StoredColumns } from '../../core/flows/align-columns.js';
import type { AutoCdcColumn, AutoCdcField, AutoCdcFlow, AutoCdcSequence } from '../../core/flows/auto-cdc-flow.js';
import { CHANGE_FEED_RETENTION_SECONDS, TOMBSTONE_RETENTION_SECONDS } from '../../core/flows/auto-cdc-flow.js';
import { postgresType } from '../../core/postgres-type.js';
import { ColumnNames } from './column-names.js';
import type { ColumnSelection, DeclaredFlow } from './declared-flow.js';

/** A column that a flow reads. */
export interface FlowSourceColumn {
  readonly field: Field;
  /** Null if it cannot be stored in Postgres; it must not be selected then. */
  readonly postgresType: string | null;
}

/** A column of a lakehouse table. */
export function flowSourceColumn(field: Field): FlowSourceColumn {
  return { field, postgresType: postgresType(field.type) };
}

/** The target of a flow, as named in statements and messages. */
export interface TargetNames {
  readonly schema: string;
  readonly table: string;
  /** `schema.table`, quoted where Postgres needs it: for messages. */
  readonly fullName: string;
  readonly createdBy: string;
  /** Null for the default. */
  readonly tombstoneSeconds: number | null;
}

export interface ResolveOptions {
  readonly declared: DeclaredFlow;
  readonly target: TargetNames;
  readonly columns: readonly FlowSourceColumn[];
  /** The type of the sequence: that of SEQUENCE BY, or of the snapshot versions. */
  readonly sequence: DataType;
  /** How the target's columns are arranged; null if it does not exist yet. */
  readonly stored: StoredColumns | null;
}

/** A flow resolved against its source's schema. */
export interface ResolvedFlow {
  readonly flow: AutoCdcFlow;
  /** The selected columns in the order of `flow.columns`: first the target's order, then the source's. */
  readonly selected: readonly FlowSourceColumn[];
  /** The source column that lists the columns to update, in the source's spelling. */
  readonly columnsToUpdate: string | null;
}

/**
 * Resolves the options of a flow against its source.
 * @throws AUTOCDC_COLUMNS_NOT_FOUND_IN_SCHEMA, AUTOCDC_KEY_NOT_IN_SELECTED_SCHEMA and the other codes of the analyse
 *   phase (docs/reference/auto-cdc.md#when-errors-are-raised), COLUMN_TYPE_UNSUPPORTED
 */
export function resolveFlow(options: ResolveOptions): ResolvedFlow {
  const { declared, target } = options;
  const source = new ColumnNames(
    declared.name,
    options.columns.map((column) => column.field.name),
  );
  refuseReserved(declared, source);
  const columnsToUpdate = resolveColumnsToUpdate(options, source);
  const selectedNames = alignNames(options.stored?.names ?? [], selectColumns(declared, source, columnsToUpdate));
  refuseFeedNames(declared.name, selectedNames);
  const selected = selectedNames.flatMap((name) => options.columns.filter((column) => column.field.name === name));
  const names = new ColumnNames(declared.name, selectedNames);
  const keyColumns = resolveKeys(declared, names);
  const values = names.all.filter((name) => !keyColumns.includes(name));
  const flow: AutoCdcFlow = {
    flowName: declared.name,
    source: declared.kind === 'changes' ? 'changes' : 'snapshots',
    schema: target.schema,
    table: target.table,
    fullName: target.fullName,
    createdBy: target.createdBy,
    scdType: declared.scdType,
    keyColumns,
    columns: selected.map((column) => targetColumn(declared.name, column, options.stored)),
    sequence: resolveSequence(declared.name, options.sequence),
    trackedColumns: declared.scdType === 1 ? [] : trackedColumns(declared, names, values),
    ignoreNullColumns: ignoreNullColumns(declared, new ColumnNames(declared.name, values)),
    columnsToUpdate: columnsToUpdate !== null,
    sourceColumns: source.all,
    tombstoneRetentionSeconds: target.tombstoneSeconds ?? TOMBSTONE_RETENTION_SECONDS,
    changeFeedRetentionSeconds: CHANGE_FEED_RETENTION_SECONDS,
  };
  for (const key of selected.filter((column) => keyColumns.includes(column.field.name))) {
    requireKeyType(declared.name, key);
  }
  return { flow, selected, columnsToUpdate };
}

function refuseReserved(declared: DeclaredFlow, source: ColumnNames): void {
  for (const column of source.all) {
    const folded = column.toLowerCase();
    if (folded.startsWith('__autocdc_')) {
      throw syncedTablesError('AUTOCDC_RESERVED_COLUMN_NAME_PREFIX_CONFLICT', { flow: declared.name, column });
    }
    if (declared.scdType === 2 && (folded === '__start_at' || folded === '__end_at')) {
      throw syncedTablesError('AUTOCDC_RESERVED_COLUMN_NAME_CONFLICT', { flow: declared.name, column });
    }
  }
}

/** Columns that the target's change feed adds to each row. */
const FEED_COLUMNS: ReadonlySet<string> = new Set(['_change_type', '_commit_version', '_commit_timestamp']);

function refuseFeedNames(flow: string, selected: readonly string[]): void {
  const column = selected.find((name) => FEED_COLUMNS.has(name.toLowerCase()));
  if (column !== undefined) throw syncedTablesError('AUTOCDC_RESERVED_COLUMN_NAME_CONFLICT', { flow, column });
}

function resolveColumnsToUpdate({ declared, columns }: ResolveOptions, source: ColumnNames): string | null {
  if (declared.columnsToUpdate === null) return null;
  const [name] = source.find([declared.columnsToUpdate], 'columns_to_update');
  const column = columns.find(({ field }) => field.name === name);
  if (column === undefined) throw new Error(`a column that was found is gone: ${name}`);
  const { type } = column.field;
  if (type.kind !== 'array' || type.element.kind !== 'string') {
    const details = { flow: declared.name, column: column.field.name, type: dataTypeText(type) };
    throw syncedTablesError('AUTOCDC_COLUMNS_TO_UPDATE_TYPE', details);
  }
  return column.field.name;
}

/** In source order. The list of columns to update describes the event, so it is left out unless it is selected. */
function selectColumns(declared: DeclaredFlow, source: ColumnNames, columnsToUpdate: string | null): readonly string[] {
  const chosen = source.select(declared.columns, { include: 'column_list', except: 'except_column_list' });
  return declared.columns.kind === 'include' ? chosen : chosen.filter((name) => name !== columnsToUpdate);
}

function resolveKeys(declared: DeclaredFlow, names: ColumnNames): readonly string[] {
  const missing = declared.keys.filter((key) => names.match(key) === null);
  if (missing.length > 0) {
    const details = { flow: declared.name, columns: missing.join(', '), available: names.all.join(', ') };
    throw syncedTablesError('AUTOCDC_KEY_NOT_IN_SELECTED_SCHEMA', details);
  }
  return [...new Set(declared.keys.flatMap((key) => names.match(key) ?? []))];
}

const EQUALITY_LESS: ReadonlySet<string> = new Set(['jsonb', 'json', 'xml', 'point', 'box', 'path', 'polygon']);

function requireKeyType(flow: string, { field, postgresType: type }: FlowSourceColumn): void {
  if (type !== null && !EQUALITY_LESS.has(type) && field.type.kind !== 'void') return;
  const details = { flow, column: field.name, type: dataTypeText(field.type) };
  throw syncedTablesError('AUTOCDC_KEY_TYPE_UNSUPPORTED', details);
}

/** A tracked key column has no effect: rows of one history share it. */
function trackedColumns(declared: DeclaredFlow, names: ColumnNames, values: readonly string[]): readonly string[] {
  const lists = { include: 'track_history_column_list', except: 'track_history_except_column_list' };
  return names.select(declared.trackHistory, lists).filter((name) => values.includes(name));
}

function ignoreNullColumns({ ignoreNull }: DeclaredFlow, values: ColumnNames): readonly string[] {
  if (ignoreNull === null) return [];
  const include = 'ignore_null_updates_column_list';
  return values.select(ignoreNull as ColumnSelection, { include, except: 'ignore_null_updates_except_column_list' });
}

function targetColumn(
  flow: string,
  { field, postgresType: type }: FlowSourceColumn,
  stored: StoredColumns | null,
): AutoCdcColumn {
  if (type === null) {
    const details = { column: field.name, table: `of flow ${flow}`, type: dataTypeText(field.type) };
    throw syncedTablesError('COLUMN_TYPE_UNSUPPORTED', details);
  }
  const struct = structFields(field.type);
  const before = stored?.structs[field.name];
  return {
    name: field.name,
    postgresType: type,
    struct: struct === null || before === undefined ? struct : alignFields(before, struct).fields,
  };
}

function structFields(type: DataType): AutoCdcField[] | null {
  if (type.kind !== 'struct') return null;
  return type.fields.map((field) => ({
    name: field.name,
    postgresType: postgresType(field.type) ?? 'jsonb',
    struct: structFields(field.type),
  }));
}

function resolveSequence(flow: string, type: DataType): AutoCdcSequence {
  const kind = type.kind === 'struct' ? 'struct' : 'column';
  const parts = type.kind === 'struct' ? type.fields : [{ name: 'sequence', type }];
  const fields = parts.map((part) => {
    const partType = postgresType(part.type);
    if (partType === null || partType === 'jsonb') {
      const details = { flow, type: dataTypeText(type) };
      throw syncedTablesError('AUTOCDC_MICROBATCH_VALIDATION.NON_ORDERABLE_SEQUENCE', details);
    }
    return { name: part.name, postgresType: partType };
  });
  return { kind, fields };
}
