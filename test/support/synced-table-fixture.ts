import { randomBytes } from 'node:crypto';
import type pg from 'pg';

interface CreatedTable {
  readonly table_id: string;
  readonly schema_name: string;
  readonly table_name: string;
  readonly created_by: string;
  readonly pipeline_id: string;
}

/** What the sidecar does with databricks_sync's rights when it loads a table for the first time, in plain SQL. */
export async function publishByHand(sidecar: pg.Client, name: string, rows = 3): Promise<CreatedTable> {
  const found = await sidecar.query<CreatedTable>(
    'select table_id, schema_name, table_name, created_by, pipeline_id from synced_tables._tables where synced_table = $1',
    [name],
  );
  const [table] = found.rows;
  if (!table) throw new Error(`${name} is not registered`);
  const part = await loadPartition(sidecar, rows);
  const target = `"${table.schema_name}"."${table.table_name}"`;
  await sidecar.query('select synced_tables_internal._prepare_schema($1)', [table.table_id]);
  await sidecar.query('begin');
  await sidecar.query(`create table ${target} (id bigint, note text, primary key (id)) partition by range (id)`);
  await sidecar.query(`alter table ${target} attach partition ${part} default`);
  await sidecar.query('select databricks_auth.register($1::regclass)', [target]);
  await sidecar.query('select synced_tables_internal._grant_creator($1::regclass, $2)', [target, table.created_by]);
  await sidecar.query(
    `update synced_tables._tables set relation = $2::regclass, state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
            message = 'In sync.', synced_version = 1, source_version = 1, row_count = $3, last_sync_at = now()
      where table_id = $1`,
    [table.table_id, target, rows],
  );
  await sidecar.query('commit');
  return table;
}

/** Loads rows 1 to `rows` into a table of __db_system and builds its key, as a refresh does before the switch. */
export async function loadPartition(sidecar: pg.Client, rows: number): Promise<string> {
  const part = `__db_system.partition_${randomBytes(6).toString('hex')}`;
  await sidecar.query(`create table ${part} (id bigint, note text)`);
  await sidecar.query(`insert into ${part} select n, 'row ' || n from generate_series(1, $1::int) n`, [rows]);
  await sidecar.query(`alter table ${part} add primary key (id)`);
  return part;
}

/** A DatabaseError as tests compare it; `error code: X` of the detail is what users and the REST API see. */
export interface Refusal {
  readonly sqlState: string | undefined;
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

/** The error that a query ends with; fails when there is none. */
export async function refusalOf(query: Promise<unknown>): Promise<Refusal> {
  try {
    await query;
  } catch (error) {
    const { code, detail, message, hint } = error as pg.DatabaseError;
    return { sqlState: code, code: detail?.replace(/^error code: /, ''), message, hint };
  }
  throw new Error('the query was expected to fail');
}
