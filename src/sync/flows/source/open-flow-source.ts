import type { DuckDBConnection } from '@duckdb/node-api';
import type pg from 'pg';
import type { Field } from '../../../core/data-type.js';
import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { FlowSource, ViewDeclaration } from '../../../core/flows/pipeline-declaration.js';
import { quoteIdentifier } from '../../../core/names.js';
import { engineSyntaxReason } from '../../../core/reasons/engine-reason.js';
import { flowSourceColumn } from '../../../flows/declare/resolve-flow.js';
import type { CatalogSet } from '../../../lake/catalog/catalog.js';
import { dataTypeOfEngine } from '../../../lake/dialect/engine-data-type.js';
import { SourceQueryError, sourceQuery, type TableReference } from '../../../lake/dialect/source-query.js';
import type { Engine } from '../../../lake/engine/duckdb-engine.js';
import { type WhileAnswering, watchedConnection } from '../../../lake/engine/watched-engine.js';
import type { SourceFile } from '../../../lake/relation/relation.js';
import { type LakeReadMode, type LakeRows, openLakeRows } from './open-lake-rows.js';
import { openPostgresRows } from './open-postgres-rows.js';
import type { OpenedColumn, OpenedSource } from './opened-source.js';
import type { SourcePosition, TablePosition } from './source-position.js';
import { computedValue } from './staged-value.js';

/** A source that reads tables rather than calling a function. */
export type TableSource = Exclude<FlowSource, { kind: 'function' }>;

export interface OpenFlowSourceOptions {
  readonly client: pg.Client;
  readonly engine: Engine;
  readonly catalogs: CatalogSet;
  readonly flow: string;
  readonly declaredBy: string;
  readonly source: TableSource;
  readonly views: readonly ViewDeclaration[];
  /** Whether every update reads all rows (snapshots), or only those not read before. */
  readonly isSnapshot: boolean;
  /** Null before the first update. */
  readonly position: SourcePosition | null;
  /** Once it is aborted, nothing more is read. */
  readonly signal: AbortSignal;
}

/**
 * Opens what a flow has to read now.
 * @throws FLOW_SOURCE_UNKNOWN, FLOW_QUERY_INVALID, and errors of reading the underlying tables
 */
export async function openFlowSource(options: OpenFlowSourceOptions): Promise<OpenedSource> {
  const { source, views, flow } = options;
  if (source.kind === 'query') return openQuery(options, flow, source.query);
  const { parts } = source;
  const view = parts.length === 1 ? findView(views, parts[0] ?? '') : undefined;
  if (view !== undefined) return openQuery(options, `view ${view.name}`, view.query);
  if (parts.length === 3) {
    const mode = options.isSnapshot ? 'all' : source.isChangeFeed ? 'changes' : 'stream';
    return openLakeTable(options, parts, mode);
  }
  const [schema, table] = parts;
  if (parts.length !== 2 || schema === undefined || table === undefined) {
    const reason = 'its name has one part';
    throw syncedTablesError('FLOW_SOURCE_UNKNOWN', { flow, source: parts.join('.'), reason });
  }
  const name = Object.keys(options.position ?? {})[0];
  const position = options.isSnapshot || name === undefined ? null : (options.position?.[name] ?? null);
  return openPostgresRows({ ...options, schema, table, position });
}

/** The pipeline's view with that name, ignoring case. */
export function findView(views: readonly ViewDeclaration[], name: string): ViewDeclaration | undefined {
  return views.find((view) => view.name.toLowerCase() === name.toLowerCase());
}

/** A lakehouse column: staged unchanged. */
function openedColumn(field: Field): OpenedColumn {
  return { ...flowSourceColumn(field), staged: { sql: `r.${quoteIdentifier(field.name)}`, type: field.type } };
}

/** A column of a query: in the type that holds all of the engine's values. */
function queryColumn(field: Field): OpenedColumn {
  const column = openedColumn(field);
  const { sql, type } = column.staged;
  return column.postgresType === null ? column : { ...column, staged: computedValue(sql, type, false) };
}

async function openLakeTable(
  { catalogs, position, signal }: OpenFlowSourceOptions,
  parts: readonly string[],
  mode: LakeReadMode,
): Promise<OpenedSource> {
  const name = parts.join('.');
  const key = `${mode} ${name}`;
  const lakeTable = await catalogs.open(name);
  const connection = await lakeTable.engine.connect();
  const rows = await openLakeRows(lakeTable, mode, position?.[key], signal).catch((error: unknown) => {
    connection.closeSync();
    throw error;
  });
  return {
    connection,
    columns: rows.columns.map(openedColumn),
    select: rows.select,
    hasInfinities: false,
    files: rows.files,
    position: { [key]: rows.position },
    hasNews: rows.hasNews,
    rowCount: null,
    requireUnchanged: async () => rows.requireUnchanged?.(),
    async [Symbol.asyncDispose]() {
      connection.closeSync();
      await rows[Symbol.asyncDispose]();
    },
  };
}

