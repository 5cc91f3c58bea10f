import type pg from 'pg';
import { countOf } from '../../core/count-of.js';
import { syncedTablesError } from '../../core/errors.js';
import type { SyncedTable, SyncedTableState } from '../../core/synced-table.js';
import type { UpdateMode } from '../../core/update-outcome.js';
import { announcement, UPDATES_CHANNEL } from './announcement.js';
import { ChangedByHand } from './hand-writes.js';
import { applyChange } from './table-changes.js';
import type { TableUpdateResult } from './table-update-record.js';

/** The source version that an update brings a table to. */
export interface NewPosition {
  readonly updateId: string;
  readonly mode: UpdateMode;
  /** As read when the update began. */
  readonly table: SyncedTable;
  /** The version that the table equals. Without a commit time: a known one is kept if the version is the same. */
  readonly snapshot: {
    readonly version: bigint | null;
    readonly committedAtMs: number | null;
    /** A stable id of the source table. */
    readonly tableId: string;
  };
  /** Bookmark for reading changes from the snapshot's version on; null for sources without a change feed. */
  readonly bookmark: string | null;
}

/** How the table got there. */
export interface WrittenRows {
  /** OID of the published table. */
  readonly relation: number;
  readonly result: TableUpdateResult;
  /** Number of rows in the table afterwards; null if unchanged. */
  readonly rowCount: bigint | null;
}

/** An update that follows its source commits many times: its record adds them up and stays open. */
const COMMIT_POSITION = `
  with moved as (
    update synced_tables._tables
       set relation = $2, synced_version = $3, source_version = greatest(source_version, $3), source_table_id = $4,
           source_committed_at = case when source_version > $3 or source_version = $3 and $5::float8 is null
                                      then source_committed_at else to_timestamp($5::float8 / 1000) end,
           row_count = coalesce($6, row_count), last_sync_at = clock_timestamp(), last_error_code = null,
           failing_column = null, failing_keys = null, is_failed = false, failed_since = null, rows_done = null, rows_total = null, state = $10,
           synced_committed_at = case when synced_version = $3 and $5::float8 is null
                                      then synced_committed_at else to_timestamp($5::float8 / 1000) end,
           behind_since = case when source_version > $3 then behind_since end,
           last_sync_started_at = case when $11 then clock_timestamp() - make_interval(secs => $18::float8)
             else (select started_at from synced_tables._table_updates where update_id = $12 and table_id = $1) end,
           -- Where nothing was read, what was said of the rows of this version still holds.
           message = case when $13 = 'UNCHANGED' and starts_with(message, $7) then message else $7 end, source_bookmark = $8
     where table_id = $1 and synced_version is not distinct from $9
    returning table_id, pipeline_id, synced_table
  ), recorded as (
    update synced_tables._table_updates r
       set state = case when $11 then r.state else 'COMPLETED' end,
           finished_at = case when $11 then null else clock_timestamp() end,
           batches = case when $11 then coalesce(r.batches, 0) + 1 end,
           method = $13, synced_version = $3,
           rows_written = case when $11 then coalesce(r.rows_written, 0) else 0 end + $14::bigint,
           rows_deleted = case when $11 then coalesce(r.rows_deleted, 0) else 0 end + $15::bigint,
           rows_without_key = case when $11 then coalesce(r.rows_without_key, 0) else 0 end + $16::bigint,
           rows_with_stripped_characters =
             case when $11 then coalesce(r.rows_with_stripped_characters, 0) else 0 end + $17::bigint,
           load_seconds = case when $11 then coalesce(r.load_seconds, 0) else 0 end + $18::float8,
           error_code = null, message = $19, remedy = null, failing_column = null, failing_keys = null, failed_attempts = null, next_attempt_at = null
      from moved where r.update_id = $12 and r.table_id = moved.table_id
  ), told as (
    insert into synced_tables._events (level, event_type, synced_table, pipeline_id, update_id, message)
    select $21, 'table_synced', moved.synced_table, moved.pipeline_id, $12, $23::text from moved where $23::text is not null
  )
  -- It may have been renamed since it was read.
  select pg_notify('${UPDATES_CHANNEL}',
                   case when moved.synced_table = $22 then $20::text else ($20::text::jsonb || jsonb_build_object('table', moved.synced_table))::text end),
         exists (select from synced_tables._hand_writes w where w.table_id = $1) as is_changed_by_hand
    from moved`;

