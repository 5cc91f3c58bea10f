import { Cron } from 'croner';
import { describe, expect, it } from 'vitest';
import { cronOfQuartz } from '../../../../src/api/pipelines/jobs/quartz-cron.js';

// Goal: a schedule written for Quartz runs at the times that it means there.

const next = (quartz: string, from: string, count: number) =>
  new Cron(cronOfQuartz(quartz), { timezone: 'UTC', paused: true })
    .nextRuns(count, new Date(from))
    .map((at) => at.toISOString().slice(0, 16));

describe('cronOfQuartz', () => {
  it.each([
    ['0 0 8 * * ?', '0 0 8 * * ?'],
    ['0 0/15 * * * ?', '0 0-59/15 * * * ?'],
    ['0 5/20 9-17 ? * MON-FRI *', '0 5-59/20 9-17 ? * MON-FRI'],
    ['0 0 6 ? * 1,7', '0 0 6 ? * 0,6'],
    ['0 0 6 ? * 2-6', '0 0 6 ? * 1-5'],
    ['0 */10 * * * ?', '0 */10 * * * ?'],
    ['0 0 0 1 JAN ?', '0 0 0 1 JAN ?'],
  ])('reads %s as %s', (quartz, cron) => {
    expect(cronOfQuartz(quartz)).toBe(cron);
  });

  it('means the same moments', () => {
    // 2026-11-29 is a Sunday.
    expect(next('0 0 6 ? * 1', '2026-11-28T00:00:00Z', 2)).toEqual(['2026-11-29T06:00', '2026-12-06T06:00']);
    expect(next('0 50/5 * * * ?', '2026-11-29T10:00:00Z', 3)).toEqual([
      '2026-11-29T10:50',
      '2026-11-29T10:55',
      '2026-11-29T11:50',
    ]);
  });

  it.each([
    ['* * * * *', '5 fields'],
    ['0 0 8 L * ?', '"L" cannot be its day of the month'],
    ['0 0 8 ? * 6#3', '"6#3" cannot be its day of the week'],
    ['0 0 8 ? * 0', '1 (Sunday) to 7'],
    ['0 0 8 * * ? 2030', 'a year'],
  ])('refuses %s: %s', (quartz, problem) => {
    expect(() => cronOfQuartz(quartz)).toThrow(problem);
  });
});
