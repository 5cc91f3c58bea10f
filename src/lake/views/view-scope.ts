import { randomUUID } from 'node:crypto';
import { type DuckDBConnection, SQLNULL } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier } from '../../core/names.js';
import { engineSyntaxReason } from '../../core/reasons/engine-reason.js';
import { dataTypeOfEngine } from '../dialect/engine-data-type.js';
import { SourceQueryError, sourceQuery, type TableReference } from '../dialect/source-query.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { duckDbType } from '../engine/duckdb-type.js';

/** The definition of a view. */
export interface ViewQuery {
  /** Full name of the view. */
  readonly name: string;
  readonly sql: string;
  /** The full name of a table that the query names so. Throws SourceQueryError if it is none. */
  readonly resolve: (parts: readonly string[]) => string;
}

/**
 * Full names of the tables that a view reads, each once.
 * @throws VIEW_INVALID
 */
export async function tablesOfView(engine: Engine, query: ViewQuery): Promise<string[]> {
  const connection = await engine.connect();
  try {
    const { references } = await sourceQuery(connection, query.sql);
    return [...new Set(references.map((reference) => nameOf(query, reference)))];
  } catch (error) {
    throw viewError(error, query.name);
  } finally {
    connection.closeSync();
  }
}

/** A place in the engine where the tables of a view have names, and its query can be run. */
export class ViewScope implements AsyncDisposable {
  readonly #connection: DuckDBConnection;
  /** Begins the names of its tables, which all connections of the engine see. */
  readonly #prefix = `view_${randomUUID().replaceAll('-', '')}`;
  readonly #query: ViewQuery;
  readonly #tables = new Map<string, string>();

  private constructor(connection: DuckDBConnection, query: ViewQuery) {
    this.#connection = connection;
    this.#query = query;
  }

  static async open(engine: Engine, query: ViewQuery): Promise<ViewScope> {
    return new ViewScope(await engine.connect(), query);
  }

  /** Gives the rows of a SELECT the name of a table. Columns of types that cannot be read are left out. */
  async add(fullName: string, columns: readonly Field[], select: string): Promise<void> {
    const table = `${this.#prefix}_${this.#tables.size}`;
    const names = readable(columns).map(({ name }) => `r.${quoteIdentifier(name)}`);
    await this.#connection.run(
      `create view ${table} as select ${names.length === 0 ? 'null' : names.join(', ')} from (${select}) r`,
    );
    this.#tables.set(fullName, table);
  }

  /** Gives a table without rows its name: enough to find out the columns of the view. */
  addEmpty(fullName: string, columns: readonly Field[]): Promise<void> {
    const nulls = readable(columns).map(({ name, type }) => `null::${duckDbType(type)} as ${quoteIdentifier(name)}`);
    return this.add(fullName, columns, `select ${nulls.length === 0 ? 'null' : nulls.join(', ')} where false`);
  }

  /**
   * The columns of the view.
   * @throws VIEW_INVALID
   */
  async columns(): Promise<Field[]> {
    try {
      // Only planned: as a subquery, columns of one name would get others.
      const prepared = await this.#connection.prepare(await this.#sql());
      const names = Array.from({ length: prepared.columnCount }, (_, at) => prepared.columnName(at));
      const types = names.map((_, at) => prepared.columnType(at));
      prepared.destroySync();
      const twice = names.find((name, at) => names.findIndex((one) => one.toLowerCase() === name.toLowerCase()) < at);
      if (twice !== undefined) throw new SourceQueryError(`it has several columns named "${twice}"`);
      return names.map((name, at) => {
        const type = dataTypeOfEngine(types[at] ?? SQLNULL);
        return { name, type, nullable: true, physicalName: name };
      });
    } catch (error) {
      throw viewError(error, this.#query.name);
    }
  }

  /** The rows of the view in the canonical types of its columns. */
  async select(columns: readonly Field[]): Promise<string> {
    const values = readable(columns).map(({ name, type }) => {
      return `cast(r.${quoteIdentifier(name)} as ${duckDbType(type)}) as ${quoteIdentifier(name)}`;
    });
    return `select ${values.join(', ')} from (${await this.#sql()}) r`;
  }

  async #sql(): Promise<string> {
    const parsed = await sourceQuery(this.#connection, this.#query.sql);
    return parsed.toSql((reference) => {
      const table = this.#tables.get(nameOf(this.#query, reference));
      if (table === undefined) throw new Error('a table of the view was not added');
      return table;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const table of this.#tables.values()) await this.#connection.run(`drop view ${table}`);
    } finally {
      this.#connection.closeSync();
    }
  }
}

function readable(columns: readonly Field[]): readonly Field[] {
  return columns.filter(({ type }) => type.kind !== 'unsupported');
}

function nameOf({ resolve }: ViewQuery, { parts, mode }: TableReference): string {
  if (mode !== 'all') throw new SourceQueryError('it reads a stream or a change feed, which only flows can');
  return resolve(parts);
}

/** VIEW_INVALID for errors that the query itself causes. */
function viewError(error: unknown, table: string): unknown {
  if (asSyncedTablesError(error)) return error;
  const reason = error instanceof SourceQueryError ? error.message.replace(/\.$/, '') : engineSyntaxReason(error);
  return reason === null ? error : syncedTablesError('VIEW_INVALID', { table, reason }, error);
}
