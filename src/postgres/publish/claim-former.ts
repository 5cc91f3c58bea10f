import type { SyncedTable } from '../../core/synced-table.js';
import { takeOverFormer } from '../registry/former-tables.js';
import { withLockPatience } from '../session/lock-patience.js';
import type { PublishOptions } from './publication.js';

/**
 * OID of the former synced table whose place a loaded table takes; null if there is none that its creator may take over.
 * Until then it belongs to people, who may read it for long.
 * @throws LOCK_TIMEOUT naming the sessions that hold it
 */
export async function claimFormer(options: PublishOptions, table: SyncedTable): Promise<number | null> {
  const { client, watcher, signal, patienceMs, onBlocked } = options;
  const { rows } = await client.query<{ relation: number | null }>(
    // Its schema may be one that we have no rights on yet.
    `select c.oid as relation from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2`,
    [table.schema, table.name],
  );
  const relation = rows[0]?.relation ?? null;
  if (relation === null) return null;
  const patience = {
    client,
    signal,
    ...(patienceMs === undefined ? {} : { patienceMs }),
    inTheWay: () => ({ table, relation }),
    onBlocked: (blocked: SyncedTable, sessions: readonly string[]) =>
      watcher.use((session) => onBlocked(session, blocked, sessions)),
  };
  // Null would mean: at once again.
  const { taken } = await withLockPatience(patience, async () => ({
    taken: await takeOverFormer(client, table.tableId),
  }));
  return taken;
}
