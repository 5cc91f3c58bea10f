import type pg from 'pg';
import type { TableName } from '../../../core/names.js';

/** The parameters of `create_synced_table`; what is undefined is left to its defaults. Those of type jsonb are texts. */
export interface CreateParameters {
  readonly synced_table: string;
  readonly source_table_full_name: string;
  readonly primary_key_columns: readonly string[];
  readonly scheduling_policy: string;
  readonly timeseries_key: string | undefined;
  readonly create_database_objects_if_missing: boolean | undefined;
  readonly existing_pipeline_id: string | undefined;
  readonly type_overrides: string | undefined;
  readonly extra_columns: string | undefined;
  readonly extra_index_definitions: string | undefined;
  readonly accelerated_sync: boolean | undefined;
  readonly invalid_characters: string | undefined;
  readonly allow_file_diff: boolean | undefined;
  readonly on_history_gap: string | undefined;
  readonly publish: string | undefined;
  readonly columns: readonly string[] | undefined;
  readonly row_filter: string | undefined;
}

/**
 * Registers a synced table and queues its first update, with the rights of the acting role.
 * @returns the id of that update
 */
export async function registerSyncedTable(client: pg.ClientBase, parameters: CreateParameters): Promise<string> {
  const named = Object.entries(parameters).filter(([, value]) => value !== undefined);
  const values = named.map(([, value]) => value);
  const list = named.map(([parameter], place) => `${parameter} => $${place + 1}`).join(', ');
  const { rows } = await client.query<{ id: string }>(
    `select synced_tables.create_synced_table(${list}) as id`,
    values,
  );
  return rows[0]?.id ?? '';
}

/** Sets the schedule of a table's pipeline, with the rights of the acting role. */
export async function setSchedule(
  client: pg.ClientBase,
  schedule: { readonly table: string; readonly cron: string; readonly timeZone: string },
): Promise<void> {
  const { table, cron, timeZone } = schedule;
  await client.query('select synced_tables.set_schedule($1, $2, $3)', [table, cron, timeZone]);
}

/**
 * Stops syncing a table, with the rights of the acting role.
 * @param sqlName as the SQL functions take it
 * @param purge whether the Postgres table goes too
 */
export async function deleteSyncedTable(client: pg.ClientBase, sqlName: string, purge: boolean): Promise<void> {
  await client.query('select synced_tables.delete_synced_table($1, purge => $2)', [sqlName, purge]);
}

/** Keeps the spec that a table was created with over HTTP. */
export async function insertTableSpec(
  client: pg.ClientBase,
  table: {
    readonly tableId: string;
    /** The catalog of its three-part name, if that is a standard one; else null. */
    readonly catalog: string | null;
    readonly spec: object;
  },
): Promise<void> {
  await client.query('insert into synced_tables._table_specs (table_id, catalog_name, spec) values ($1, $2, $3)', [
    table.tableId,
    table.catalog,
    JSON.stringify(table.spec),
  ]);
}

/** Whether a synced table of the database has a three-part name in a standard catalog, in whatever case and whoever sees the table. */
export async function isSyncedTableNamed(client: pg.ClientBase, name: TableName): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from synced_tables._tables t join synced_tables._table_specs s using (table_id)
            where lower(s.catalog_name) = lower($1) and lower(t.schema_name) = lower($2) and lower(t.table_name) = lower($3)`,
    [name.catalog, name.schema, name.table],
  );
  return rowCount !== 0;
}

/** Whether the database has a schema of that name. */
export async function isSchemaThere(client: pg.ClientBase, schema: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_catalog.pg_namespace where nspname = $1', [schema]);
  return rowCount !== 0;
}
