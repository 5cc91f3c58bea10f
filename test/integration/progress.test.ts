import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { copyIn } from '../../src/postgres/copy/copy-in.js';
import { findSyncedTable } from '../../src/postgres/registry/synced-tables.js';
import { startProgressReports } from '../../src/sync/copy/progress-reports.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: people see how far a load is, how long it will take, and how old the data is that they read.

/** Rows that each of three sessions copies, and those of the whole load. */
const ROWS = 65_536;
const TOTAL = 500_000n;

describe.each(postgresServers())('progress and lag on $name', (server) => {
  it('counts the rows of all sessions that load, and estimates the rest', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    await admin.query(`select synced_tables.create_synced_table('gold.x', 'a.b.c', array['id'])`);
    await admin.query(`update synced_tables._tables set state = 'SYNCED_TABLE_PROVISIONING_INITIAL_SNAPSHOT';
      create table public.loaded (id bigint)`);
    const table = await findSyncedTable(admin, 'gold.x');
    if (!table) throw new Error('it is not registered');
    const status = async () => (await admin.query('select * from synced_tables.status')).rows[0];
    const client = await database.connect();
    const reports = await startProgressReports({ client, openSession: () => database.connect(), table, version: 42n });
    const loaders = [client, await reports.openLoader(), await reports.openLoader()];
    reports.setPhase('load', TOTAL);
    const streams = loaders.map(() => new PassThrough());
    let finish = (_: bigint) => {};
    const finished = new Promise<bigint>((resolve) => {
      finish = resolve;
    });
    const copies = loaders.map((loader, n) => {
      return copyIn(loader, 'copy public.loaded from stdin', { bytes: streams[n] as PassThrough, finished });
    });
    for (const stream of streams) stream.write('7\n'.repeat(ROWS));
    // Newer servers take rows in from large buffers: the last of them are not counted until more bytes come.
    await eventually(async () => Number((await status()).rows_done) > 2 * ROWS, 'all three count');
    expect(await status()).toMatchObject({
      rows_total: String(TOTAL),
      provisioning_phase: 'PROVISIONING_PHASE_MAIN',
      processing_version: '42',
      sync_progress_completion: expect.closeTo(0.35, 1),
      estimated_completion_seconds: expect.any(Number),
    });
    await sleep(300);
    expect((await status()).estimated_completion_seconds).toBeGreaterThan(0.5);
    // What a session has copied counts on when it is done.
    const before = Number((await status()).rows_done);
    finish(BigInt(ROWS));
    for (const stream of streams) stream.end();
    await Promise.all(copies);
    await sleep(700);
    expect(Number((await status()).rows_done)).toBeGreaterThanOrEqual(before);
    reports.setPhase('index', TOTAL);
    await eventually(
      async () => (await status()).provisioning_phase === 'PROVISIONING_PHASE_INDEX_SCAN',
      'the phase changes',
    );
    expect(await status()).toMatchObject({ rows_done: String(TOTAL), estimated_completion_seconds: null });
    await reports[Symbol.asyncDispose]();
  });

  it('tells what is synced since when, and how far behind its source a table is', async () => {
    await using lake = await SyncedLake.create(server);
    const sidecar = await lake.startSidecar();
    const source = await lake.lake.createTable('p.t', { id: 'long' }, 'select i as id from range(10) t(i)');
    const update = await lake.create('p.t');
    await lake.wait(update);
    const since = `select last_sync_started_at >= (select created_at from synced_tables._updates limit 1) and last_sync_started_at < last_sync_at
      and synced_committed_at <= last_sync_started_at and synced_committed_at > now() - interval '10 minutes' from synced_tables.status`;
    expect(await lake.value(since)).toBe('true');
    expect(await lake.value('select lag_seconds from synced_tables.status')).toBe('0');
    expect(await lake.value('select provisioning_phase from synced_tables.status')).toBeNull();

    const holder = await lake.database.connect();
    await holder.query('begin; lock table p.t');
    await source.append('select 100 as id');
    await sleep(1100);
    await source.append('select 101 as id');
    await lake.requestSync('p.t', false);
    await eventually(
      async () => (await lake.value('select lag_versions from synced_tables.status')) === '2',
      'it is behind',
    );
    const lag = Number(await lake.value('select lag_seconds from synced_tables.status'));
    expect(lag).toBeGreaterThan(0);
    expect(lag).toBeLessThan(600);
    await holder.query('commit');
    await eventually(
      async () => (await lake.value('select lag_versions from synced_tables.status')) === '0',
      'it caught up',
    );
    expect(await lake.value('select lag_seconds from synced_tables.status')).toBe('0');
    await sidecar[Symbol.asyncDispose]();
  });
});
