import { syncedTablesError } from '../../core/errors.js';
import { nameProblem } from '../../core/name-problem.js';
import { postgresTableName, type TableName } from '../../core/names.js';

const NAME = /^([A-Za-z0-9_]{1,255})\.([A-Za-z0-9_]{1,63})\.([A-Za-z0-9_]{1,63})$/;

const ALLOWED = { allowed: /\w/, allowedText: 'letters, digits and _' };
const CATALOG_PART = { what: 'catalog', lengthMax: 255, ...ALLOWED };
const TABLE_PARTS = [
  CATALOG_PART,
  { what: 'schema', lengthMax: 63, ...ALLOWED },
  { what: 'table', lengthMax: 63, ...ALLOWED },
];

/**
 * Reads the three-part name of a synced or registered table.
 * @throws API_NAME_INVALID
 */
export function parseTableName(name: string): TableName {
  const [, catalog, schema, table] = NAME.exec(name) ?? [];
  if (catalog === undefined || schema === undefined || table === undefined) {
    const reason = nameProblem(name, TABLE_PARTS);
    throw syncedTablesError('API_NAME_INVALID', { what: 'Table name', name, form: 'catalog.schema.table', reason });
  }
  return { catalog, schema, table };
}

/** The Postgres part of the name as the SQL functions expect it: capitals quoted, since case is kept. */
export function sqlNameOf({ schema, table }: TableName): string {
  return postgresTableName(schema, table);
}

/** `catalog.schema.table` */
export function fullNameOf({ catalog, schema, table }: TableName): string {
  return `${catalog}.${schema}.${table}`;
}

const SQL_NAME_PART = '(?:"((?:[^"]|"")*)"|([^".]*))';
const SQL_NAME = new RegExp(`^${SQL_NAME_PART}\\.${SQL_NAME_PART}$`);

/** The three-part name of a table that is given as the SQL functions name it. */
export function fullNameOfSql(catalog: string, sqlName: string): string {
  const [, quotedSchema, schema, quotedTable, table] = SQL_NAME.exec(sqlName) ?? [];
  const part = (quoted: string | undefined, plain: string | undefined) => quoted?.replaceAll('""', '"') ?? plain ?? '';
  return fullNameOf({ catalog, schema: part(quotedSchema, schema), table: part(quotedTable, table) });
}

/** @throws API_NAME_INVALID */
export function checkCatalogName(name: string): string {
  if (/^[A-Za-z0-9_]{1,255}$/.test(name)) return name;
  const reason = nameProblem(name, [CATALOG_PART]);
  throw syncedTablesError('API_NAME_INVALID', { what: 'Catalog name', name, form: 'catalog', reason });
}
