import { afterAll, describe, expect, it } from 'vitest';
import { type FaultKind, FaultProxy } from '../support/fault-proxy.js';
import { change, expectInSync, inSync, type Policy, SIDECAR } from '../support/network-table.js';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: whatever one of several connections meets, at whatever statement, is noticed in seconds and told, and the table
// ends up equal to its source. The long form takes every policy, point and kind, and prints what became of each.

interface Case {
  readonly policy: Policy;
  readonly point: string;
  readonly kind: FaultKind;
  /** Whether the server still gets the statement, so that only its answer is lost. */
  readonly reaches: boolean;
}

/** The session that works on the queue, and hears of requests. */
const QUEUE = /^synced-tables sidecar \(listener\)$/;
const CLAIM = /^with candidate as .*_pipelines/s;

/** The statements at which it happens, and the policies whose updates have them. */
const POINTS: Readonly<
  Record<string, { readonly statement: RegExp; readonly policies: readonly Policy[]; readonly application?: RegExp }>
> = {
  queue: { statement: CLAIM, policies: ['SNAPSHOT', 'TRIGGERED'], application: QUEUE },
  lease: { statement: /insert into synced_tables\._sidecars/, policies: ['CONTINUOUS'] },
  start: { statement: /insert into synced_tables\._table_updates/, policies: ['SNAPSHOT', 'TRIGGERED'] },
  begin: { statement: /^begin/, policies: ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] },
  copy: { statement: /^copy data/, policies: ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] },
  'end of copy': { statement: /^copy done/, policies: ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] },
  key: { statement: /add primary key/, policies: ['SNAPSHOT'] },
  switch: { statement: /detach partition/, policies: ['SNAPSHOT'] },
  merge: { statement: /insert into .* on conflict/s, policies: ['TRIGGERED', 'CONTINUOUS'] },
  position: { statement: /update synced_tables\._tables\s+set relation/, policies: ['CONTINUOUS'] },
  commit: { statement: /^commit/, policies: ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] },
  finish: { statement: /_finish_update/, policies: ['SNAPSHOT', 'TRIGGERED'] },
};
const KINDS: readonly Pick<Case, 'kind' | 'reaches'>[] = [
  { kind: 'freeze', reaches: false },
  { kind: 'freeze', reaches: true },
  { kind: 'half-open', reaches: true },
  { kind: 'stall', reaches: false },
  { kind: 'reset', reaches: false },
  { kind: 'reset', reaches: true },
  { kind: 'trickle', reaches: false },
];
const isLong = process.env.TEST_LONG === '1';
const servers = postgresServers().slice(isLong ? 0 : -1);
const SHORT: readonly Case[] = [
  { policy: 'SNAPSHOT', point: 'queue', kind: 'freeze', reaches: true },
  { policy: 'SNAPSHOT', point: 'copy', kind: 'freeze', reaches: true },
  { policy: 'SNAPSHOT', point: 'start', kind: 'freeze', reaches: false },
  { policy: 'TRIGGERED', point: 'merge', kind: 'freeze', reaches: true },
  { policy: 'CONTINUOUS', point: 'begin', kind: 'stall', reaches: false },
  { policy: 'CONTINUOUS', point: 'commit', kind: 'freeze', reaches: true },
];

function everyCase(): Case[] {
  return Object.entries(POINTS).flatMap(([point, { policies }]) =>
    policies.flatMap((policy) => KINDS.map((kind) => ({ policy, point, ...kind }))),
  );
}

const matrix: string[] = [];
afterAll(() => {
  if (matrix.length > 0) console.info(['', ...matrix.sort()].join('\n'));
});

describe.concurrent.each(servers)('a connection that breaks on $name', (server) => {
  it.each(isLong ? everyCase() : SHORT)('$policy, $point: $kind, reaches the server: $reaches', async (each) => {
    const { policy, point, kind, reaches } = each;
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url });
    const source = await inSync(lake, policy);
    const { statement = /./, application = SIDECAR } = POINTS[point] ?? {};
    proxy.plan({ kind, reaches, application, statement });
    const startedAt = performance.now();
    const told = await change(lake, source, policy);
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    await eventually(async () => proxy.hasHappened, 'the fault has happened');
    // It goes on afterwards.
    await change(lake, source, policy);
    await expectInSync(lake, source, policy);
    const isTold = [...told].some((message) => message.includes('gave no answer'));
    matrix.push(
      `${server.name} | ${policy} | ${point} | ${kind} | ${reaches ? 'answer lost' : 'lost'} | ${seconds} s${isTold ? ' | told' : ''}`,
    );
    // Elsewhere the server or the lease is faster, or nothing was silent.
    if (kind === 'freeze' && ['start', 'copy', 'begin'].includes(point) && !reaches) expect(isTold).toBe(true);
  });

  it('keeps requests over HTTP waiting for seconds, not for ever, when all its connections fall silent', async () => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    const sidecar = await lake.startSidecar({ url: proxy.url });
    const ask = async (path: string) => (await fetch(`${sidecar.url}${path}`)).status;
    const askAll = () => Promise.all(Array.from({ length: 8 }, () => ask('/api/2.0/database/instances/local')));
    expect(await askAll()).toEqual(Array.from({ length: 8 }, () => 200));
    expect(proxy.strike('freeze', /^synced-tables api$/)).toBeGreaterThan(0);
    const startedAt = performance.now();
    expect(await Promise.all([askAll(), ask('/metrics')])).toEqual([Array.from({ length: 8 }, () => 200), 200]);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(await ask('/metrics')).toBe(200);
  });

  it('is told of by /readyz, which stays ready', async () => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    const sidecar = await lake.startSidecar({ url: proxy.url, leaseSeconds: 60, pollSeconds: 1 });
    const ready = async () =>
      (await (await fetch(`${sidecar.url}/readyz`)).json()) as { status: string; degraded?: unknown };
    await eventually(async () => (await ready()).status === 'ready', 'it is ready');
    proxy.plan({ kind: 'freeze', application: QUEUE, statement: CLAIM, reaches: false });
    await eventually(async () => (await ready()).degraded !== undefined, 'it is told', 30_000);
    const database = `local/${new URL(lake.database.url).pathname.slice(1)}`;
    const degraded = [{ database, error_code: 'POSTGRES_SILENT' }];
    await eventually(async () => (await ready()).status === 'ready', 'it is ready again');
    expect(await ready()).toEqual({ status: 'ready', degraded });
  });
});
