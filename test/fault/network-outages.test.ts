import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type FaultKind, FaultProxy } from '../support/fault-proxy.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { change, expectInSync, inSync, type Policy, SIDECAR } from '../support/network-table.js';
import { postgresServers } from '../support/postgres.js';
import { propertySeed } from '../support/property-seed.js';
import { Random } from '../support/random.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: tables end up equal to their sources through whole outages, slow networks, real packet loss, and faults at random
// moments; each in bounded time. Long form only: `npm run test:fault`.

const POLICIES: readonly Policy[] = ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'];
const RANDOM_RUNS = 6;

const isLong = process.env.TEST_LONG === '1';
const servers = postgresServers().slice(isLong ? 0 : -1);
const seed = isLong ? propertySeed('faults at random statements') : 0;
const randomRuns = Array.from({ length: RANDOM_RUNS }, (_, run) => ({ run, seed: seed + run }));

describe.runIf(isLong).concurrent.each(servers)('a network on $name', (server) => {
  it.each(POLICIES)('that is silent on all connections that were open: %s', async (policy) => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url });
    const source = await inSync(lake, policy);
    expect(proxy.strike('freeze')).toBeGreaterThan(2);
    await change(lake, source, policy);
    await expectInSync(lake, source, policy);
  });

  it.each(POLICIES)('that refuses connections for a while: %s', async (policy) => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url });
    const source = await inSync(lake, policy);
    proxy.refuses = true;
    proxy.strike('reset');
    setTimeout(() => {
      proxy.refuses = false;
    }, 15_000);
    await change(lake, source, policy);
    await expectInSync(lake, source, policy);
  });

  it.each(POLICIES)('that is slow: %s', async (policy) => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url });
    const source = await inSync(lake, policy);
    proxy.latencyMs = 150;
    const told = await change(lake, source, policy);
    expect([...told].filter((message) => message.includes('gave no answer'))).toEqual([]);
    await expectInSync(lake, source, policy);
  });

  it('whose listener hears nothing more', async () => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url, pollSeconds: 600 });
    const source = await inSync(lake, 'TRIGGERED');
    expect(proxy.strike('freeze', /listener/)).toBe(1);
    await change(lake, source, 'TRIGGERED');
    await expectInSync(lake, source, 'TRIGGERED');
  });

  it('that loses a connection while tables are compared', async () => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url });
    await inSync(lake, 'SNAPSHOT');
    proxy.plan({ kind: 'freeze', application: SIDECAR, statement: /^copy done/, reaches: false });
    const id = await lake.value(`select synced_tables.verify('n.t')`);
    await lake.admin.query(`call synced_tables.wait_for_verification('${id}', interval '60 s')`);
    expect(proxy.hasHappened).toBe(true);
    expect(await lake.rows(`synced_tables.verifications`, ['state'])).toEqual([['COMPLETED']]);
  });

  it.each(randomRuns)('that breaks connections at random statements: run $run', async (each) => {
    const random = new Random(each.seed);
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url });
    const policy = random.pick(POLICIES);
    const source = await inSync(lake, policy);
    for (let n = 0; n < 3; n += 1) {
      const kind = random.pick<FaultKind>(['freeze', 'half-open', 'stall', 'reset']);
      proxy.plan({ kind, statement: /./, reaches: random.chance(0.5) }, random.below(40));
      await change(lake, source, policy);
    }
    await expectInSync(lake, source, policy);
  });

  it('that really loses the packets of connections, with nobody to acknowledge them', async ({ skip }) => {
    await using network = await NetworkNamespace.create();
    if (network === null) return skip('no network namespace is to be had here (root and iproute2)');
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl, network.host);
    await lake.spawnSidecar({ url: proxy.url, startedBy: network.startedBy });
    const source = await inSync(lake, 'CONTINUOUS');
    const ports = proxy.clientPorts(SIDECAR);
    expect(ports.length).toBeGreaterThan(2);
    await network.losePacketsOf(ports);
    await change(lake, source, 'CONTINUOUS');
    await expectInSync(lake, source, 'CONTINUOUS');
  });

  it('on whose other end a server process was stopped', async () => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url });
    const source = await inSync(lake, 'CONTINUOUS');
    const { rows } = await lake.admin.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and application_name ~ 'sidecar$' and query like '%_tables%'`,
    );
    const pids = rows.map(({ pid }) => pid).filter((pid) => isOurs(pid));
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      await change(lake, source, 'CONTINUOUS');
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
    await sleep(500);
    // That of the follower. Those from which nobody waited for an answer meanwhile go on.
    await eventually(async () => pids.some((pid) => !isOurs(pid)), 'the process that kept us waiting is ended');
    await expectInSync(lake, source, 'CONTINUOUS');
  });
});

/** Whether it runs on this machine. */
function isOurs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
