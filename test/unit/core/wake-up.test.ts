import { expect, it, vi } from 'vitest';
import { WakeUp } from '../../../src/core/wake-up.js';

// Goal: a pause ends when its time is over or somebody wakes us, also if that was before the pause began.

async function msSlept(wakeUp: WakeUp, ms: number, during: () => void = () => {}): Promise<number> {
  vi.useFakeTimers();
  try {
    const startedAt = Date.now();
    const slept = wakeUp.sleep(ms);
    during();
    await vi.runAllTimersAsync();
    await slept;
    return Date.now() - startedAt;
  } finally {
    vi.useRealTimers();
  }
}

it('lasts as long as it was asked to', async () => {
  const wakeUp = new WakeUp();
  expect(await msSlept(wakeUp, 500)).toBe(500);
});

it('is cut short by a wake-up, and leaves no timer behind', async () => {
  const wakeUp = new WakeUp();
  expect(await msSlept(wakeUp, 500, () => wakeUp.wake())).toBe(0);
});

it('does not begin after a wake-up, until that is forgotten', async () => {
  const wakeUp = new WakeUp();
  wakeUp.wake();
  expect(await msSlept(wakeUp, 500)).toBe(0);
  wakeUp.rearm();
  expect(await msSlept(wakeUp, 500)).toBe(500);
});
