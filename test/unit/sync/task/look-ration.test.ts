import { expect, it } from 'vitest';
import { LookRation } from '../../../../src/sync/task/look-ration.js';

// Goal: however many sources are followed, they are looked at so often together, and who leaves makes room.

it('gives each a share, and a smaller one to those who are told', () => {
  const ration = new LookRation();
  const lookers = Array.from({ length: 1_000 }, () => ({}));
  for (const looker of lookers.slice(0, 400)) ration.leastPauseMs(looker, true);
  for (const looker of lookers.slice(400)) ration.leastPauseMs(looker, false);
  expect(ration.leastPauseMs(lookers[0] as object, true)).toBe(4_000);
  expect(ration.leastPauseMs(lookers[999] as object, false)).toBe(12_000);
});

it('counts who changes sides or leaves only where it is', () => {
  const ration = new LookRation();
  const [one, two] = [{}, {}];
  expect(ration.leastPauseMs(one, true)).toBe(10);
  expect(ration.leastPauseMs(two, true)).toBe(20);
  expect(ration.leastPauseMs(two, false)).toBe(20);
  expect(ration.leastPauseMs(one, true)).toBe(10);
  ration.leave(one);
  expect(ration.leastPauseMs(two, true)).toBe(10);
});
