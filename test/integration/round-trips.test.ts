import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FaultProxy, type Turn } from '../support/fault-proxy.js';
import { change, expectInSync, inSync, type Policy } from '../support/network-table.js';
import { eitherPostgresServer } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: on a slow link, an update waits for few answers one after another. What other sessions ask meanwhile delays
// nothing, and does not count.

const LATENCY_MS = 50;
const MOST: Readonly<Record<Policy, number>> = { CONTINUOUS: 6, TRIGGERED: 10, SNAPSHOT: 20 };

/** Makes a session as good as new, in the background. */
const RESET = /^set session authorization default/;
const CLAIM = /update synced_tables\._updates u\s+set state = 'running'/;
const FINISH = /_finish_update/;

/** Of the session that does the work, of claiming it and of recording its end. */
function roundTripsOf(turns: readonly Turn[], policy: Policy): string[] {
  const worker = turns.find(({ statement }) => /^commit/.test(statement))?.connection;
  const work = turns.filter(({ connection, statement }) => connection === worker && !RESET.test(statement));
  const queue = policy === 'CONTINUOUS' ? [] : [CLAIM, FINISH];
  const asked = queue.flatMap((kind) => turns.find(({ statement }) => kind.test(statement)) ?? []);
  expect(asked).toHaveLength(queue.length);
  return [...asked, ...work].map(({ statement }) => statement.replace(/\s+/g, ' ').slice(0, 80));
}

describe.each(eitherPostgresServer(import.meta.url))('round trips to $name', (server) => {
  it.each(Object.entries(MOST) as [Policy, number][])('of an update: %s, at most %i', async (policy, most) => {
    await using lake = await SyncedLake.create(server);
    await using proxy = await FaultProxy.start(lake.sidecarUrl);
    await lake.startSidecar({ url: proxy.url, pollSeconds: 60 });
    const source = await inSync(lake, policy);
    proxy.latencyMs = LATENCY_MS;
    await change(lake, source, policy);
    // Its session is kept for the next one.
    await sleep(20 * LATENCY_MS);
    const turns: Turn[] = [];
    proxy.onTurn = (turn) => turns.push(turn);
    await change(lake, source, policy);
    await sleep(20 * LATENCY_MS);
    proxy.onTurn = () => {};
    const trips = roundTripsOf(turns, policy);
    expect(trips.length, trips.join('\n')).toBeLessThanOrEqual(most);
    expect(trips.length).toBeGreaterThan(3);
    proxy.latencyMs = 0;
    await expectInSync(lake, source, policy);
  });
});
