import type pg from 'pg';

/** The parameters of `alter_synced_table`, as requests have them; what is undefined stays as it is. */
export interface AlterParameters {
  readonly source_table_full_name?: string | undefined;
  readonly primary_key_columns?: readonly string[] | undefined;
  readonly scheduling_policy?: string | undefined;
  readonly timeseries_key?: string | undefined;
  readonly invalid_characters?: string | undefined;
  readonly allow_file_diff?: boolean | undefined;
  readonly on_history_gap?: string | undefined;
  readonly type_overrides?: readonly object[] | undefined;
  readonly extra_columns?: readonly object[] | undefined;
  readonly extra_index_definitions?: readonly object[] | undefined;
  readonly accelerated_sync?: boolean | undefined;
  readonly columns?: readonly string[] | undefined;
  readonly row_filter?: string | undefined;
  readonly trigger_interval_ms?: number | null | undefined;
  readonly reset?: readonly string[] | undefined;
}

/** Those of type jsonb are given as texts. */
const DOCUMENTS: ReadonlySet<string> = new Set(['type_overrides', 'extra_columns', 'extra_index_definitions']);

/**
 * Asks for a change of a synced table, with the rights of the acting role.
 * @returns the id of the update that makes it
 */
export async function alterSyncedTable(
  client: pg.ClientBase,
  sqlName: string,
  parameters: AlterParameters,
): Promise<string> {
  const named = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null);
  const list = named.map(([parameter], place) => `, ${parameter} => $${place + 2}`).join('');
  const values = named.map(([parameter, value]) => (DOCUMENTS.has(parameter) ? JSON.stringify(value) : value));
  const { rows } = await client.query<{ id: string }>(`select synced_tables.alter_synced_table($1${list}) as id`, [
    sqlName,
    ...values,
  ]);
  return rows[0]?.id ?? '';
}

/** Renames a synced table, with the rights of the acting role. */
export async function renameSyncedTable(client: pg.ClientBase, sqlName: string, newName: string): Promise<void> {
  await client.query('select synced_tables.rename_synced_table($1, $2)', [sqlName, newName]);
}

/** Cancels what runs and waits in the pipeline of a table, with the rights of the acting role. Returns how many updates. */
export async function cancelUpdates(client: pg.ClientBase, sqlName: string): Promise<number> {
  const { rows } = await client.query<{ canceled: number }>('select synced_tables.cancel_updates($1) as canceled', [
    sqlName,
  ]);
  return rows[0]?.canceled ?? 0;
}