/**
 * Records which version the table reflects, in the transaction that makes it so: data and position are never apart.
 * Notifies listeners; Postgres delivers that at commit, or not at all.
 * @throws SYNCED_TABLE_DELETED if the table is no longer registered, POSITION_MOVED if it is at another version,
 *   ChangedByHand if changes were applied to a table that somebody else has written to
 */
export async function commitPosition(
  client: pg.Client,
  position: NewPosition,
  { relation, result, rowCount }: WrittenRows,
): Promise<void> {
  const { table, snapshot, mode } = position;
  const committed = await client.query<{ is_changed_by_hand: boolean }>({
    name: 'synced_tables_commit_position',
    text: COMMIT_POSITION,
    values: [
      table.tableId,
      relation,
      snapshot.version?.toString() ?? null,
      snapshot.tableId,
      snapshot.committedAtMs,
      rowCount?.toString() ?? null,
      equalMessage(position, result),
      position.bookmark,
      table.syncedVersion?.toString() ?? null,
      restState(table, mode),
      mode === 'CONTINUOUS',
      position.updateId,
      result.method,
      result.rowsWritten.toString(),
      result.rowsDeleted.toString(),
      result.rowsWithoutKey.toString(),
      result.rowsWithStrippedCharacters.toString(),
      result.loadSeconds,
      result.reason ?? null,
      announcement({ ...result, table: table.fullName, version: snapshot.version }),
      // A table of nothing but nulls in its key is most likely not what anybody wants.
      result.rowsWithoutKey > result.rowsWritten ? 'WARN' : 'INFO',
      table.fullName,
      isTold(mode, result) ? describeResult(table, result) : null,
    ],
  });
  if (committed.rowCount === 0) throw await explainUnmoved(client, table);
  if (result.method === 'CHANGES' && committed.rows[0]?.is_changed_by_hand) throw new ChangedByHand();
  if (table.change) await applyChange(client, table.change);
}

/** Every batch of a followed source would be too much. */
function isTold(mode: UpdateMode, { method }: TableUpdateResult): boolean {
  return mode === 'DEFAULT' || method === 'SNAPSHOT' || method === 'MERGE';
}

function describeResult(table: SyncedTable, result: TableUpdateResult): string {
  const version = result.version === null ? '' : ` at version ${result.version}`;
  if (result.method === 'UNCHANGED') return `${table.fullName} already equals ${table.source}${version}.`;
  const counts = [
    `${countOf(result.rowsWritten, 'row')} written`,
    ...(result.rowsDeleted > 0n ? [`${result.rowsDeleted} deleted`] : []),
    ...(result.rowsWithoutKey > 0n ? [`${result.rowsWithoutKey} left out for a null in the key`] : []),
    ...(result.filesRead ? [`read from ${result.filesRead}`] : []),
    ...(result.rowsWithStrippedCharacters > 0n ? [`NUL stripped from ${result.rowsWithStrippedCharacters}`] : []),
  ];
  return `${table.fullName} equals ${table.source}${version}: ${counts.join(', ')}.`;
}

function equalMessage({ table, snapshot }: NewPosition, { method, rowsWithoutKey }: TableUpdateResult): string {
  const equal = `Equal to ${table.source}${snapshot.version === null ? '' : ` at version ${snapshot.version}`}.`;
  const isOfAll = method !== 'CHANGES' && rowsWithoutKey > 0n;
  return isOfAll ? `${equal} Left out for a null in the key: ${countOf(rowsWithoutKey, 'row')}.` : equal;
}

/** The state of a table after an update: a CONTINUOUS one is about to be followed. */
function restState(table: SyncedTable, mode: UpdateMode): SyncedTableState {
  if (mode === 'CONTINUOUS') return 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE';
  return table.policy === 'CONTINUOUS'
    ? 'SYNCED_TABLE_ONLINE_UPDATING_PIPELINE_RESOURCES'
    : 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE';
}

async function explainUnmoved(client: pg.Client, table: SyncedTable): Promise<Error> {
  const { rows } = await client.query<{ version: string | null }>(
    'select synced_version::text as version from synced_tables._tables where table_id = $1',
    [table.tableId],
  );
  const target = table.fullName;
  if (!rows[0]) return syncedTablesError('SYNCED_TABLE_DELETED', { target });
  const expected = table.syncedVersion?.toString() ?? 'none';
  return syncedTablesError('POSITION_MOVED', { target, expected, found: rows[0].version ?? 'none' });
}
