import { expect, it } from 'vitest';
import { keepItems } from '../../../src/console/data/keep-items.js';

// Goal: rows that say the same as before are not drawn again.

const idOf = ({ id }: { readonly id: string }) => id;

it('keeps the objects of items that say the same, in the order of the newer answer', () => {
  const before = [
    { id: 'a', rows: 1 },
    { id: 'b', rows: 2 },
    { id: 'c', rows: 3 },
  ];
  const now = [
    { id: 'c', rows: 3 },
    { id: 'b', rows: 5 },
    { id: 'd', rows: 4 },
  ];
  const kept = keepItems(before, now, idOf);
  expect(kept).toEqual(now);
  expect(kept[0]).toBe(before[2]);
  expect(kept[1]).toBe(now[1]);
  expect(kept[2]).toBe(now[2]);
});
