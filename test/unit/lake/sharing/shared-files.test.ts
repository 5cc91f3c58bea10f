import { expect, it } from 'vitest';
import { SharedFiles, type SharedUrls } from '../../../../src/lake/sharing/shared-files.js';

// Goal: an address is renewed before it ends and when it is refused, once for all who wait; one that cannot be renewed does
// until its end.

function files(endsAtMs: number | null, answers: readonly (SharedUrls | Error)[]) {
  const clock = { now: 0, asked: 0 };
  const shared = new SharedFiles({
    urls: urls('old', endsAtMs),
    now: () => clock.now,
    renew: async () => {
      const answer = answers[Math.min(clock.asked++, answers.length - 1)] ?? new Error('no answer');
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { clock, shared };
}

const urls = (url: string, expiresAtMs: number | null): SharedUrls => new Map([['a', { url, expiresAtMs }]]);

it('renews a minute before the end, short-lived ones after half of their time, once for all who wait', async () => {
  const { clock, shared } = files(3_600_000, [urls('new', 3_600_000 + 20_000)]);
  clock.now = 3_600_000 - 60_001;
  expect(await shared.url('a')).toBe('old');
  clock.now = 3_600_000 - 60_000;
  expect(await Promise.all([shared.url('a'), shared.url('a')])).toEqual(['new', 'new']);
  expect(clock.asked).toBe(1);
  // That one was good for 80 seconds.
  clock.now += 39_999;
  expect(await shared.url('a')).toBe('new');
  expect(clock.asked).toBe(1);
  clock.now += 1;
  await shared.url('a');
  expect(clock.asked).toBe(2);
});

it('keeps one that cannot be renewed until its end, without asking again for each file', async () => {
  const { clock, shared } = files(100_000, [new Error('gone')]);
  clock.now = 60_000;
  expect(await shared.url('a')).toBe('old');
  clock.now = 99_999;
  expect(await shared.url('a')).toBe('old');
  expect(clock.asked).toBe(1);
  clock.now = 100_000;
  await expect(shared.url('a')).rejects.toThrow('gone');
});

it('renews one that is refused, unless another reader has done so', async () => {
  const { clock, shared } = files(null, [urls('new', null), urls('new', null)]);
  expect(await shared.renewed('a', 'old')).toBe('new');
  expect(await shared.renewed('a', 'old')).toBe('new');
  expect(clock.asked).toBe(1);
  expect(await shared.renewed('a', 'new')).toBeNull();
});

it('knows no other files', async () => {
  const { clock, shared } = files(null, []);
  expect(await shared.url('b')).toBeNull();
  expect(await shared.renewed('b', 'old')).toBeNull();
  expect(clock.asked).toBe(0);
});
