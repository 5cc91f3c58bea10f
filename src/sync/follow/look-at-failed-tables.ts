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
 * A failed table is not followed until somebody repairs it, while its source moves on: records how far, for the status
 * view. For a source that cannot be read, the last known values stay.
 */
export async function lookAtFailedTables({ client, catalogs, tables, signal }: LookOptions): Promise<void> {
  for (const table of tables) {
    signal.throwIfAborted();
    const { syncedVersion } = table;
    if (syncedVersion === null) continue;
    // The table's state, or the next update, already reports what is wrong with an unreadable source.
    const lag = await readLag(catalogs, table, syncedVersion).catch(() => null);
    if (lag) await writeSourceVersion(client, table.tableId, lag);
  }
}

async function readLag(catalogs: CatalogSet, table: SyncedTable, position: bigint) {
  const { changeFeed } = await catalogs.open(table.source);
  const newest = (await changeFeed?.newestVersion(position)) ?? position;
  return changeFeed && newest > position ? await readSourceLag(changeFeed, position, newest) : null;
}
