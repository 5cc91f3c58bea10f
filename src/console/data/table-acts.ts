import type { TableSummary } from '../../api/native/tables/table-summary-schema.js';
import { refetch } from './query-cache.js';
import { call } from './request.js';
import { TABLES, tablePath } from './tables.js';

// What can be done with a table. Each asks anew for what is shown once it is done.

const NATIVE = '/api/2.0/synced-tables';

export interface SyncChoice {
  readonly fullRefresh: boolean;
  readonly scope: 'table' | 'pipeline';
}

interface SyncReply {
  readonly update_id: string;
}

/** @returns the id of the update */
export async function syncTable(table: TableSummary, { fullRefresh, scope }: SyncChoice): Promise<string> {
  const path = subPath(table, 'sync');
  const reply = await call<SyncReply>(path, { method: 'POST', body: { full_refresh: fullRefresh, scope } });
  refetch(TABLES);
  return reply.update_id;
}

interface VerificationReply {
  readonly verification_id: string;
}

/** @returns the id of the verification */
export async function verifyTable(table: TableSummary): Promise<string> {
  const reply = await call<VerificationReply>(subPath(table, 'verifications'), { method: 'POST' });
  refetch(TABLES);
  return reply.verification_id;
}

/** Pauses or resumes the pipeline of a table, with all its tables. */
export async function pauseTable(table: TableSummary, isPaused: boolean): Promise<void> {
  const { pipeline_id: id } = table.pipeline;
  await call(`${NATIVE}/pipelines/${id}/${isPaused ? 'pause' : 'resume'}`, { method: 'POST' });
  refetch(TABLES, `${NATIVE}/pipelines`);
}

/** Stops syncing; with `drops` the table itself goes too. */
export async function deleteTable(table: TableSummary, drops: boolean): Promise<void> {
  const path = `/api/2.0/database/synced_tables/${encodeURIComponent(table.name)}${drops ? '?purge_data=true' : ''}`;
  await call(path, { method: 'DELETE' });
  refetch(TABLES);
}

/**
 * Asks for a change in place.
 * @returns the id of the update that makes it, or refuses it
 */
export async function changeTable(table: TableSummary, change: Readonly<Record<string, unknown>>): Promise<string> {
  const reply = await call<SyncReply>(tablePath(table.name, table.instance), { method: 'PATCH', body: change });
  refetch(TABLES, `${NATIVE}/pipelines`);
  return reply.update_id;
}

/**
 * @param newName schema.table
 * @returns its three-part name from now on
 */
export async function renameTable(table: TableSummary, newName: string): Promise<string> {
  const body = { new_name: newName };
  const reply = await call<{ readonly name: string }>(subPath(table, 'rename'), { method: 'POST', body });
  refetch(TABLES, `${NATIVE}/pipelines`);
  return reply.name;
}

/** Cancels what runs and waits in the pipeline of a table; returns how many updates. */
export async function cancelUpdates(table: NamedInstance): Promise<number> {
  const reply = await call<{ readonly canceled: number }>(subPath(table, 'cancel'), { method: 'POST' });
  refetch(TABLES, `${NATIVE}/pipelines`);
  return reply.canceled;
}

type NamedInstance = Pick<TableSummary, 'name' | 'instance'>;

/** A call about a table, below its path. */
function subPath(table: NamedInstance, part: string): string {
  return `${tablePath(table.name)}/${part}?instance=${encodeURIComponent(table.instance)}`;
}
