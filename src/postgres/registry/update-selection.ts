import type pg from 'pg';

/** The tables of a pipeline that an update is for, by `SyncedTable.fullName`. */
export interface UpdateSelection {
  readonly refresh: readonly string[];
  readonly fullRefresh: readonly string[];
}

/** The selection of an update; null if it is for all tables of its pipeline. */
export async function readUpdateSelection(client: pg.Client, updateId: string): Promise<UpdateSelection | null> {
  const { rows } = await client.query<{ selection: { refresh?: string[]; full_refresh?: string[] } | null }>(
    'select selection from synced_tables._updates where update_id = $1',
    [updateId],
  );
  const selection = rows[0]?.selection ?? null;
  return selection && { refresh: selection.refresh ?? [], fullRefresh: selection.full_refresh ?? [] };
}
