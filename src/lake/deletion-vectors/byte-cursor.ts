/** Bytes that do not conform to a format. Becomes SOURCE_FILE_CORRUPT once the file's name is known. */
export class MalformedBytes extends Error {
  override readonly name = 'MalformedBytes';
}

/** Reads little-endian numbers one after the other and never past the end. */
export class ByteCursor {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  uint16(): number {
    return this.#bytes.readUInt16LE(this.#advance(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  uint64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#advance(8));
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  uint16s(length: number): Uint16Array {
    const start = this.#advance(length * 2);
    return Uint16Array.from({ length }, (_, i) => this.#bytes.readUInt16LE(start + i * 2));
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (length > this.remaining) throw new MalformedBytes('it ends too early');
    this.#offset += length;
    return start;
  }
}
