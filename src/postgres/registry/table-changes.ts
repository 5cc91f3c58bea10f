import type pg from 'pg';
import { type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { SyncedTable, TableChange } from '../../core/synced-table.js';
import { readWantedTable } from './synced-tables.js';

/**
 * Begins a change that `alter_synced_table` asked for.
 * @returns the table as it is to become
 * @throws SYNCED_TABLE_DELETED, and as Postgres' errors what `alter_synced_table` raises for settings
 */
export async function beginChange(
  client: pg.Client,
  updateId: string,
  target: string,
): Promise<SyncedTable & { readonly change: TableChange }> {
  const { rows } = await client.query<{ work: TableChange['work'] | null }>(
    'select synced_tables_internal._begin_change($1) as work',
    [updateId],
  );
  const work = rows[0]?.work ?? null;
  const wanted = work === null ? null : await readWantedTable(client, updateId);
  if (work === null || wanted === null) throw syncedTablesError('SYNCED_TABLE_DELETED', { target });
  // The history that it has not followed so far may have gaps: they are copied over, once.
  const gaps = work === 'follow' ? { onHistoryGap: 'refresh' as const } : {};
  return { ...wanted, ...gaps, change: { updateId, work } };
}

/** Writes the settings of a change, in the transaction that makes its rows visible. */
export async function applyChange(client: pg.Client, { updateId }: TableChange): Promise<void> {
  await client.query('select synced_tables_internal._apply_change($1)', [updateId]);
}

/** Takes back what a refused change said in the status of its table: nothing else was changed. */
export async function refuseChange(client: pg.Client, updateId: string, error: SyncedTablesError): Promise<void> {
  await client.query('select synced_tables_internal._refuse_change($1, $2, $3)', [updateId, error.code, error.message]);
}
