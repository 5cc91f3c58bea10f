import { describe, expect, it } from 'vitest';
import { planNextRun } from '../../../src/queue/schedules.js';

// Goal: schedules mean what cron and the time zone say, also where clocks change.

describe('planNextRun', () => {
  it.each([
    ['*/5 * * * *', 'UTC', '2026-11-21T10:00:30Z', '2026-11-21T10:05:00.000Z'],
    ['0 9 * * MON-FRI', 'UTC', '2026-11-21T10:00:00Z', '2026-11-23T09:00:00.000Z'],
    ['0 9 * * *', 'Europe/Berlin', '2026-11-21T10:00:00Z', '2026-11-22T08:00:00.000Z'],
    ['0 0 13 * FRI', 'UTC', '2026-11-21T10:00:00Z', '2026-11-27T00:00:00.000Z'],
    ['30 15 9 * * ?', 'UTC', '2026-11-21T10:00:00Z', '2026-11-22T09:15:30.000Z'],
    ['0 0 29 2 *', 'UTC', '2026-11-21T10:00:00Z', '2028-02-29T00:00:00.000Z'],
  ])('works out %s in %s', (cron, zone, after, expected) => {
    expect(planNextRun(cron, zone, new Date(after))).toEqual({ at: new Date(expected), problem: null });
  });

  it('makes up a time that the spring change skips, and takes one that comes twice in autumn once', () => {
    const next = (after: string) => planNextRun('30 2 * * *', 'Europe/Berlin', new Date(after)).at?.toISOString();
    expect(next('2026-03-28T20:00:00Z')).toBe('2026-03-29T01:00:00.000Z');
    expect(next('2026-10-24T20:00:00Z')).toBe('2026-10-25T00:30:00.000Z');
    expect(next('2026-10-25T00:30:00Z')).toBe('2026-10-26T01:30:00.000Z');
  });

  it('says so when a time never comes, or the zone is not known here', () => {
    expect(planNextRun('0 0 30 2 *', 'UTC', new Date())).toEqual({
      at: null,
      problem: '"0 0 30 2 *" never comes: there is no such day.',
    });
    expect(planNextRun('0 0 * * *', 'Mars/Olympus', new Date()).problem).toContain('Mars/Olympus');
  });
});
