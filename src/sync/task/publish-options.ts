import type { PublishOptions } from '../../postgres/publish/publication.js';
import { recordEvent, recordLockWait, writeTableMessage } from '../../postgres/registry/synced-tables.js';
import type { UpdateRun } from './update-task.js';

/** How an update's publications run: under its lease, with its patience. */
export function publishOptions(run: UpdateRun): PublishOptions {
  const { client, watcher, lease, signal, switchPatienceMs } = run;
  const patience = switchPatienceMs === undefined ? {} : { patienceMs: switchPatienceMs };
  return { client, watcher, lease, signal, ...patience, onBlocked: tellBlocked(run) };
}

/** Shows in a table's status whose transactions its update waits for, and records it once in the events. */
function tellBlocked({ lease, updateId }: UpdateRun): PublishOptions['onBlocked'] {
  const reported = new Set<string>();
  return async (session, table, sessions) => {
    const who = sessions.join(', ') || 'a session that is gone';
    const message = `Waits for the end of transactions that hold ${table.fullName}: ${who}.`;
    await writeTableMessage(session, table, message);
    await recordLockWait(session, table.tableId, sessions);
    if (reported.has(table.tableId)) return;
    reported.add(table.tableId);
    const ids = { syncedTable: table.fullName, pipelineId: lease.pipelineId, updateId };
    await recordEvent(session, { level: 'WARN', type: 'table_sync_blocked', ...ids, message });
  };
}
