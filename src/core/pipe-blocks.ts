import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { Readable } from 'node:stream';
import { BLOCK_BYTES, releaseBlock, takeBlock } from './blocks.js';

/**
 * The bytes of a pipe, in blocks that are used again when their consumer has released them (`releaseBlock`). A consumer
 * that keeps its chunks, such as a `pipeline`, releases none.
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
    this.#next = takeBlock();
    return this.#next;
  }

  /** @returns whether to read on */
  #take(length: number): boolean {
    const block = this.#next;
    this.#next = null;
    return block !== null && this.push(block.subarray(0, length));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const finish = () => {
      if (this.#next) releaseBlock(this.#next);
      this.#next = null;
      done(error);
    };
    if (this.#socket.closed) finish();
    else this.#socket.once('close', finish).destroy();
  }
}
