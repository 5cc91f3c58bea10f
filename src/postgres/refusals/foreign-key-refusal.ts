import type pg from 'pg';
import { failingRowsError } from '../../core/errors.js';
import { failingByKey } from '../../core/failing-rows.js';
import { formatKey } from '../../core/format-key.js';
import { identifierList, postgresTableName } from '../../core/names.js';
import type { SyncedTable } from '../../core/synced-table.js';
import { isPostgresError } from '../session/session.js';

/** FOREIGN_KEY_REFERENCES_ROW if Postgres refused to delete a row that another table references; else `error`. */
export async function explainForeignKey(client: pg.Client, error: unknown, table: SyncedTable): Promise<unknown> {
  if (!isPostgresError(error) || error.code !== '23503') return error;
  const { constraint, referencing } = await findForeignKey(client, error);
  const details = {
    target: table.fullName,
    table: table.source,
    constraint,
    referencing,
  };
  const failing = failingByKey(table.keyColumns, referencedKey(error, table));
  return failingRowsError('FOREIGN_KEY_REFERENCES_ROW', details, failing, error);
}

/** The key of one such row, if the foreign key references the key: other values are not told. */
function referencedKey({ detail = '' }: pg.DatabaseError, { keyColumns }: SyncedTable): string[] {
  const [, columns, values] = /\(([^=]+)\)=\((.*)\)/s.exec(detail) ?? [];
  if (values === undefined || columns !== identifierList(keyColumns).replaceAll('"', '')) return [];
  // Postgres has joined the texts of the columns as `formatKey` does.
  return [keyColumns.length === 1 ? formatKey([values]) : `(${values})`];
}

/** The foreign key under its creator's name: Postgres reports the copy that references our partition. */
async function findForeignKey(
  client: pg.Client,
  { constraint = '', schema = '', table = '' }: pg.DatabaseError,
): Promise<{ constraint: string; referencing: string }> {
  const { rows } = await client.query<{ constraint: string }>(
    `with recursive key as (
       select oid, conname, conparentid from pg_constraint where conname = $1 and conrelid = to_regclass(format('%I.%I', $2::text, $3::text))
       union all select p.oid, p.conname, p.conparentid from key k join pg_constraint p on p.oid = k.conparentid)
     select conname as constraint from key where conparentid = 0`,
    [constraint, schema, table],
  );
  return { constraint: rows[0]?.constraint ?? constraint, referencing: postgresTableName(schema, table) };
}
