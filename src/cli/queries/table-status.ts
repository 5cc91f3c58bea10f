import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import type { ManagedDatabase } from '../../sidecar/managed-databases.js';

/** A row of the view synced_tables.status, with the database it was found in. */
export interface TableStatus {
  /** JSON made by Postgres: its numbers are exact. */
  readonly json: string;
  /** Columns of the view in their order, as text. */
  readonly values: ReadonlyMap<string, string | null>;
}

const STATUS = `
  select row_to_json(r)::text as json, r.*
    from (select s.*, $1::text as instance, current_database() as database from synced_tables.status s) r`;

/** All synced tables of the database that the role may see. */
export async function readAllStatus(client: pg.Client, database: ManagedDatabase): Promise<TableStatus[]> {
  return readStatusRows(client, `${STATUS} order by synced_table`, [database.instance]);
}

/**
 * @param name as returned by `parseSyncedTableName`
 * @throws SYNCED_TABLE_NOT_FOUND
 */
export async function readStatus(client: pg.Client, database: ManagedDatabase, name: string): Promise<TableStatus> {
  const [status] = await readStatusRows(client, `${STATUS} where r.synced_table = $2`, [database.instance, name]);
  if (!status) throw syncedTablesError('SYNCED_TABLE_NOT_FOUND', { target: name });
  return status;
}

async function readStatusRows(client: pg.Client, text: string, values: string[]): Promise<TableStatus[]> {
  const types = { getTypeParser: () => (value: string) => value };
  const result = await client.query<(string | null)[]>({ text, values, rowMode: 'array', types });
  const names = result.fields.slice(1).map((field) => field.name);
  return result.rows.map(([json, ...cells]) => ({
    json: json ?? '{}',
    values: new Map(names.map((name, place) => [name, cells[place] ?? null])),
  }));
}
