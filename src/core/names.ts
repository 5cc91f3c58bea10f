/** A table name of the form catalog.schema.table. */
export interface TableName {
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
}

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
