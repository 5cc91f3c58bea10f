import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGuardedDatabase, fingerprint, type GuardedDatabase } from '../support/guarded-database.js';
import { startOwnServer } from '../support/own-server.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

// Goal: a subscription of logical replication, which fires no statement triggers while it applies rows, writes nothing
// into a synced table, whoever owns it; and it still feeds other tables.

const writes = [
  `insert into gold.x values (7, 'theirs')`,
  `update gold.x set note = 'theirs' where id = 1`,
  'delete from gold.x where id = 2',
  'truncate gold.x',
] as const;

const patienceMs = 30_000;

describe.each([15, 18] as const)('logical replication into a synced table on PostgreSQL %i', (major) => {
  let server: Awaited<ReturnType<typeof startOwnServer>>;
  let guarded: GuardedDatabase;
  let source: TestDatabase;
  let publisher: pg.Client;
  beforeAll(async () => {
    // A new slot waits for every transaction of its server, and a first copy makes one, too.
    server = await startOwnServer(major, { wal_level: 'logical', wal_retrieve_retry_interval: '100ms' });
    guarded = await createGuardedDatabase(server);
    source = await createTestDatabase(server);
    publisher = await source.connect();
    await guarded.database.admin.query('create table app.plain (id int primary key)');
    await publisher.query(`create schema gold; create table gold.x (id bigint primary key, note text);
      create publication all_rows for table gold.x;
      create schema app; create table app.plain (id int primary key); alter publication all_rows add table app.plain`);
  });
  afterAll(async () => {
    await source?.[Symbol.asyncDispose]();
    await guarded?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  /** Applies what `work` does at the publisher; ends when `isOver` says so. */
  async function replicate(
    options: string,
    work: () => Promise<unknown>,
    isOver: () => Promise<boolean>,
  ): Promise<void> {
    const { admin } = guarded.database;
    await publisher.query(`truncate gold.x; insert into gold.x values (1, 'row 1'), (2, 'row 2'), (3, 'row 3')`);
    await publisher.query(`select pg_create_logical_replication_slot('guarded', 'pgoutput')`);
    await admin.query(
      `create subscription guard connection '${source.url}' publication all_rows
         with (create_slot = false, slot_name = 'guarded', ${options})`,
    );
    try {
      await work();
      const deadline = performance.now() + patienceMs;
      while (!(await isOver())) {
        if (performance.now() > deadline) throw new Error('replication did nothing');
        await sleep(50);
      }
    } finally {
      await admin.query('alter subscription guard disable');
      await admin.query('alter subscription guard set (slot_name = none)');
      await admin.query('drop subscription guard');
      await dropSlot(publisher, 'guarded');
    }
  }

  const refused = async (): Promise<boolean> => {
    const { rows } = await guarded.database.admin.query<{ errors: string }>(
      'select apply_error_count + sync_error_count as errors from pg_stat_subscription_stats',
    );
    return Number(rows[0]?.errors) > 0;
  };

  it('goes on for other tables', async () => {
    const { admin } = guarded.database;
    await replicate(
      'copy_data = false',
      () => publisher.query('insert into app.plain values (1)'),
      async () => (await admin.query('select from app.plain')).rowCount === 1,
    );
  });

  // From 16 on Postgres itself refuses to apply as the table's owner what that may not write.
  const options = major >= 16 ? 'copy_data = false, run_as_owner = true' : 'copy_data = false';
  it.each(writes)('is refused: %s', async (write) => {
    const before = await fingerprint(guarded.database.admin);
    await replicate(options, () => publisher.query(write), refused);
    expect(await fingerprint(guarded.database.admin)).toBe(before);
  });

  it('is refused its first copy', async () => {
    const before = await fingerprint(guarded.database.admin);
    await replicate(
      'copy_data = true',
      () => publisher.query(`insert into gold.x values (8, 'eight') on conflict do nothing`),
      refused,
    );
    expect(await fingerprint(guarded.database.admin)).toBe(before);
  });
});

/** The walsender lets go of its slot a moment after the subscription is gone. */
async function dropSlot(publisher: pg.Client, slot: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await publisher.query('select pg_drop_replication_slot($1)', [slot]);
      return;
    } catch (error) {
      if ((error as pg.DatabaseError).code !== '55006' || attempt > 100) throw error;
      await sleep(100);
    }
  }
}
