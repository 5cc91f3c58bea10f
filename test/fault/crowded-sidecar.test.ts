import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: with the fewest sessions that there can be, copies of followed tables wait their turn without holding up the batches
// of others, and tables that others lock take no session more.

const SESSIONS = 9;
const COLUMNS = { id: 'long', v: 'long' } as const;
const ROWS = 'select i as id, i as v from range(100) t(i)';
const LOCKED = Array.from({ length: 8 }, (_, n) => `k.locked_${n}`);

describe.each(eitherPostgresServer(import.meta.url))('a sidecar with few sessions on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 1, sessions: SESSIONS });
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function follow(name: string): Promise<DeltaWriter> {
    const source = await lake.lake.createTable(name, COLUMNS, ROWS);
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table($1, 'lake.' || $1, array['id'], scheduling_policy => 'CONTINUOUS', allow_file_diff => true) as id`,
      [name],
    );
    await lake.wait(rows[0]?.id ?? '');
    await eventually(
      async () => (await stateOf(name)) === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
      `${name} is followed`,
    );
    return source;
  }

  const stateOf = async (name: string) => (await lake.status(name)).state;
  const messageOf = async (name: string) => (await lake.status(name)).message ?? '';
  const isEqual = (name: string, source: DeltaWriter) =>
    eventually(
      async () => (await lake.status(name)).synced_version === String(source.version),
      `${name} is up to date`,
    );

  /** A transaction that keeps others from changing what a table is made of, or its rows too. */
  async function lock(names: readonly string[], mode: string): Promise<pg.Client> {
    const blocker = await lake.database.connect();
    await blocker.query(`set application_name = 'a long report'; set databricks_auth.allow_ddl = on; begin`);
    for (const name of names) await blocker.query(`lock table ${name} in ${mode} mode`);
    return blocker;
  }

  it('copies a followed table when an update has ended, and applies the batches of others meanwhile', async () => {
    const held = await lake.lake.createTable('k.held', COLUMNS, ROWS);
    await lake.load('k.held');
    const [copied, asked, other] = [await follow('k.copied'), await follow('k.asked'), await follow('k.other')];
    const blocker = await lock(['k.held'], 'access share');
    await held.append('select 1000 as id, 1 as v');
    const update = await lake.requestSync('k.held');
    await eventually(async () => (await messageOf('k.held')).includes('a long report'), 'the only place is taken');
    for (const source of [copied, asked]) await source.append('select i as id, 1 as v from range(1000, 21000) t(i)');
    for (const name of ['k.copied', 'k.asked']) {
      await eventually(async () => (await messageOf(name)).includes('sync.concurrent_updates'), `${name} waits`);
    }
    await other.append('select 1000 as id, 1 as v');
    await isEqual('k.other', other);
    // One that waits makes way for an update that somebody asks for.
    const wanted = await lake.requestSync('k.asked');
    expect((await lake.status('k.copied')).synced_version).toBe('0');
    expect((await lake.update(update)).state).toBe('RUNNING');
    await blocker.end();
    await lake.wait(update);
    await lake.wait(wanted);
    await isEqual('k.copied', copied);
    await isEqual('k.asked', asked);
    for (const [name, source] of [
      ['k.held', held],
      ['k.copied', copied],
      ['k.asked', asked],
    ] as const) {
      await lake.expectEqual(name, source, ['id', 'v']);
    }
    expect(await lake.shadowTables()).toEqual([]);
    await copied.append('select 30000 as id, 1 as v');
    await isEqual('k.copied', copied);
  });

  it('names who is in the way of many tables, with one session for all', async () => {
    const sources = new Map<string, DeltaWriter>();
    for (const name of LOCKED) sources.set(name, await follow(name));
    const blocker = await lock(LOCKED, 'share');
    const counter = await lake.database.connect();
    let most = 0;
    let isOver = false;
    const counting = (async () => {
      while (!isOver) {
        const { rows } = await counter.query(
          `select count(*)::int as sessions from pg_stat_activity
            where datname = current_database() and application_name like 'synced-tables sidecar%'`,
        );
        most = Math.max(most, rows[0].sessions);
        await sleep(20);
      }
    })();
    try {
      for (const source of sources.values()) await source.append('select 1000 as id, 1 as v');
      for (const name of LOCKED) {
        await eventually(async () => (await messageOf(name)).includes('a long report'), `${name} is told of`);
      }
      await blocker.end();
      for (const [name, source] of sources) await isEqual(name, source);
    } finally {
      isOver = true;
      await counting;
      await counter.end();
    }
    expect(most).toBeGreaterThan(2);
    expect(most).toBeLessThanOrEqual(SESSIONS);
  });
});
