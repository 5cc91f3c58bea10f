import { type DataType, dataTypeText } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import type { StoredColumns } from '../../../core/flows/align-columns.js';
import type { AutoCdcFlow } from '../../../core/flows/auto-cdc-flow.js';
import { quoteIdentifier, quoteLiteral } from '../../../core/names.js';
import { engineSyntaxReason } from '../../../core/reasons/engine-reason.js';
import type { DeclaredFlow } from '../../../flows/declare/declared-flow.js';
import { type ResolvedFlow, resolveFlow, type TargetNames } from '../../../flows/declare/resolve-flow.js';
import { parseColumnReference } from '../../../flows/parser/parse-pipeline-file.js';
import { dataTypeOfEngine } from '../../../lake/dialect/engine-data-type.js';
import { RowExpressionError, rowExpression } from '../../../lake/dialect/row-expression.js';
import { copyValue, preparedValue } from '../../../lake/engine/copy-value.js';
import { duckDbType } from '../../../lake/engine/duckdb-type.js';
import { sequenceTypeOf } from '../../../scd/event/sequence-order.js';
import type { OpenedColumn, OpenedSource } from '../source/opened-source.js';
import { computedValue, type StagedValue } from '../source/staged-value.js';

/** How the rows of a source become staged events. */
export interface StagingPlan {
  readonly flow: AutoCdcFlow;
  /** Returns the COPY values in the order of `stagingColumns(flow)`. */
  readonly select: string;
  /** Each column and expression that `select` computes, for finding the one that failed. */
  readonly parts: readonly NamedValue[];
}

interface NamedValue extends StagedValue {
  /** As named at the beginning of a sentence in messages. */
  readonly what: string;
  /** The column that it is; absent for an expression. */
  readonly column?: string;
}

const TEXT: DataType = { kind: 'string' };
const BOOLEAN: DataType = { kind: 'boolean' };

/**
 * Parses the expressions of a flow, resolves it against its source, and writes the SELECT that stages it.
 * @throws FLOW_EXPRESSION_INVALID and the codes of the analyse phase
 *   (docs/reference/auto-cdc.md#when-errors-are-raised)
 */
export async function planChangeStaging(
  declared: DeclaredFlow,
  target: TargetNames,
  source: OpenedSource,
  stored: StoredColumns | null,
): Promise<StagingPlan> {
  const sequence = await sequenceValue(declared, source);
  const resolved = resolveFlow({ declared, target, columns: source.columns, sequence: sequence.type, stored });
  const flow = withSequenceType(resolved.flow, sequence);
  const truncates = await condition(declared, source, 'APPLY AS TRUNCATE WHEN', declared.applyAsTruncates);
  const deletes = await condition(declared, source, 'APPLY AS DELETE WHEN', declared.applyAsDeletes);
  const kind = `case when ${truncates} then 'T' when ${deletes} then 'D' else 'U' end`;
  const values = [
    ...selectedValues(resolved, source),
    { sql: kind, type: TEXT },
    ...sequenceValues(sequence, source),
    ...authoredValues(resolved, source),
  ];
  const parts = [
    ...namedColumns(resolved, source),
    { what: 'APPLY AS TRUNCATE WHEN', sql: truncates, type: BOOLEAN },
    { what: 'APPLY AS DELETE WHEN', sql: deletes, type: BOOLEAN },
    ...sequenceValues(sequence, source).map((value) => ({ what: 'SEQUENCE BY', ...value })),
  ];
  return { flow, select: copySelect(source.select, values), parts };
}

/** A snapshot is staged as its rows. */
export function planSnapshotStaging(
  declared: DeclaredFlow,
  target: TargetNames,
  source: Pick<OpenedSource, 'columns' | 'select'>,
  version: DataType,
  stored: StoredColumns | null,
): StagingPlan {
  const resolved = resolveFlow({ declared, target, columns: source.columns, sequence: version, stored });
  const select = copySelect(source.select, selectedValues(resolved, source));
  return { flow: resolved.flow, select, parts: namedColumns(resolved, source) };
}

function namedColumns(resolved: ResolvedFlow, source: Pick<OpenedSource, 'columns'>): NamedValue[] {
  return resolved.selected.map(({ field }) => ({
    what: `Column "${field.name}"`,
    column: field.name,
    ...openedColumn(source, field.name).staged,
  }));
}

function selectedValues(resolved: ResolvedFlow, source: Pick<OpenedSource, 'columns'>): StagedValue[] {
  return resolved.selected.map(({ field }) => openedColumn(source, field.name).staged);
}

function openedColumn(source: Pick<OpenedSource, 'columns'>, name: string): OpenedColumn {
  const column = source.columns.find(({ field }) => field.name === name);
  if (column === undefined) throw new Error(`the source has no column ${name}`);
  return column;
}

/** The sequence of a row and its staged form. */
interface SequenceValue extends StagedValue {
  /** Set if it is a column and nothing more. */
  readonly postgresType: string | null;
}

