import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { Readable } from 'node:stream';

/** What a pipe holds, and one read of it returns, on Linux. */
const BLOCK_BYTES = 64 * 1024;

/** Room before the bytes of a block, for the header of a message that carries them. */
const HEADROOM = 16;

/** How many blocks wait for the next stream: 1 MB, for the streams that run at once. */
const IDLE_BLOCKS_MAX = 16;

const idle: Buffer[] = [];
/** The memory of all blocks, idle or not. */
const ours = new WeakSet<ArrayBufferLike>();

/**
 * The bytes of a pipe, in blocks that are used again when their consumer has given them back. A new buffer for every read
 * makes the collector go through the whole heap every few dozen megabytes, which costs more than everything else that is
 * done with the bytes. A consumer that keeps its chunks, such as a `pipeline`, gives none back.
 */
export class PipeBlocks extends Readable {
  readonly #socket: Socket;
  /** What the next read fills. */
  #next: Buffer | null = null;

  /**
   * @param fd the read end, opened without blocking; closed with the stream
   */
  constructor(fd: number) {
    super({ highWaterMark: BLOCK_BYTES });
    // The type declarations know `onread` for sockets that connect only; Node documents it for both.
    const options: SocketConstructorOpts & Pick<ConnectOpts, 'onread'> = {
      fd,
      readable: true,
      writable: false,
      onread: { buffer: () => this.#takeRoom(), callback: (length) => this.#take(length) },
    };
    this.#socket = new Socket(options);
    this.#socket.once('end', () => this.push(null));
    this.#socket.once('error', (error) => this.destroy(error));
    this.#socket.resume();
  }

  #takeRoom(): Buffer {
    this.#next = idle.pop() ?? newBlock();
    return this.#next.subarray(HEADROOM);
  }

  /** @returns whether to read on */
  #take(length: number): boolean {
    const block = this.#next;
    this.#next = null;
    return block !== null && this.push(block.subarray(HEADROOM, HEADROOM + length));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const finish = () => {
      if (this.#next) keep(this.#next);
      this.#next = null;
      done(error);
    };
    if (this.#socket.closed) finish();
    else this.#socket.once('close', finish).destroy();
  }

  /**
   * A chunk with room for `bytes` more before it, at most 16; null for one that the stream has put together from several
   * blocks, as `read()` does.
   */
  widened(chunk: Buffer, bytes: number): Buffer | null {
    return isBlock(chunk) ? Buffer.from(chunk.buffer, chunk.byteOffset - bytes, chunk.length + bytes) : null;
  }

  /** Gives a chunk back, which nobody may read from then on. */
  release(chunk: Buffer): void {
    if (isBlock(chunk)) keep(Buffer.from(chunk.buffer));
  }
}

function isBlock(chunk: Buffer): boolean {
  return chunk.byteOffset === HEADROOM && ours.has(chunk.buffer);
}

function newBlock(): Buffer {
  const block = Buffer.allocUnsafeSlow(HEADROOM + BLOCK_BYTES);
  ours.add(block.buffer);
  return block;
}

function keep(block: Buffer): void {
  if (idle.length < IDLE_BLOCKS_MAX) idle.push(block);
}
