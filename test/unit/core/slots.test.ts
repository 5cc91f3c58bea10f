import { describe, expect, it } from 'vitest';
import { Slots } from '../../../src/core/slots.js';

// Goal: never more at once than there are places, nobody who waits is passed over, and no place is lost.

const never = new AbortController().signal;

/** Whether a promise has been kept by now. */
async function isKept(promise: Promise<void>): Promise<boolean> {
  let isSo = false;
  void promise.then(() => (isSo = true)).catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  return isSo;
}

describe('Slots', () => {
  it('are taken until none is free, then in the order of asking', async () => {
    const slots = new Slots(2);
    await slots.take(never);
    expect(slots.free).toBe(1);
    await slots.take(never);
    const [third, fourth] = [slots.take(never), slots.take(never)];
    expect(await isKept(third)).toBe(false);
    slots.giveBack();
    expect([await isKept(third), await isKept(fourth)]).toEqual([true, false]);
    slots.giveBack();
    expect(await isKept(fourth)).toBe(true);
    expect(slots.free).toBe(0);
  });

  it('go to those who wait before those who take what is free', async () => {
    const slots = new Slots(3);
    expect(slots.takeFree()).toBe(3);
    const waiting = slots.take(never);
    let times = 0;
    slots.onFree = () => times++;
    slots.giveBack();
    expect([await isKept(waiting), slots.takeFree(), times]).toEqual([true, 0, 0]);
    slots.giveBack();
    expect([slots.free, times]).toEqual([1, 1]);
    // Whoever takes what is free and does not need it must not be told of it: it would ask again at once, for ever.
    slots.putBack(2);
    expect([slots.free, times]).toEqual([3, 1]);
  });

  it('are not lost to one who no longer waits', async () => {
    const slots = new Slots(1);
    slots.takeFree();
    const gone = new AbortController();
    const [leaver, stayer] = [slots.take(gone.signal), slots.take(never)];
    gone.abort(new Error('gone'));
    await expect(leaver).rejects.toThrow('gone');
    slots.giveBack();
    expect(await isKept(stayer)).toBe(true);
    await expect(slots.take(gone.signal)).rejects.toThrow('gone');
    slots.giveBack();
    expect(slots.free).toBe(1);
  });
});
