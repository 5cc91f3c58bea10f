import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import type { SidecarProcess } from '../support/sidecar.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: whoever reaches the port, with or without a token, can neither fill the memory of a sidecar nor keep it from
// its work, and locks nobody else out.

/** Twice each: what the first round took is used again by the second. */
const PATHS = ['/openapi.json', '/docs/static/swagger-ui-bundle.js', '/api/2.0/nothing', '/metrics'];
const CONNECTIONS = 20;
const REQUESTS = 500;
const GROWTH_MB_MAX = 150;

/** Memory that the process has now, as Linux counts it; null elsewhere. */
function residentMb({ pid }: SidecarProcess): number | null {
  if (process.platform !== 'linux') return null;
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return kb === undefined ? null : Math.round(Number(kb) / 1024);
}

function addressOf({ log }: SidecarProcess): { url: string; port: number } {
  const { url } = JSON.parse(log.find((line) => line.includes('sidecar started')) ?? '{}') as { url: string };
  return { url, port: Number(new URL(url).port) };
}

/** A connection that sends and never reads. */
async function sendOnly(port: number, bytes: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').pause();
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

it('keeps its memory, its leases and its other callers through a flood of requests whose answers nobody reads', async () => {
  const server = postgresServers().at(-1);
  if (!server) throw new Error('no server');
  await using lake = await SyncedLake.create(server);
  const sidecar = await lake.spawnSidecar({ leaseSeconds: 6, pollSeconds: 1 });
  const { url, port } = addressOf(sidecar);
  const source = await lake.lake.createTable('f.t', { id: 'long' }, 'select i as id from range(10) t(i)');
  await lake.wait(
    (await lake.value(
      `select synced_tables.create_synced_table('f.t', 'lake.f.t', array['id'], 'CONTINUOUS', allow_file_diff => true)`,
    )) ?? '',
  );
  const epoch = () => lake.value('select lease_epoch from synced_tables._pipelines');
  await eventually(
    async () => (await lake.status('f.t')).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE',
    'it is followed',
  );
  const [epochBefore, before] = [await epoch(), residentMb(sidecar) ?? 0];
  let peak = 0;
  for (const path of [...PATHS, ...PATHS]) {
    const bytes = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`.repeat(REQUESTS);
    const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => sendOnly(port, bytes)));
    const health = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(15_000) });
    expect(health.status).toBe(200);
    await sleep(300);
    peak = Math.max(peak, residentMb(sidecar) ?? 0);
    for (const socket of sockets) socket.destroy();
  }
  await source.append('select 100 as id');
  await lake.admin.query(`call synced_tables.wait_for_version('f.t', 1, interval '30 s')`);
  expect(await epoch()).toBe(epochBefore);
  console.info(`${server.name}: ${before} MB before, at most ${peak} MB, ${residentMb(sidecar)} MB after`);
  expect(peak - before).toBeLessThan(GROWTH_MB_MAX);
});
