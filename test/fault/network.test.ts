import { afterAll, describe, expect, it } from 'vitest';
import type { DeltaWriter } from '../support/delta-writer.js';
import { type FaultKind, FaultProxy } from '../support/fault-proxy.js';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: whatever one of several connections meets, at whatever statement, is noticed in seconds and told, and the table
// ends up equal to its source. The long form takes every policy, point and kind, and prints what became of each.

type Policy = 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS';

interface Case {
  readonly policy: Policy;
  readonly point: string;
  readonly kind: FaultKind;
  /** Whether the server still gets the statement, so that only its answer is lost. */
  readonly reaches: boolean;
}

const SIDECAR = /^synced-tables sidecar$/;
/** The statements at which it happens, and the policies whose updates have them. */
const POINTS: Readonly<Record<string, { readonly statement: RegExp; readonly policies: readonly Policy[] }>> = {
  queue: { statement: /^with candidate as .*_pipelines/s, policies: ['SNAPSHOT', 'TRIGGERED'] },
  lease: { statement: /set lease_expires_at/, policies: ['CONTINUOUS'] },
  start: { statement: /insert into synced_tables\._table_updates/, policies: ['SNAPSHOT', 'TRIGGERED'] },
  begin: { statement: /^begin/, policies: ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] },
  copy: { statement: /^copy data/, policies: ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] },
  'end of copy': { statement: /^copy done/, policies: ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] },
  key: { statement: /add primary key/, policies: ['SNAPSHOT'] },
  switch: { statement: /detach partition/, policies: ['SNAPSHOT'] },
  merge: { statement: /insert into .* on conflict/s, policies: ['TRIGGERED', 'CONTINUOUS'] },
  position: { statement: /update synced_tables\._tables set relation/, policies: ['CONTINUOUS'] },
  commit: { statement: /^commit/, policies: ['SNAPSHOT', 'TRIGGERED', 'CONTINUOUS'] },
  finish: { statement: /_finish_update/, policies: ['SNAPSHOT', 'TRIGGERED'] },
};
const KINDS: readonly FaultKind[] = ['freeze', 'half-open', 'stall', 'reset', 'trickle'];
const columns = { id: 'long', v: 'long', filler: 'string' };
const rows = (first: number, count: number) =>
  `select i as id, i * 7 as v, repeat('x', 100) as filler from range(${first}, ${first + count}) t(i)`;
/** Noticing takes up to 15 s; after it come a pause, another attempt, and whatever a busy machine adds. */
const DONE_SECONDS_MAX = 60;

const isLong = process.env.TEST_LONG === '1';
const servers = postgresServers().slice(isLong ? 0 : -1);
const SHORT: readonly Case[] = [
  { policy: 'SNAPSHOT', point: 'copy', kind: 'freeze', reaches: true },
  { policy: 'SNAPSHOT', point: 'start', kind: 'freeze', reaches: false },
  { policy: 'TRIGGERED', point: 'merge', kind: 'freeze', reaches: true },
  { policy: 'CONTINUOUS', point: 'begin', kind: 'stall', reaches: false },
  { policy: 'CONTINUOUS', point: 'commit', kind: 'freeze', reaches: true },
];

function everyCase(): Case[] {
  return Object.entries(POINTS).flatMap(([point, { policies }]) =>
    policies.flatMap((policy) => {
      return KINDS.flatMap((kind) => [false, true].map((reaches) => ({ policy, point, kind, reaches })));
    }),
  );
}

const matrix: string[] = [];
afterAll(() => {
  if (matrix.length > 0) console.info(['', ...matrix.sort()].join('\n'));
});

/** A table that is in sync, with its sidecar behind a proxy. */
async function inSync(lake: SyncedLake, proxy: FaultProxy, policy: Policy): Promise<DeltaWriter> {
  const source = await lake.lake.createTable('n.t', columns, rows(0, 2_000));
  await lake.startSidecar({ url: proxy.url });
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
async function change(lake: SyncedLake, source: DeltaWriter, policy: Policy): Promise<ReadonlySet<string>> {
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

async function expectInSync(lake: SyncedLake, source: DeltaWriter, policy: Policy): Promise<void> {
  await lake.expectEqual('n.t', source, Object.keys(columns));
  const rest =
    policy === 'CONTINUOUS' ? 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE' : 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE';
  await eventually(async () => (await lake.status('n.t')).state === rest, `the state is ${rest}`);
  await eventually(async () => (await lake.shadowTables()).length === 0, 'no shadow table is left', 90_000);
  expect(await lake.value(`select count(*) from synced_tables._events where level = 'ERROR'`)).toBe('0');
}

describe.concurrent.each(servers)('a connection that breaks on $name', (server) => {
  it.each(isLong ? everyCase() : SHORT)('$policy, $point: $kind, reaches the server: $reaches', async (each) => {
    const { policy, point, kind, reaches } = each;
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    const source = await inSync(lake, proxy, policy);
    proxy.plan({ kind, reaches, application: SIDECAR, statement: POINTS[point]?.statement ?? /./ });
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
    proxy.plan({ kind: 'freeze', application: SIDECAR, statement: /^with candidate as/, reaches: false });
    await eventually(async () => (await ready()).degraded !== undefined, 'it is told', 30_000);
    const database = `local/${new URL(lake.database.url).pathname.slice(1)}`;
    const degraded = [{ database, error_code: 'POSTGRES_SILENT' }];
    await eventually(async () => (await ready()).status === 'ready', 'it is ready again');
    expect(await ready()).toEqual({ status: 'ready', degraded });
  });
});
