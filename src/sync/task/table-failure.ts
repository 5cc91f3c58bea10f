import type pg from 'pg';
import { type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { SyncedTable } from '../../core/synced-table.js';
import { findRelation } from '../../postgres/publish/published-table.js';
import { forgetDropped, recordEvent, writeTableFailure } from '../../postgres/registry/synced-tables.js';
import { refuseChange } from '../../postgres/registry/table-changes.js';
import { recordTableUpdateFailure } from '../../postgres/registry/table-update-record.js';
import type { UpdateRun } from './update-task.js';

/** SYNCED_TABLE_DROPPED if the table was dropped by hand, which is then recorded; else null. */
export async function explainIfDropped(client: pg.Client, table: SyncedTable): Promise<SyncedTablesError | null> {
  if (table.relation === null || (await findRelation(client, table.relation)) !== null) return null;
  await forgetDropped(client, table.tableId);
  return syncedTablesError('SYNCED_TABLE_DROPPED', { target: table.fullName });
}

/** Records that a change was refused: the table goes on as it was. */
export async function recordChangeRefusal(
  { client, updateId }: Pick<UpdateRun, 'client' | 'updateId'>,
  table: SyncedTable,
  error: SyncedTablesError,
): Promise<void> {
  await refuseChange(client, updateId, error);
  await recordTableUpdateFailure(client, updateId, table.tableId, error);
}

/** Records the failure where users look: the table's state, the update's record and the events. */
export async function recordTableFailure(
  { client, lease, updateId }: Pick<UpdateRun, 'client' | 'lease' | 'updateId'>,
  table: SyncedTable,
  error: SyncedTablesError,
): Promise<void> {
  if (error.code !== 'SYNCED_TABLE_DROPPED') {
    const state = table.relation === null ? 'SYNCED_TABLE_OFFLINE_FAILED' : 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED';
    await writeTableFailure(client, table.tableId, state, error);
  }
  await recordTableUpdateFailure(client, updateId, table.tableId, error);
  await recordEvent(client, {
    level: 'ERROR',
    type: 'table_sync_failed',
    syncedTable: table.fullName,
    pipelineId: lease.pipelineId,
    updateId,
    message: error.message,
    details: { error_code: error.code, remedy: error.remedy },
  });
}
