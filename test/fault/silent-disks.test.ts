import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { SilentDisk } from '../support/silent-disk.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: files that never answer, and disks that stop answering in the middle of a copy, fail their table by name, within
// a bound, and hold up nobody else; no stop waits for them, and no lease outlives it.

const rows = (count: number) => `select i as id, repeat('x', 100) || i as a from range(${count}) t(i)`;
const columns = { id: 'long', a: 'string' } as const;

async function leaseHolders(synced: SyncedLake): Promise<string | null> {
  return synced.value('select count(*) from synced_tables_internal._leases');
}

/** Silences the disk once rows are arriving, and waits until none do any more. */
async function silenceMidway(synced: SyncedLake, disk: SilentDisk): Promise<void> {
  const copied = () => synced.value('select max(tuples_processed) from pg_stat_progress_copy');
  await expect.poll(copied, { timeout: 60_000, interval: 5 }).toMatch(/^[1-9]/);
  disk.fallSilent();
  for (let before = ''; ; ) {
    const now = (await copied()) ?? '';
    if (now === before) return;
    before = now;
    await sleep(300);
  }
}

describe.each(postgresServers())('$name', (server) => {
  it('fails tables whose files are named pipes, and goes on with the others', async () => {
    await using synced = await SyncedLake.create(server);
    for (const name of ['gold.commit', 'gold.data', 'gold.checkpoint', 'gold.well']) {
      await synced.lake.createTable(name, columns, rows(10));
    }
    const log = (table: string, file: string) => path.join(synced.lake.root, 'gold', table, '_delta_log', file);
    execFileSync('mkfifo', [log('commit', '00000000000000000001.json')]);
    execFileSync('mkfifo', [log('checkpoint', '00000000000000000000.checkpoint.parquet')]);
    const [data] = readdirSync(path.join(synced.lake.root, 'gold/data')).filter((name) => name.endsWith('.parquet'));
    const file = path.join(synced.lake.root, 'gold/data', String(data));
    rmSync(file);
    execFileSync('mkfifo', [file]);
    const sidecar = await synced.spawnSidecar();
    const updates = await Promise.all(['gold.commit', 'gold.data'].map((name) => synced.create(name)));
    // Commits replace a checkpoint.
    expect(await synced.load('gold.checkpoint')).toMatchObject({ state: 'COMPLETED' });
    expect(await synced.load('gold.well')).toMatchObject({ state: 'COMPLETED' });
    for (const update of updates) await expect(synced.wait(update)).rejects.toThrow(/is a named pipe, not a file/);
    await sidecar.stop();
    expect(await leaseHolders(synced)).toBe('0');
  });
});

const newest = postgresServers().at(-1);
if (!newest) throw new Error('no server');

describe('a disk that falls silent in the middle of a copy', () => {
  it('fails the update by name, holds up no other table, and the copy succeeds once it answers', async (context) => {
    await using synced = await SyncedLake.create(newest);
    await using other = await SyncedLake.create(newest);
    await using disk = await SilentDisk.create(synced.lake.root);
    if (disk === null) return context.skip('needs bindfs');
    await synced.lake.createTable('gold.big', columns, rows(4_000_000));
    const well = await other.lake.createTable('gold.well', columns, rows(10));
    const roots = { lake: disk.root, other: other.lake.root };
    const catalogs = Object.fromEntries(Object.entries(roots).map(([name, root]) => [name, { kind: 'path', root }]));
    const sidecar = await synced.spawnSidecar({ catalogs, storage: { timeout_seconds: 1 }, concurrentUpdates: 1 });
    const first = await synced.create('gold.big');
    await silenceMidway(synced, disk);
    const retries = `select message from synced_tables.events where event_type = 'table_sync_retried' order by event_id`;
    await expect
      .poll(() => synced.value(retries), { timeout: 60_000 })
      .toMatch(/^Attempt 1 of \d+ failed.*could not be read: there was no answer for 1 s/);
    const { rows: created } = await synced.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('gold.well', 'other.gold.well', array['id']) as id`,
    );
    await synced.wait(String(created[0]?.id));
    await synced.expectEqual('gold.well', well, ['id', 'a']);
    disk.answer();
    // Its attempts may all have been made by now.
    await synced.wait(first).catch(() => {});
    await synced.sync('gold.big');
    expect(await synced.value('select count(*), count(distinct id) from gold.big')).toBe('4000000');
    expect(await synced.shadowTables()).toEqual([]);
    await sidecar.stop();
  }, 180_000);

  it('gives the lease back within seconds after a stop', async (context) => {
    await using synced = await SyncedLake.create(newest);
    await using disk = await SilentDisk.create(synced.lake.root);
    if (disk === null) return context.skip('needs bindfs');
    await synced.lake.createTable('gold.big', columns, rows(4_000_000));
    const catalogs = { lake: { kind: 'path', root: disk.root } };
    const sidecar = await synced.spawnSidecar({ catalogs, leaseSeconds: 3_600 });
    const update = await synced.create('gold.big');
    await silenceMidway(synced, disk);
    sidecar.signal('SIGTERM');
    await expect.poll(() => synced.update(update).then((row) => row.state), { timeout: 30_000 }).toBe('QUEUED');
    expect(await leaseHolders(synced)).toBe('0');
    disk.answer();
    expect(['SIGKILL', 0]).toContain(await sidecar.exited);
    await synced.spawnSidecar({ catalogs });
    await synced.wait(update);
    expect(await synced.value('select count(*) from gold.big')).toBe('4000000');
  }, 180_000);
});
