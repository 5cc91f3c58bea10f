import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.js';
import { eitherPostgresServer, postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: several sidecars share one queue without conflict, and recover when their sessions end or fall silent.

const columns = { id: 'long', name: 'string' };
const few = `select i as id, 'n' || i as name from range(100) t(i)`;
const many = `select i as id, repeat('x', 300) as name from range(60000) t(i)`;
const isCopying = `select exists (select from pg_stat_progress_copy where datname = current_database())`;

describe.each(eitherPostgresServer(import.meta.url))('sidecars on $name', (server) => {
  it('do when they start what was asked for while none ran', async () => {
    await using lake = await SyncedLake.create(server);
    const source = await lake.lake.createTable('s.early', columns, few);
    const first = await lake.create('s.early');
    expect(await lake.requestSync('s.early', true)).toBe(first);
    await lake.startSidecar();
    await lake.wait(first);
    await lake.expectEqual('s.early', source, Object.keys(columns));
  });

  it('may start together on an empty database, install it once, and work', async () => {
    await using lake = await SyncedLake.create(server, { isMigrated: false });
    await Promise.all([1, 2, 3].map(() => lake.startSidecar({ url: lake.database.url })));
    const source = await lake.lake.createTable('s.first', columns, few);
    await lake.load('s.first');
    await lake.expectEqual('s.first', source, Object.keys(columns));
    expect(await lake.value('select count(*) = max(id) + 1 from synced_tables.migrations')).toBe('true');
  });

  it('share a queue: each of many updates is run once', async () => {
    await using lake = await SyncedLake.create(server);
    await Promise.all([lake.startSidecar(), lake.startSidecar(), lake.startSidecar()]);
    const names = Array.from({ length: 12 }, (_, n) => `s.t${n}`);
    for (const name of names) await lake.lake.createTable(name, columns, few);
    const updates: string[] = [];
    for (const name of names) updates.push(await lake.create(name));
    for (const update of updates) await lake.wait(update);
    for (const name of names) await lake.requestSync(name, true);
    await eventually(
      async () => (await lake.value(`select count(*) from synced_tables._updates where state <> 'COMPLETED'`)) === '0',
      'all are done',
    );
    expect(
      await lake.rows(
        `(select count(*), max(attempt) as attempts, (select count(*) from synced_tables._events where event_type = 'table_synced') as synced from synced_tables._updates) t`,
        ['count', 'attempts', 'synced'],
      ),
    ).toEqual([['24', '1', '24']]);
    expect(await lake.value(`select count(*) from synced_tables._pipelines where lease_holder is not null`)).toBe('0');
  });

  it('go on after the server has ended all their sessions, again and again', async () => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const source = await lake.lake.createTable('s.ended', columns, many);
    await lake.load('s.ended');
    for (const pauseMs of [0, 100, 250]) {
      await source.append(`select ${1_000_000 + pauseMs} as id, 'later' as name`);
      const update = await lake.requestSync('s.ended');
      await sleep(pauseMs);
      await lake.admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'synced-tables%'`,
      );
      await lake.wait(update);
      await lake.expectEqual('s.ended', source, Object.keys(columns));
    }
    await eventually(async () => (await lake.shadowTables()).length === 0, 'shadow tables are swept');
    expect(await lake.value(`select count(*) from synced_tables._events where level = 'ERROR'`)).toBe('0');
  });
});

/** They wait for leases and time-outs: seconds each. */
const slowServers = postgresServers().slice(process.env.TEST_LONG === '1' ? 0 : -1);

describe.each(slowServers)('sidecars that fall silent on $name', (server) => {
  it('are replaced when they are frozen, and commit nothing when they wake up', async () => {
    await using lake = await SyncedLake.create(server);
    const source = await lake.lake.createTable('s.frozen', columns, many);
    const frozen = await lake.spawnSidecar({ leaseSeconds: 1 });
    await lake.load('s.frozen');
    await source.append(`select 1000000 as id, 'later' as name`);
    const update = await lake.requestSync('s.frozen');
    await eventually(async () => (await lake.value(isCopying)) === 'true', 'the load runs');
    frozen.signal('SIGSTOP');
    await lake.startSidecar({ leaseSeconds: 1 });
    await lake.wait(update);
    await lake.expectEqual('s.frozen', source, Object.keys(columns));
    const partition = await lake.value(`select databricks_auth.sole_partition('s.frozen')`);
    frozen.signal('SIGCONT');
    await sleep(1_500);
    expect(await lake.value(`select databricks_auth.sole_partition('s.frozen')`)).toBe(partition);
    expect(await lake.update(update)).toMatchObject({ state: 'COMPLETED', attempt: 2, error_code: null });
    expect(
      await lake.value(
        `select count(*) from synced_tables._events where update_id = $1 and event_type = 'table_synced'`,
        [update],
      ),
    ).toBe('1');
    expect(await lake.value(`select count(*) from synced_tables._events where level <> 'INFO'`)).toBe('0');
    expect(await lake.shadowTables()).toEqual([]);
    // It is of use again afterwards.
    await frozen.stop();
  });

  it('recover from connections that fall silent during a load', async () => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url, leaseSeconds: 1, pollSeconds: 0.5 });
    const source = await lake.lake.createTable('s.silent', columns, many);
    await lake.load('s.silent');
    await source.append(`select 1000000 as id, 'later' as name`);
    const update = await lake.requestSync('s.silent');
    await eventually(async () => (await lake.value(isCopying)) === 'true', 'the load runs');
    proxy.strike('freeze');
    await lake.wait(update);
    await lake.expectEqual('s.silent', source, Object.keys(columns));
  });

  it('let readers go on after a few seconds when they fall silent inside a switch, and then finish it', async () => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url, leaseSeconds: 1, pollSeconds: 0.5 });
    const source = await lake.lake.createTable('s.switch', columns, few);
    await lake.load('s.switch');
    await source.append(`select 1000000 as id, 'later' as name`);
    proxy.plan({ kind: 'freeze', statement: /detach partition/, reaches: true });
    const update = await lake.requestSync('s.switch');
    await eventually(async () => proxy.hasHappened, 'the switch has begun');
    const startedAt = performance.now();
    const reader = await lake.database.connect();
    expect((await reader.query('select count(*)::int as n from s.switch')).rows).toEqual([{ n: 100 }]);
    const waitedMs = Math.round(performance.now() - startedAt);
    console.info(`${server.name}: a reader waited ${waitedMs} ms for a switch whose sidecar fell silent`);
    expect(waitedMs).toBeLessThan(20_000);
    await lake.wait(update);
    await lake.expectEqual('s.switch', source, Object.keys(columns));
  });
});
