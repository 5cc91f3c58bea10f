import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { releaseBlock, widenedBlock } from '../../../src/core/blocks.js';
import { PipeBlocks } from '../../../src/core/pipe-blocks.js';

// Goal: the bytes of a pipe arrive as they were written, whoever keeps them and however slowly they are taken, and a
// consumer that gives its blocks back is given the same ones again.

let folder: string;
let pipe: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pipe-blocks-'));
  pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const openBlocks = () => new PipeBlocks(openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK));
/** Every byte tells its place, more or less. */
const content = Buffer.from(Uint8Array.from({ length: 3_000_001 }, (_, at) => (at * 31 + (at >> 8)) % 251));

it('delivers what was written to those who keep it', async () => {
  const blocks = openBlocks();
  const writing = writeFile(pipe, content);
  expect((await buffer(blocks)).equals(content)).toBe(true);
  await writing;
});

it('delivers it to those who give each block back after a while, with room before it, in few blocks', async () => {
  const blocks = openBlocks();
  const writing = writeFile(pipe, content);
  const memories = new Set<ArrayBufferLike>();
  let at = 0;
  blocks.on('data', async (chunk: Buffer) => {
    const from = at;
    at += chunk.length;
    memories.add(chunk.buffer);
    blocks.pause();
    await new Promise((resolve) => setImmediate(resolve));
    expect(chunk.equals(content.subarray(from, at))).toBe(true);
    const message = widenedBlock(chunk, 5);
    expect(message?.fill(0, 0, 5).subarray(5).equals(chunk)).toBe(true);
    releaseBlock(chunk);
    blocks.resume();
  });
  await once(blocks, 'close');
  await writing;
  expect(at).toBe(content.length);
  expect(memories.size).toBeLessThanOrEqual(4);
});

it('takes back nothing but its own blocks', async () => {
  const blocks = openBlocks();
  const writing = writeFile(pipe, content);
  const parts: Buffer[] = [];
  for await (const chunk of blocks as AsyncIterable<Buffer>) {
    const copy = Buffer.from(chunk);
    expect(widenedBlock(copy, 5)).toBeNull();
    releaseBlock(copy);
    parts.push(chunk);
  }
  await writing;
  expect(Buffer.concat(parts).equals(content)).toBe(true);
});

it('stops reading while nobody takes anything, and ends for the writer when it is destroyed', async () => {
  const blocks = openBlocks();
  const writing = writeFile(pipe, content).then(
    () => 'written',
    (error: NodeJS.ErrnoException) => error.code,
  );
  await new Promise((resolve) => blocks.once('readable', resolve));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(blocks.readableLength).toBeLessThan(300_000);
  blocks.destroy();
  expect(await writing).toBe('EPIPE');
  expect(blocks.closed).toBe(true);
});
