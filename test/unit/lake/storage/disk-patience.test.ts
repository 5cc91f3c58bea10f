import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readInTime } from '../../../../src/lake/storage/disk-patience.js';
import { openLocalFileStore } from '../../../../src/lake/storage/local-file-store.js';

// Goal: a disk that does not answer, or a file that is none, holds nobody up; and a file that changes while it is read is
// noticed.

const folder = mkdtempSync(path.join(tmpdir(), 'local-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const store = openLocalFileStore({ root: folder, timeoutMs: 5_000 });

it('opens neither named pipes nor sockets nor devices, and waits for none of them', async () => {
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const socket = path.join(folder, 'socket');
  const server = createServer().listen(socket);
  try {
    for (const [file, kind] of [
      [pipe, 'a named pipe'],
      [socket, 'a socket'],
      ['/dev/null', 'a device'],
    ]) {
      const refusal = { code: 'SOURCE_NOT_A_FILE', message: `${file} is ${kind}, not a file; it was not opened.` };
      await expect(store.readRange(String(file), 0, 10)).rejects.toMatchObject(refusal);
      await expect(store.stat(String(file))).rejects.toMatchObject(refusal);
    }
  } finally {
    server.close();
  }
});

it('tells a file that is no longer what it was', async () => {
  const file = path.join(folder, 'data');
  writeFileSync(file, 'before');
  const before = await store.stat(file);
  expect((await store.readRange(file, 0, 6, before?.etag))?.toString()).toBe('before');
  appendFileSync(file, ' and after');
  await expect(store.readRange(file, 0, 6, before?.etag)).rejects.toMatchObject({ code: 'SOURCE_FILE_CHANGED' });
});

it('gives up a read without an answer, and asks nothing else of that folder until there is one', async () => {
  let answer: (value: string) => void = () => {};
  const hanging = () => new Promise<string>((resolve) => (answer = resolve));
  const slow = { root: '/mnt/slow', path: '/mnt/slow/a', timeoutMs: 20 };
  const timeUp = { code: 'SOURCE_READ_TIMEOUT' };
  await expect(readInTime(slow, hanging)).rejects.toMatchObject(timeUp);
  let isAsked = false;
  const next = async () => {
    isAsked = true;
    return 'read';
  };
  await expect(readInTime(slow, next)).rejects.toMatchObject(timeUp);
  expect(isAsked).toBe(false);
  expect(await readInTime({ ...slow, root: '/mnt/other' }, next)).toBe('read');
  answer('at last');
  await expect.poll(() => readInTime(slow, next).catch(() => 'refused')).toBe('read');
});

it('keeps threads for the rest of the process where many folders do not answer', async () => {
  const answers: ((value: string) => void)[] = [];
  const hanging = () => new Promise<string>((resolve) => answers.push(resolve));
  const folders = [1, 2, 3, 4].map((n) => ({ root: `/mnt/${n}`, path: `/mnt/${n}/a`, timeoutMs: 20 }));
  const outcomes = await Promise.allSettled(folders.slice(0, 3).map((slow) => readInTime(slow, hanging)));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await expect(readInTime(folders[3] as (typeof folders)[0], async () => 'read')).rejects.toThrow(
    /3 reads of disks are still/,
  );
  for (const answer of answers) answer('at last');
  await expect
    .poll(() => readInTime(folders[3] as (typeof folders)[0], async () => 'read').catch(() => ''))
    .toBe('read');
});
