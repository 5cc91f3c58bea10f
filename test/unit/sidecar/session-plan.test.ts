import { expect, it } from 'vitest';
import { planSessions, sessionsOf } from '../../../src/sidecar/session-plan.js';

// Goal: the sessions of a sidecar stay within their number, whatever the settings ask for.

const defaults = { concurrent_updates: 2, concurrent_batches: 4, connections: 1, accelerated_connections: 4 };
const greedy = { concurrent_updates: 64, concurrent_batches: 64, connections: 16, accelerated_connections: 16 };

/** Fixed ones, and each update with its report and its loaders. */
function mostOpen({ concurrentUpdates, concurrentBatches, acceleratedConnections }: ReturnType<typeof planSessions>) {
  return 6 + concurrentBatches + concurrentUpdates * (1 + acceleratedConnections);
}

it('gives what the settings ask for where there is room', () => {
  expect(planSessions(24, defaults)).toEqual({
    concurrentUpdates: 2,
    concurrentBatches: 4,
    connections: 1,
    acceleratedConnections: 4,
  });
});

it('never plans with more, and always with something of each kind', () => {
  for (let sessions = 9; sessions <= 200; sessions++) {
    for (const wanted of [defaults, greedy]) {
      const plan = planSessions(sessions, wanted);
      expect(mostOpen(plan), `${sessions}`).toBeLessThanOrEqual(sessions);
      expect(Math.min(...Object.values(plan)), `${sessions}`).toBeGreaterThanOrEqual(1);
    }
  }
});

it('divides the share between the databases of a server', () => {
  expect([1, 2, 5, 50].map((databases) => sessionsOf({}, 97, databases))).toEqual([24, 16, 9, 9]);
  expect(sessionsOf({ sessions: 40 }, 97, 5)).toBe(40);
});

it('takes a modest share by default', () => {
  expect([-5, 0, 40, 60, 97, 500].map((free) => sessionsOf({}, free, 1))).toEqual([9, 9, 13, 20, 24, 24]);
  expect(sessionsOf({ sessions: 40 }, 0, 1)).toBe(40);
});
