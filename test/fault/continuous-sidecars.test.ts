import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/settings/settings-schema.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: following goes on whatever becomes of a sidecar, a connection or a file, and is never done twice.

const columns = { id: 'long', v: 'long' } as const;
const rows = 'select i as id, i as v from range(100) t(i)';
/** What users have who set nothing. */
const { lease_seconds: leaseSeconds, poll_seconds: pollSeconds } = settingsSchema.parse({}).sync;
const TAKE_OVER_MS_MAX = 10_000;

async function follow(lake: SyncedLake, name: string) {
  const source = await lake.lake.createTable(name, columns, rows);
  const { rows: created } = await lake.admin.query<{ id: string }>(
    `select synced_tables.create_synced_table($1, $2, array['id'], 'CONTINUOUS', allow_file_diff => true) as id`,
    [name, `lake.${name}`],
  );
  await lake.wait(created[0]?.id ?? '');
  await eventually(
    async () => (await lake.status(name)).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
    `${name} is followed`,
  );
  return source;
}

const reaches = (lake: SyncedLake, name: string, version: number) =>
  lake.admin.query(`call synced_tables.wait_for_version('${name}', ${version}, interval '120 s')`);

const heldBy = (lake: SyncedLake) => lake.value('select lease_holder from synced_tables_internal._leases');

/** Batches that were committed, as those who listened were told of them. */
async function listen(lake: SyncedLake): Promise<number[]> {
  const versions: number[] = [];
  const listener = await lake.database.connect();
  listener.on('notification', ({ payload }) => versions.push(JSON.parse(payload ?? '{}').version));
  await listener.query('listen synced_table_updates');
  return versions;
}

const servers = postgresServers().slice(process.env.TEST_LONG === '1' ? 0 : -1);

describe.each(servers)('sidecars that follow on $name', (server) => {
  it('replace a killed one within ten seconds, and no version is applied twice', async () => {
    await using lake = await SyncedLake.create(server);
    const first = await lake.spawnSidecar({ leaseSeconds, pollSeconds });
    const source = await follow(lake, 'k.t');
    const told = await listen(lake);
    const second = await lake.spawnSidecar({ leaseSeconds, pollSeconds });
    let held = await heldBy(lake);
    for (const victim of [first, second]) {
      // Whoever is killed last is the one that took over: start another for it to be replaced by.
      if (victim === second) await lake.spawnSidecar({ leaseSeconds, pollSeconds });
      for (let n = 0; n < 3; n++) await source.append(`select ${1000 + source.version} as id, 1 as v`);
      await victim.kill();
      const killedAt = performance.now();
      await source.append(`select ${1000 + source.version} as id, 1 as v`);
      await eventually(async () => ![held, null].includes(await heldBy(lake)), 'it is replaced', 30_000);
      const tookMs = Math.round(performance.now() - killedAt);
      console.info(`${server.name}: taken over after ${tookMs} ms`);
      expect(tookMs).toBeLessThan(TAKE_OVER_MS_MAX);
      held = await heldBy(lake);
      await reaches(lake, 'k.t', source.version);
    }
    await lake.expectEqual('k.t', source, ['id', 'v']);
    expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
    expect(
      await lake.rows(`synced_tables.updates where mode = 'CONTINUOUS'`, ['state', 'rows_written', 'rows_deleted']),
    ).toEqual([['RUNNING', '8', '0']]);
  });

  it('go on at once where another one stops', async () => {
    await using lake = await SyncedLake.create(server);
    // Leases that nobody could wait for.
    const first = await lake.startSidecar({ leaseSeconds: 600, pollSeconds: 600 });
    const source = await follow(lake, 'k.stopped');
    await lake.startSidecar({ leaseSeconds: 600, pollSeconds: 600 });
    await first[Symbol.asyncDispose]();
    await source.append('select 1000 as id, 1 as v');
    await reaches(lake, 'k.stopped', source.version);
    await lake.expectEqual('k.stopped', source, ['id', 'v']);
  });

  it('share pipelines without doing anything twice', async () => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar();
    await lake.startSidecar();
    const source = await follow(lake, 'k.shared');
    const told = await listen(lake);
    for (let n = 0; n < 20; n++) await source.append(`select ${1000 + n} as id, 1 as v`);
    await reaches(lake, 'k.shared', source.version);
    await lake.expectEqual('k.shared', source, ['id', 'v']);
    expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
    expect(told.at(-1)).toBe(source.version);
    expect(await lake.value(`select rows_written from synced_tables.updates where mode = 'CONTINUOUS'`)).toBe('20');
  });

  it('go on after the server has ended all their sessions, and when connections fall silent', async () => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url, leaseSeconds: 1, pollSeconds: 0.5 });
    const source = await follow(lake, 'k.ended');
    for (let n = 0; n < 3; n++) {
      await source.append(`select ${1000 + n} as id, 1 as v`);
      await lake.admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'synced-tables%'`,
      );
      await reaches(lake, 'k.ended', source.version);
    }
    proxy.strike('freeze');
    await source.append('select 2000 as id, 1 as v');
    await reaches(lake, 'k.ended', source.version);
    await lake.expectEqual('k.ended', source, ['id', 'v']);
    expect(await lake.value(`select count(*) from synced_tables._events where level = 'ERROR'`)).toBe('0');
  });

  it('ask the database for nothing but their lease and the registry when nothing happens', async () => {
    await using lake = await SyncedLake.create(server);
    await lake.startSidecar({ leaseSeconds: 600, pollSeconds: 600 });
    await follow(lake, 'k.idle');
    await sleep(1_500); // maintenance that the start of an update asks for
    const lastQueries = async () =>
      lake.rows(`pg_stat_activity where datname = current_database() and application_name = 'synced-tables sidecar'`, [
        'pid',
        'query_start',
        'state',
      ]);
    const before = await lastQueries();
    expect(before.length).toBeGreaterThanOrEqual(3);
    await sleep(3_000);
    expect(await lastQueries()).toEqual(before);
  });
});
