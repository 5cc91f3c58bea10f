import { describe, expect, it } from 'vitest';
import { linePaths, topOf, xOf, yOf } from '../../../src/console/words/chart-scale.js';

// Goal: a line tells what was known, and nothing of times at which nobody looked.

const frame = { from: 0, to: 100, width: 200, height: 50, topMin: 10 };
const point = (at: number, value: number | null) => ({ at, value, isFailed: false });

describe('the line of a chart', () => {
  it('goes through its points, least values at the bottom', () => {
    expect(linePaths([point(0, 0), point(50, 20), point(100, 10)], frame, 60)).toEqual(['M0 50L100 0L200 25']);
  });

  it('is interrupted where nobody looked, and where nothing was known', () => {
    const points = [point(0, 1), point(10, 1), point(90, 1), point(95, null), point(100, 1)];
    expect(linePaths(points, frame, 20)).toEqual(['M0 45L20 45', 'M180 45L180 45', 'M200 45L200 45']);
  });

  it('lies at the bottom while there is nothing to show', () => {
    expect(topOf([point(0, 0)], frame)).toBe(10);
    expect(yOf(0, topOf([point(0, 0)], frame), frame)).toBe(50);
    expect(linePaths([], frame, 1)).toEqual([]);
    expect(xOf(5, { ...frame, from: 5, to: 5 })).toBe(0);
  });
});
