import { describe, expect, it } from 'vitest';
import { WorkShares } from '../../../../src/sync/task/work-shares.js';

// Goal: what is followed at once shares the time that there is; who wants little gets it.

/** Lets workers run batches of `tookMs` one after another for some simulated seconds. Returns the part of the time of each. */
function simulate(
  shares: WorkShares,
  wants: readonly { tookMs: number; everyMs: number }[],
  seconds = 30,
): readonly number[] {
  const workers = wants.map((want) => ({ ...want, at: 0, busyMs: 0, longestRest: 0 }));
  for (;;) {
    const next = workers.reduce((a, b) => (a.at <= b.at ? a : b));
    if (next.at > seconds * 1000) return workers.map(({ busyMs }) => busyMs / (seconds * 1000));
    const end = next.at + next.tookMs;
    next.busyMs += next.tookMs;
    const restMs = shares.restMs(next, next.tookMs, end);
    next.at = Math.max(end + restMs, next.at + next.everyMs);
  }
}

describe('WorkShares', () => {
  it('never delays one that works alone', () => {
    const shares = new WorkShares(1);
    for (let n = 0; n < 1000; n++) expect(shares.restMs(shares, 20, n * 20)).toBe(0);
  });

  it('leaves those alone that together want less than there is', () => {
    const parts = simulate(
      new WorkShares(1),
      Array.from({ length: 10 }, () => ({ tookMs: 20, everyMs: 400 })),
    );
    for (const part of parts) expect(part).toBeCloseTo(0.05, 2);
  });

  it('gives who wants little all of it, and the rest to the others in equal parts', () => {
    const flood = { tookMs: 20, everyMs: 0 };
    const [quiet, ...floods] = simulate(new WorkShares(1), [{ tookMs: 20, everyMs: 500 }, ...Array(10).fill(flood)]);
    expect(quiet).toBeGreaterThan(0.038);
    for (const part of floods) {
      expect(part).toBeGreaterThan(0.07);
      expect(part).toBeLessThan(0.14);
    }
  });

  it('makes nobody rest for long, since a large batch is worth its time', () => {
    const shares = new WorkShares(1);
    const workers = Array.from({ length: 50 }, () => ({}));
    for (let n = 0; n < 500; n++) {
      expect(shares.restMs(workers[n % 50] ?? {}, 1000, n * 20)).toBeLessThanOrEqual(1000);
    }
  });

  it('holds a long batch against nobody for longer than a short one', () => {
    const shares = new WorkShares(1);
    const [long, other] = [{}, {}];
    shares.restMs(long, 60_000, 60_000);
    shares.restMs(other, 500, 66_000);
    expect(shares.restMs(long, 500, 66_000)).toBe(0);
  });

  it('forgets who has not worked for a while, and who has left', () => {
    const shares = new WorkShares(1);
    const [one, other] = [{}, {}];
    for (let n = 0; n < 100; n++) shares.restMs(other, 50, n * 50);
    expect(shares.restMs(one, 5000, 5000)).toBeGreaterThan(0);
    expect(shares.restMs(one, 2000, 60_000)).toBe(0);
    for (let n = 0; n < 100; n++) shares.restMs(other, 50, 60_000 + n * 50);
    shares.leave(other);
    expect(shares.restMs(one, 2000, 65_000)).toBe(0);
  });
});
