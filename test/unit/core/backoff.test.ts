import { expect, it } from 'vitest';
import { ATTEMPTS_MAX, backoffMs, RETRY_BACKOFF, retryDelaySeconds } from '../../../src/core/backoff.js';

// Goal: pauses between attempts double, have a longest one, and are short enough for what passes by itself.

it('doubles the pause after each failure in a row, up to the longest', () => {
  const pauses = [1, 2, 3, 4, 5].map((failures) => backoffMs({ firstMs: 100, longestMs: 1_000 }, failures));
  expect(pauses).toEqual([100, 200, 400, 800, 1_000]);
});

it('stays at the longest pause, however many failures there were', () => {
  expect(backoffMs(RETRY_BACKOFF, 5_000)).toBe(30_000);
});

it('gives an update about half a minute before it counts as failed', () => {
  const pauses = Array.from({ length: ATTEMPTS_MAX - 1 }, (_, index) => retryDelaySeconds(index + 1));
  expect(pauses).toEqual([1, 2, 4, 8, 16]);
});
