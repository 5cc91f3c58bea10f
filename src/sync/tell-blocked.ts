import type pg from 'pg';
import type { SyncedTable } from '../core/synced-table.js';
import type { Lease } from '../postgres/lease.js';
import { recordEvent, writeTableMessage } from '../postgres/registry.js';

/** Told now and then who is in the way, while a lock is waited for, with a session to write that down. */
export type TellBlocked = (session: pg.Client, table: SyncedTable, sessions: readonly string[]) => Promise<void>;

/** Says in a table's status whose transactions its update waits for; and once in the events. */
export function tellBlocked(options: { readonly lease: Lease; readonly updateId: string }): TellBlocked {
  const { lease, updateId } = options;
  const told = new Set<string>();
  return async (session, table, sessions) => {
    const who = sessions.join(', ') || 'a session that is gone';
    const message = `Waits for the end of transactions that hold ${table.fullName}: ${who}.`;
    await writeTableMessage(session, table, message);
    if (told.has(table.tableId)) return;
    told.add(table.tableId);
    const ids = { syncedTable: table.fullName, pipelineId: lease.pipelineId, updateId };
    await recordEvent(session, { level: 'WARN', type: 'table_sync_blocked', ...ids, message });
  };
}
