import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { FaultProxy } from '../support/fault-proxy.js';
import { change, expectInSync, inSync } from '../support/network-table.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a sidecar that the server does not answer for longer than its leases last says once why its updates have ended, and
// one that stops meanwhile ends all the same and says what becomes of them; no change is lost either way.

it.each(eitherPostgresServer(import.meta.url))('leases that run out are told, on $name', async (server) => {
  await using lake = await SyncedLake.create(server);
  await using proxy = await FaultProxy.start(lake.sidecarUrl);
  const log: string[] = [];
  const told = (code: string) => log.filter((line) => line.includes(`"${code}"`));
  const choices = { leaseSeconds: 5, pollSeconds: 1 };
  const sidecar = await lake.startSidecar({ ...choices, url: proxy.url, onLog: (line) => log.push(line) });
  const source = await inSync(lake, 'CONTINUOUS');

  proxy.freezesNew = true;
  expect(proxy.strike('freeze')).toBeGreaterThan(0);
  await eventually(async () => told('LEASES_RUN_OUT').length > 0, 'its leases have run out', 30_000);
  proxy.freezesNew = false;
  await change(lake, source, 'CONTINUOUS');
  expect(told('LEASES_RUN_OUT')).toHaveLength(1);
  expect(told('LEASES_RUN_OUT')[0]).toContain('within 5 seconds');

  // Its update goes on without a session, for as long as the lease lasts.
  log.length = 0;
  proxy.refuses = true;
  proxy.strike('reset');
  await eventually(async () => told('POSTGRES_UNREACHABLE').length > 0, 'it has noticed', 4_000);
  // The others were broken at the same time.
  await sleep(200);
  await sidecar[Symbol.asyncDispose]();
  expect(told('SIDECAR_STOPS_UNCONNECTED')).toHaveLength(1);
  await lake.startSidecar(choices);
  await change(lake, source, 'CONTINUOUS');
  await expectInSync(lake, source, 'CONTINUOUS');
});
