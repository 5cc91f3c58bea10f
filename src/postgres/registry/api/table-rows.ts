import type pg from 'pg';
import { quoteIdentifier } from '../../../core/names.js';

/** Which rows of a table are wanted. */
export interface RowRequest {
  readonly schema: string;
  readonly table: string;
  /** What the rows are sorted by, as far as the table has it. */
  readonly keyColumns: readonly string[];
  /** Columns and the texts of the values that rows have there. */
  readonly where: Readonly<Record<string, string>>;
  /** Whether only rows without an end are wanted, of SCD type 2. */
  readonly isCurrent: boolean;
  /** Columns that are wanted; null for all. */
  readonly columns: readonly string[] | null;
  readonly limit: number;
  /** Characters of a value that are wanted. */
  readonly lengthMax: number;
}

export interface TableRows {
  readonly columns: readonly { readonly name: string; readonly type: string; readonly isKey: boolean }[];
  /** Values as Postgres writes them, in the order of the columns, each with at most one character more than wanted. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/** What keeps rows from being read. */
export type RowRefusal =
  | { readonly kind: 'missing select'; readonly role: string }
  | { readonly kind: 'unknown column'; readonly column: string };

const STATEMENT_MS_MAX = 5_000;
/** Of streaming tables of SCD type 2; null in rows that are current. */
const END_COLUMN = '__END_AT';
/** What tells the rows of one key apart there. */
const START_COLUMN = '__START_AT';

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  /** The type without its length or scale: a value that is sought must not be cut or rounded to that of another row. */
  readonly base: string;
}

/**
 * Some rows of a table as texts, sorted by their key, with the rights of the acting role and within five seconds.
 * @param client in a transaction of that role that has read nothing yet
 */
export async function readTableRows(client: pg.ClientBase, request: RowRequest): Promise<TableRows | RowRefusal> {
  await client.query(`set transaction read only; set local statement_timeout = ${STATEMENT_MS_MAX}`);
  const relation = `${quoteIdentifier(request.schema)}.${quoteIdentifier(request.table)}`;
  const { rows: rights } = await client.query<{ role: string; may: boolean }>(
    `select current_user as role,
            exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                     where n.nspname = $1 and c.relname = $2 and pg_catalog.has_schema_privilege(n.oid, 'usage')
                       and pg_catalog.has_table_privilege(c.oid, 'select')) as may`,
    [request.schema, request.table],
  );
  if (rights[0]?.may !== true) return { kind: 'missing select', role: rights[0]?.role ?? '' };
  const { rows: known } = await client.query<ColumnRow>(
    `select a.attname as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type, pg_catalog.format_type(a.atttypid, -1) as base
       from pg_catalog.pg_attribute a
      where a.attrelid = $1::pg_catalog.regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [relation],
  );
  const wanted = request.columns === null ? known.map(({ name }) => name) : [...request.columns];
  const asked = [...wanted, ...Object.keys(request.where), ...(request.isCurrent ? [END_COLUMN] : [])];
  const unknown = asked.find((name) => !known.some((column) => column.name === name));
  if (unknown !== undefined) return { kind: 'unknown column', column: unknown };
  const columns = known.filter(({ name }) => wanted.includes(name));
  // Keys of flows are found whatever their case.
  const isKey = ({ name }: ColumnRow) => request.keyColumns.some((key) => key.toLowerCase() === name.toLowerCase());
  const values = [request.lengthMax + 1, request.limit, ...Object.values(request.where)];
  const conditions = Object.keys(request.where).map((name, nth) => {
    const base = known.find((column) => column.name === name)?.base;
    return `t.${quoteIdentifier(name)} = $${nth + 3}::${base}`;
  });
  if (request.isCurrent) conditions.push(`t.${quoteIdentifier(END_COLUMN)} is null`);
  const order = known
    .filter((column) => isKey(column) || column.name === START_COLUMN)
    .map(({ name }) => `t.${quoteIdentifier(name)}`);
  const texts = columns.map(({ name }) => `pg_catalog.left(t.${quoteIdentifier(name)}::text, $1)`);
  const { rows } = await client.query<(string | null)[]>({
    text: `select ${texts.join(', ')} from ${relation} t
           ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
           ${order.length === 0 ? '' : `order by ${order.join(', ')}`} limit $2`,
    values,
    rowMode: 'array',
  });
  return { columns: columns.map((column) => ({ name: column.name, type: column.type, isKey: isKey(column) })), rows };
}