async function sequenceValue(declared: DeclaredFlow, source: OpenedSource): Promise<SequenceValue> {
  const text = declared.sequenceBy ?? '';
  const column = plainColumn(source, text);
  const keptType = column?.postgresType ? sequenceTypeOf(column.postgresType) : null;
  if (column !== null && isOrderable(column.field.type) && keptType !== null) {
    return { ...column.staged, type: column.field.type, postgresType: keptType };
  }
  if (column !== null && column.field.type.kind !== 'struct') {
    const details = { flow: declared.name, type: column.postgresType ?? dataTypeText(column.field.type) };
    throw syncedTablesError('AUTOCDC_MICROBATCH_VALIDATION.NON_ORDERABLE_SEQUENCE', details);
  }
  const { sql, type } = await bind(declared, source, 'SEQUENCE BY', text);
  return { sql, type, postgresType: null };
}

function isOrderable(type: DataType): boolean {
  return type.kind !== 'struct' && type.kind !== 'array' && type.kind !== 'map' && type.kind !== 'variant';
}

/** The column that an expression consists of, if it is nothing more. */
function plainColumn(source: OpenedSource, text: string): OpenedColumn | null {
  const { parts } = parseColumnReference(text);
  const [name] = parts ?? [];
  if (name === undefined || parts?.length !== 1) return null;
  const exact = source.columns.find(({ field }) => field.name === name);
  return exact ?? source.columns.find(({ field }) => field.name.toLowerCase() === name.toLowerCase()) ?? null;
}

/** A Postgres column keeps its own type, which may be finer than any of the engine's. */
function withSequenceType(flow: AutoCdcFlow, { postgresType }: SequenceValue): AutoCdcFlow {
  const [field] = flow.sequence.fields;
  if (postgresType === null || flow.sequence.kind === 'struct' || field === undefined) return flow;
  return { ...flow, sequence: { kind: 'column', fields: [{ ...field, postgresType }] } };
}

function sequenceValues({ sql, type, postgresType }: SequenceValue, source: OpenedSource): StagedValue[] {
  if (postgresType !== null) {
    const staged = sql.startsWith('r.__autocdc_raw') ? TEXT : type;
    return [{ sql: `cast(${sql} as ${duckDbType(staged)})`, type: staged }];
  }
  if (type.kind !== 'struct') return [computedValue(sql, type, source.hasInfinities)];
  const fields = type.fields.map((field) =>
    computedValue(`struct_extract((${sql}), ${quoteLiteral(field.name)})`, field.type, source.hasInfinities),
  );
  return [...fields, { sql: `((${sql}) is null)`, type: BOOLEAN }];
}

/** The names that an event authors, as the text of a Postgres text array. */
function authoredValues({ columnsToUpdate }: ResolvedFlow, source: OpenedSource): StagedValue[] {
  if (columnsToUpdate === null) return [];
  const { staged } = openedColumn(source, columnsToUpdate);
  if (staged.type.kind === 'string') return [staged];
  const element = `case when name is null then 'NULL' else concat('"', replace(replace(name, '\\', '\\\\'), '"', '\\"'), '"') end`;
  const list = `array_to_string(list_transform(${staged.sql}, lambda name: ${element}), ',')`;
  return [{ sql: `case when ${staged.sql} is null then null else concat('{', ${list}, '}') end`, type: TEXT }];
}

/** SQL that is true for matching rows; null does not match. */
async function condition(
  declared: DeclaredFlow,
  source: OpenedSource,
  clause: string,
  text: string | null,
): Promise<string> {
  if (text === null) return 'false';
  const { sql, type } = await bind(declared, source, clause, text);
  if (type.kind === 'boolean' || type.kind === 'void') return `coalesce(${sql}, false)`;
  throw invalid(declared, clause, text, `it gives ${dataTypeText(type)}, not true or false`);
}

async function bind(declared: DeclaredFlow, source: OpenedSource, clause: string, text: string): Promise<StagedValue> {
  const { connection, columns, select } = source;
  try {
    const expression = await rowExpression(
      connection,
      text,
      columns.map((column) => column.field),
    );
    const sql = `(${expression})`;
    const described = await connection.runAndReadAll(`select ${sql} as value from (${select}) r limit 0`);
    const [type] = described.columnTypes();
    if (type === undefined) throw new RowExpressionError('it gives nothing');
    return { sql, type: dataTypeOfEngine(type) };
  } catch (error) {
    const reason = error instanceof RowExpressionError ? error.message.replace(/\.$/, '') : engineSyntaxReason(error);
    throw reason === null ? error : invalid(declared, clause, text, reason, error);
  }
}

function invalid(declared: DeclaredFlow, clause: string, expression: string, reason: string, cause?: unknown) {
  return syncedTablesError('FLOW_EXPRESSION_INVALID', { flow: declared.name, clause, expression, reason }, cause);
}

function copySelect(select: string, values: readonly StagedValue[]): string {
  const options = { format: 'text', invalidCharacters: 'fail' } as const;
  const prepared = values.map(({ sql, type }, index) => `${preparedValue(type, sql, options)} as c${index}`);
  const copied = values.map(({ type }, index) => {
    return `${copyValue(type, `c${index}`, index, options)} as ${quoteIdentifier(`c${index}`)}`;
  });
  return `select ${copied.join(', ')} from (select ${prepared.join(', ')} from (${select}) r)`;
}
