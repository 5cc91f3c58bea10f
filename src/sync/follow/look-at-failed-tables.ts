import type { SyncedTable } from '../../core/synced-table.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import { writeSourceVersion } from '../../postgres/registry/synced-tables.js';
import type { SharedSession } from '../../postgres/session/shared-session.js';
import { readSourceLag } from '../source/source-lag.js';

export interface LookOptions {
  /** Used for writing only: looking may take long. */
  readonly session: SharedSession;
  readonly catalogs: CatalogSet;
  /** See `readFailedFollowed`. */
  readonly tables: readonly SyncedTable[];
  readonly signal: AbortSignal;
}

/**
 * A failed table is not followed until somebody repairs it, while its source moves on: records how far, for the status
 * view. For a source that cannot be read, the last known values stay.
 */
export async function lookAtFailedTables({ session, catalogs, tables, signal }: LookOptions): Promise<void> {
  for (const table of tables) {
    signal.throwIfAborted();
    const { syncedVersion } = table;
    if (syncedVersion === null) continue;
    // The table's state, or the next update, already reports what is wrong with an unreadable source.
    const lag = await readLag(catalogs, table, syncedVersion).catch(() => null);
    if (lag) await session.use((client) => writeSourceVersion(client, table.tableId, lag));
  }
}

async function readLag(catalogs: CatalogSet, table: SyncedTable, position: bigint) {
  const { changeFeed } = await catalogs.open(table.source);
  const newest = (await changeFeed?.newestVersion(position)) ?? position;
  return changeFeed && newest > position ? await readSourceLag(changeFeed, position, newest) : null;
}
