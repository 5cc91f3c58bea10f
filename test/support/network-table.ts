import { expect } from 'vitest';
import type { DeltaWriter } from './delta-writer.js';
import { eventually, type SyncedLake } from './synced-lake.js';

export type Policy = 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS';

/** Sessions of a sidecar, except those of its listener and of the API. */
export const SIDECAR = /^synced-tables sidecar$/;
const columns = { id: 'long', v: 'long', filler: 'string' };
const rows = (first: number, count: number) =>
  `select i as id, i * 7 as v, repeat('x', 100) as filler from range(${first}, ${first + count}) t(i)`;
/** Noticing takes up to 15 s; after it come a pause, another attempt, and whatever a busy machine adds. */
const DONE_SECONDS_MAX = 60;

/** Creates a table, which a running sidecar brings in sync. */
export async function inSync(lake: SyncedLake, policy: Policy): Promise<DeltaWriter> {
  const source = await lake.lake.createTable('n.t', columns, rows(0, 2_000));
  const { rows: created } = await lake.admin.query<{ id: string }>(
    `select synced_tables.create_synced_table('n.t', 'lake.n.t', array['id'], $1, allow_file_diff => true,
                                              create_database_objects_if_missing => true) as id`,
    [policy],
  );
  await lake.wait(created[0]?.id ?? '');
  if (policy === 'CONTINUOUS') {
    const isFollowed = async () => (await lake.status('n.t')).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE';
    await eventually(isFollowed, 'the table is followed');
  }
  return source;
}

/** Commits, has it synced, and waits until it is. Returns what the table's status said meanwhile. */
export async function change(lake: SyncedLake, source: DeltaWriter, policy: Policy): Promise<ReadonlySet<string>> {
  const told = new Set<string>();
  await source.append(rows(1_000_000 * (source.version + 1), 500));
  if (policy !== 'CONTINUOUS') await lake.requestSync('n.t');
  const isDone = async () => {
    const { message, synced_version } = await lake.status('n.t');
    if (message !== null) told.add(message);
    return synced_version === String(source.version);
  };
  await eventually(isDone, 'the table reaches the commit', DONE_SECONDS_MAX * 1000);
  return told;
}

export async function expectInSync(lake: SyncedLake, source: DeltaWriter, policy: Policy): Promise<void> {
  await lake.expectEqual('n.t', source, Object.keys(columns));
  const rest =
    policy === 'CONTINUOUS' ? 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE' : 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE';
  await eventually(async () => (await lake.status('n.t')).state === rest, `the state is ${rest}`);
  await eventually(async () => (await lake.shadowTables()).length === 0, 'no shadow table is left', 90_000);
  expect(await lake.value(`select count(*) from synced_tables._events where level = 'ERROR'`)).toBe('0');
}
