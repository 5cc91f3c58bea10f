import { syncedTablesError } from './errors.js';
import { nameProblem } from './name-problem.js';

/** A table name of the form catalog.schema.table. */
export interface TableName {
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
}

/** As in Unity Catalog, but for quotes, which would have to be told from those around a name. */
const NAME_PART = /^[^\s./"`\p{Cc}]{1,255}$/u;
/** With or without backticks. */
const PART = '(`[^`]+`|[^.`]+)';
const FULL_NAME = new RegExp(`^${PART}\\.${PART}\\.${PART}$`);

/** Whether a source table, its schema or its catalog may have this name. */
export function isSourceNamePart(part: string): boolean {
  return NAME_PART.test(part);
}

/**
 * Reads the full name of a source table, with or without backticks around its parts.
 * @throws SOURCE_NAME_INVALID unless it has three parts without dots, slashes, spaces, quotes and control characters
 */
export function parseSourceName(name: string): TableName {
  const parts =
    FULL_NAME.exec(name)
      ?.slice(1)
      .map((part) => part.replaceAll('`', '')) ?? [];
  const [catalog, schema, table] = parts;
  if (!catalog || !schema || !table || !parts.every(isSourceNamePart)) {
    const problem = nameProblem(name.replaceAll('`', ''), SOURCE_PARTS);
    throw syncedTablesError('SOURCE_NAME_INVALID', { name, problem: `: ${problem}` });
  }
  return { catalog, schema, table };
}

const SOURCE_PARTS = ['catalog', 'schema', 'table'].map((what) => ({
  what,
  lengthMax: 255,
  allowed: /[^\s/"\p{Cc}]/u,
  allowedText: 'characters other than slashes, spaces and quotes',
}));

/** `gold.users`, quoted only where Postgres needs it: how messages and views name a Postgres table. */
export function postgresTableName(schema: string, table: string): string {
  return `${quoteIfNeeded(schema)}.${quoteIfNeeded(table)}`;
}

/** An identifier as people read it in a statement, quoted only where Postgres needs it. */
export function quoteIfNeeded(identifier: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(identifier) ? identifier : quoteIdentifier(identifier);
}

/** Quotes an identifier for SQL: the only way names enter statements, in Postgres and in DuckDB alike. */
export function quoteIdentifier(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** Names for a list of columns in SQL. */
export function identifierList(names: readonly string[]): string {
  return names.map(quoteIdentifier).join(', ');
}

/** Quotes a string literal for SQL with standard_conforming_strings, in Postgres and in DuckDB alike. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The id of the project that an instance appears as: project ids have no underscores and no capitals. */
export function projectIdOfName(instance: string): string {
  return instance.toLowerCase().replaceAll('_', '-');
}
