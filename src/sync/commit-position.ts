import type pg from 'pg';
import { syncedTablesError } from '../core/errors.js';
import type { SyncedTable } from '../core/synced-table.js';
import type { SourceSnapshot } from '../lake/source.js';
import { recordTableUpdateEnd, type TableUpdateResult } from '../postgres/table-update-record.js';

/** Channel on which applications hear of every committed sync. */
const UPDATES_CHANNEL = 'synced_table_updates';

export interface CommitPositionOptions {
  readonly client: pg.Client;
  readonly updateId: string;
  readonly table: SyncedTable;
  readonly snapshot: SourceSnapshot;
  /** Bookmark of the snapshot's version for reading changes from there; null for sources without a change feed. */
  readonly bookmark: string | null;
  readonly relation: number;
  readonly result: TableUpdateResult;
  /** Rows that the table has afterwards; null if that did not change. */
  readonly rowCount: bigint | null;
}

/**
 * Writes down which version the table reflects, in the transaction that makes it so: data and position are never
 * apart. Announces it to whoever listens; Postgres delivers that at commit, or not at all.
 * @throws SYNCED_TABLE_DELETED if the table is no longer registered
 */
export async function commitPosition(options: CommitPositionOptions): Promise<void> {
  const { client, table, snapshot, relation, result, rowCount } = options;
  const written = await client.query(
    `update synced_tables._tables
        set relation = $2, synced_version = $3, source_version = greatest(source_version, $3), source_table_id = $4,
            source_committed_at = case when source_version > $3 then source_committed_at
                                       else to_timestamp($5::float8 / 1000) end,
            row_count = coalesce($6, row_count), last_sync_at = clock_timestamp(), last_error_code = null,
            rows_done = null, rows_total = null,
            state = 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE', message = $7, source_bookmark = $8
      where table_id = $1 and synced_version is not distinct from $9`,
    [
      table.tableId,
      relation,
      snapshot.version?.toString() ?? null,
      snapshot.tableId,
      snapshot.committedAtMs,
      rowCount?.toString() ?? null,
      `Equal to ${table.source}${snapshot.version === null ? '' : ` at version ${snapshot.version}`}.`,
      options.bookmark,
      table.syncedVersion?.toString() ?? null,
    ],
  );
  if (written.rowCount === 0) throw syncedTablesError('SYNCED_TABLE_DELETED', { target: table.fullName });
  await recordTableUpdateEnd(client, options.updateId, table, result);
  const announcement = {
    table: table.fullName,
    version: snapshot.version === null ? null : Number(snapshot.version),
    method: result.method,
    rows_written: Number(result.rowsWritten),
    rows_deleted: Number(result.rowsDeleted),
  };
  await client.query('select pg_notify($1, $2)', [UPDATES_CHANNEL, JSON.stringify(announcement)]);
}
