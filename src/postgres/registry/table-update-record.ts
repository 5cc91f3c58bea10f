import type pg from 'pg';
import type { SyncedTablesError } from '../../core/errors.js';
import type { SyncedTable } from '../../core/synced-table.js';

/** How an update's rows got into the table. */
type UpdateMethod = 'SNAPSHOT' | 'MERGE' | 'CHANGES' | 'UNCHANGED';

/** What an update did to one synced table. */
export interface TableUpdateResult {
  readonly method: UpdateMethod;
  readonly version: bigint | null;
  readonly rowsWritten: bigint;
  readonly rowsDeleted: bigint;
  readonly rowsWithoutKey: bigint;
  readonly rowsWithStrippedCharacters: bigint;
  readonly loadSeconds: number;
  /** Why the whole table was copied although it follows changes; absent otherwise. */
  readonly reason?: string | null;
  /** How much of the source was read, where files without wanted rows were left out; absent otherwise. */
  readonly filesRead?: string | null;
}

/**
 * Records that the update has begun this table.
 * @returns false if the published table was dropped by hand
 */
export async function recordTableUpdateStart(
  client: pg.Client,
  updateId: string,
  table: SyncedTable,
): Promise<boolean> {
  const { rows } = await client.query<{ is_there: boolean }>(
    `with started as (
       insert into synced_tables._table_updates
         (update_id, table_id, synced_table, source_table_full_name, state, previous_version, started_at)
       values ($1, $2, $3, $4, 'RUNNING', $5, clock_timestamp())
       on conflict (update_id, table_id) do update
         set state = 'RUNNING', started_at = excluded.started_at, finished_at = null, error_code = null, message = null,
             remedy = null, failing_column = null, failing_keys = null, failed_attempts = null, next_attempt_at = null)
     select $6::oid is null or exists (select from pg_class c where c.oid = $6 and c.relkind = 'p') as is_there`,
    [updateId, table.tableId, table.fullName, table.source, table.syncedVersion?.toString() ?? null, table.relation],
  );
  return rows[0]?.is_there === true;
}

/** Records how long readers may have waited for the switch: known only afterwards, so never part of its transaction. */
export async function recordSwitchTime(
  client: pg.Client,
  updateId: string,
  tableId: string,
  switchMs: number,
): Promise<void> {
  await client.query(`update synced_tables._table_updates set switch_ms = $3 where update_id = $1 and table_id = $2`, [
    updateId,
    tableId,
    switchMs,
  ]);
}

/** What is kept of an error in the columns failing_column and failing_keys, which only readers of the table are shown. */
export function failingValues(
  error: SyncedTablesError | null,
): [column: string | null, keys: readonly string[] | null] {
  const { column = null, keys = [] } = error?.failing ?? {};
  return [column, keys.length === 0 ? null : keys];
}

export async function recordTableUpdateFailure(
  client: pg.Client,
  updateId: string,
  tableId: string,
  error: SyncedTablesError,
): Promise<void> {
  await client.query(
    `update synced_tables._table_updates
        set state = 'FAILED', error_code = $3, message = $4, remedy = $5, failing_column = $6, failing_keys = $7,
            next_attempt_at = null, finished_at = clock_timestamp()
      where update_id = $1 and table_id = $2`,
    [updateId, tableId, error.code, error.message, error.remedy, ...failingValues(error)],
  );
}

/** Records a failure that may pass: the table is retried, by this update or when it is started again. */
export async function recordTableUpdateRetry(
  client: pg.Client,
  updateId: string,
  tableId: string,
  retry: { readonly error: SyncedTablesError; readonly failedAttempts: number; readonly delaySeconds: number },
): Promise<void> {
  const { error, failedAttempts, delaySeconds } = retry;
  await client.query(
    `update synced_tables._table_updates
        set error_code = $3, message = $4, remedy = $5, failing_column = $6, failing_keys = $7, failed_attempts = $8,
            next_attempt_at = clock_timestamp() + make_interval(secs => $9)
      where update_id = $1 and table_id = $2`,
    [updateId, tableId, error.code, error.message, error.remedy, ...failingValues(error), failedAttempts, delaySeconds],
  );
}
