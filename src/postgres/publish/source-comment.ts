import type { SyncedTable } from '../../core/synced-table.js';

/** What the comment on a synced table says. */
export function sourceComment(table: SyncedTable): string {
  return `Synced from ${table.source}; read-only. See synced_tables.status.`;
}
