import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { examine } from '../../src/doctor/examine.js';
import { checkSettings } from '../../src/settings/load-settings.js';
import { goEveryWay, invitePeople, uncalledFunctions } from '../support/every-way.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { startOwnServer } from '../support/own-server.js';
import { createTestDatabase, postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import type { TestServer } from '../support/test-server.js';

// Goal: CREATE PUBLICATION … FOR ALL TABLES, which tools for replication make, stops no call and no sync; and what a
// subscriber of a synced table sees is what docs/guides/replication.md says.

/** Permanent tables of which a publication would refuse updates and deletes. */
async function tablesWithoutIdentity(admin: pg.Client): Promise<string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c
      where c.relkind = 'r' and c.relpersistence = 'p' and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema')
        and case c.relreplident when 'f' then false when 'n' then true
            when 'd' then not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
            else not exists (select from pg_index i where i.indrelid = c.oid and i.indisreplident) end
      order by 1`,
  );
  return rows.map(({ name }) => name);
}

async function everythingUnderAPublication(server: TestServer): Promise<void> {
  await using lake = await SyncedLake.create(server);
  await lake.admin.query(`create publication everything for all tables; set track_functions = 'all';
    do $$ begin execute format('alter database %I set track_functions = ''all''', current_database()); end $$`);
  await lake.startSidecar({ pollSeconds: 1 });
  await using people = await invitePeople(lake);
  await goEveryWay(lake, people, 'published', async () => {
    // The source of the flows has no key: it is only ever added to.
    expect(await tablesWithoutIdentity(lake.admin)).toEqual(
      (await lake.value(`select to_regclass('published_flows.events')`)) === null ? [] : ['published_flows.events'],
    );
  });
  // Sessions report what they called a second later.
  await expect.poll(() => uncalledFunctions(lake), { timeout: 10_000 }).toEqual([]);
}

describe.each(postgresServers())('a publication of all tables on $name', (server) => {
  it('stops nothing that people and sidecars do', () => everythingUnderAPublication(server));

  it('is told by doctor: what its subscribers get, and a table of ours that has lost its identity', async () => {
    await using database = await createMigratedDatabase(server);
    const { admin } = database;
    const settings = checkSettings({ instances: { local: { url: database.url } } });
    const found = async () =>
      (await examine(settings)).filter(({ code }) => ['IDENTITY_MISSING', 'REFRESHES_PUBLISHED'].includes(code));
    expect(await found()).toEqual([]);
    await admin.query('create publication everything for all tables');
    expect((await found()).map(({ code }) => code)).toEqual(['REFRESHES_PUBLISHED']);
    await admin.query('alter table synced_tables._calls_under_way replica identity default');
    expect((await found()).map(({ message }) => message).join()).toContain('synced_tables._calls_under_way');
    await admin.query('select synced_tables.repair(); drop publication everything');
    expect(await found()).toEqual([]);
    expect(await tablesWithoutIdentity(admin)).toEqual([]);
  });
});

describe.each([15, 18] as const)('a publication of a synced table on PostgreSQL %i', (major) => {
  it('carries changes of a synced table to a subscriber, under its name, but no refresh', async () => {
    // A new slot waits for every transaction of its server.
    await using server = await startOwnServer(major, { wal_level: 'logical' });
    await using lake = await SyncedLake.create(server);
    await using subscriber = await createTestDatabase(server);
    const there = await subscriber.connect();
    const slot = 'synced';
    await lake.startSidecar({ pollSeconds: 1 });
    const source = await lake.lake.createTable('p.t', { id: 'long', v: 'string' }, `select 1 as id, 'first' as v`);
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('p.t', 'lake.p.t', array['id'], scheduling_policy => 'TRIGGERED', allow_file_diff => true) as id`,
    );
    await lake.wait(rows[0]?.id ?? '');
    await lake.admin.query('create publication changes for table p.t with (publish_via_partition_root = true)');
    await lake.admin.query(`select pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    await there.query('create schema p; create table p.t (id bigint primary key, v text)');
    await there.query(
      `create subscription synced connection '${lake.database.url}' publication changes with (create_slot = false, slot_name = '${slot}')`,
    );
    const rowsThere = async () =>
      (await there.query<{ row: string }>(`select id || ' ' || v as row from p.t order by 1`)).rows
        .map(({ row }) => row)
        .join();
    try {
      await eventually(async () => (await rowsThere()) === '1 first', 'its rows are copied');
      await source.append(`select 2 as id, 'more' as v`);
      await lake.sync('p.t');
      await eventually(async () => (await rowsThere()) === '1 first,2 more', 'changes arrive');
      await source.append(`select 3 as id, 'refreshed' as v`);
      await lake.sync('p.t', true);
      await source.append(`select 4 as id, 'after' as v`);
      await lake.sync('p.t');
      await eventually(async () => (await rowsThere()).endsWith('4 after'), 'changes after the refresh arrive');
      expect(await rowsThere()).toBe('1 first,2 more,4 after');
    } finally {
      await there.query('alter subscription synced disable; ');
      await there.query('alter subscription synced set (slot_name = none)');
      await there.query('drop subscription synced');
      await eventually(
        () =>
          lake.admin.query('select pg_drop_replication_slot($1)', [slot]).then(
            () => true,
            () => false,
          ),
        'the slot is free',
      );
    }
  });
});

describe.runIf(process.env.TEST_LONG === '1')('where WAL is for replicas only', () => {
  it.each([15, 18] as const)('stops nothing either on PostgreSQL %i', async (major) => {
    await using server = await startOwnServer(major, { wal_level: 'replica' });
    await everythingUnderAPublication(server);
  });
});