/** What a query has opened, closed together with it. */
interface QueryParts {
  readonly connection: DuckDBConnection;
  /** In opening order. */
  readonly opened: LakeRows[];
  readonly position: Record<string, TablePosition>;
  readonly files: SourceFile[];
  /** The disks that hold the tables. */
  readonly disks: WhileAnswering[];
  hasNews: boolean;
  tables: number;
}

async function openQuery(options: OpenFlowSourceOptions, name: string, query: string): Promise<OpenedSource> {
  const disks: WhileAnswering[] = [];
  const connection = watchedConnection(await options.engine.connect(), (statement) =>
    disks.reduce((waiting, whileAnswering) => whileAnswering(waiting), statement),
  );
  const parts: QueryParts = { connection, opened: [], position: {}, files: [], disks, hasNews: false, tables: 0 };
  const dispose = async () => {
    connection.closeSync();
    for (const opened of parts.opened.reverse()) await opened[Symbol.asyncDispose]();
  };
  try {
    const select = await querySql(options, parts, name, query, []);
    const described = await connection.runAndReadAll(`select * from (${select}) limit 0`);
    const types = described.columnTypes();
    const fields = described.columnNames().map((column, index): Field => {
      const type = types[index];
      if (type === undefined) throw new Error(`a column without a type: ${column}`);
      return { name: column, type: dataTypeOfEngine(type), nullable: true, physicalName: column };
    });
    return {
      connection,
      columns: fields.map(queryColumn),
      select,
      hasInfinities: false,
      files: parts.files,
      position: parts.position,
      // Tables read as a whole may have changed even if the others have not.
      hasNews: parts.hasNews || Object.keys(parts.position).length === 0,
      rowCount: null,
      async requireUnchanged() {
        for (const opened of parts.opened) await opened.requireUnchanged?.();
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw queryError(error, name);
  }
}

/** FLOW_QUERY_INVALID for errors caused by the query itself. */
export function queryError(error: unknown, name: string): unknown {
  if (asSyncedTablesError(error)) return error;
  const reason = error instanceof SourceQueryError ? error.message.replace(/\.$/, '') : engineSyntaxReason(error);
  return reason === null ? error : syncedTablesError('FLOW_QUERY_INVALID', { name, reason }, error);
}

const VIEW_DEPTH_MAX = 20;

async function querySql(
  options: OpenFlowSourceOptions,
  parts: QueryParts,
  name: string,
  query: string,
  above: readonly string[],
): Promise<string> {
  if (above.length > VIEW_DEPTH_MAX) throw new SourceQueryError('its views go round in a circle');
  const parsed = await sourceQuery(parts.connection, query);
  const engineNames = new Map<TableReference, string>();
  for (const reference of parsed.references) {
    const sql = await referenceSql(options, parts, reference, [...above, name]);
    const engineName = `flow_source_${parts.tables++}`;
    await parts.connection.run(`create temp view ${engineName} as ${sql}`);
    engineNames.set(reference, engineName);
  }
  return parsed.toSql((reference) => engineNames.get(reference) ?? '');
}

async function referenceSql(
  options: OpenFlowSourceOptions,
  parts: QueryParts,
  reference: TableReference,
  above: readonly string[],
): Promise<string> {
  const [first = ''] = reference.parts;
  const view = reference.parts.length === 1 ? findView(options.views, first) : undefined;
  if (view !== undefined) return querySql(options, parts, view.name, view.query, above);
  if (reference.parts.length !== 3) {
    throw new SourceQueryError(
      `"${reference.parts.join('.')}" is neither a table of the lakehouse nor a view of the pipeline`,
    );
  }
  const mode = options.isSnapshot && reference.mode === 'stream' ? 'all' : reference.mode;
  const name = reference.parts.join('.');
  const key = `${mode} ${name}`;
  const lakeTable = await options.catalogs.open(name);
  const rows = await openLakeRows(lakeTable, mode, options.position?.[key], options.signal);
  if (lakeTable.whileAnswering) parts.disks.push(lakeTable.whileAnswering);
  parts.opened.push(rows);
  parts.position[key] = rows.position;
  parts.files.push(...rows.files);
  parts.hasNews ||= rows.hasNews;
  return rows.select;
}
