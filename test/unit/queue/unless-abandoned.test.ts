import { expect, it } from 'vitest';
import { unlessAbandoned } from '../../../src/queue/unless-abandoned.js';

// Goal: work that cannot be interrupted does not keep a sidecar, its lease and its place in the queue.

it('waits for work as long as nobody stops it, and a little longer', async () => {
  const stopping = new AbortController();
  let finish: (value: string) => void = () => {};
  const work = new Promise<string>((resolve) => (finish = resolve));
  const waiting = unlessAbandoned(work, stopping.signal, 10_000);
  stopping.abort(new Error('stopping'));
  finish('done');
  expect(await waiting).toBe('done');
});

it('leaves work that does not end after it was stopped', async () => {
  const stopping = new AbortController();
  const waiting = unlessAbandoned(new Promise<string>(() => {}), stopping.signal, 20);
  stopping.abort(new Error('stopping'));
  await expect(waiting).rejects.toThrow('stopping');
});

it('passes on how work fails', async () => {
  const work = Promise.reject(new Error('failed'));
  await expect(unlessAbandoned(work, new AbortController().signal)).rejects.toThrow('failed');
});
