import type pg from 'pg';
import type { SyncedTable } from '../../core/synced-table.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import { writeSourceVersion } from '../../postgres/registry/synced-tables.js';
import { readSourceLag } from '../source/source-lag.js';

export interface LookOptions {
  readonly client: pg.Client;
  readonly catalogs: CatalogSet;
  /** See `readFailedFollowed`. */
  readonly tables: readonly SyncedTable[];
  readonly signal: AbortSignal;
}

/**
 * Nobody follows a table that has failed until somebody mends it, and meanwhile its source goes on: notes how far, so
 * that the status view tells. A source that cannot be looked at is left at what was known of it.
 */
export async function lookAtFailedTables({ client, catalogs, tables, signal }: LookOptions): Promise<void> {
  for (const table of tables) {
    signal.throwIfAborted();
    const { syncedVersion } = table;
    if (syncedVersion === null) continue;
    // What is wrong with a source that cannot be read is what the table's state says already, or the next update will.
    const lag = await readLag(catalogs, table, syncedVersion).catch(() => null);
    if (lag) await writeSourceVersion(client, table.tableId, lag.version, lag.committedAtMs, lag.behindSinceMs);
  }
}

async function readLag(catalogs: CatalogSet, table: SyncedTable, position: bigint) {
  const { changeFeed } = await catalogs.open(table.source);
  const newest = (await changeFeed?.newestVersion(position)) ?? position;
  return changeFeed && newest > position ? await readSourceLag(changeFeed, position, newest) : null;
}
