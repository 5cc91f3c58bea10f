/**
 * Buffers of one size that are used again. A new buffer for every read makes the collector go through the whole heap every
 * few dozen megabytes, which costs more than everything else that is done with the bytes.
 */

/** What a pipe holds, and one read of it returns, on Linux. */
export const BLOCK_BYTES = 64 * 1024;

/** Room before the bytes of a block, for the header of a message that carries them. */
const HEADROOM = 16;

/** How many blocks wait for the next stream: 1 MB, for the streams that run at once. */
const IDLE_BLOCKS_MAX = 16;

const idle: Buffer[] = [];
/** The memory of all blocks, idle or not. */
const ours = new WeakSet<ArrayBufferLike>();

/** Room for `BLOCK_BYTES`. */
export function takeBlock(): Buffer {
  return (idle.pop() ?? newBlock()).subarray(HEADROOM);
}

function newBlock(): Buffer {
  const block = Buffer.allocUnsafeSlow(HEADROOM + BLOCK_BYTES);
  ours.add(block.buffer);
  return block;
}

/** The bytes of a block that begin where it begins, with room for `bytes` more before them, at most 16; null for others. */
export function widenedBlock(chunk: Buffer, bytes: number): Buffer | null {
  return isBlock(chunk) ? Buffer.from(chunk.buffer, chunk.byteOffset - bytes, chunk.length + bytes) : null;
}

/** Gives a block back, which nobody may read from then on; other buffers are left to the collector. */
export function releaseBlock(chunk: Buffer): void {
  if (isBlock(chunk) && idle.length < IDLE_BLOCKS_MAX) idle.push(Buffer.from(chunk.buffer));
}

function isBlock(chunk: Buffer): boolean {
  return chunk.byteOffset === HEADROOM && ours.has(chunk.buffer);
}
