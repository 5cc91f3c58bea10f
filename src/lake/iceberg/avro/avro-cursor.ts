import { MalformedBytes } from '../../deletion-vectors/byte-cursor.js';

/** Reads the primitive values of Avro's binary encoding one after the other and never past the end. */
export class AvroCursor {
  readonly #bytes: Buffer;
  #offset: number;

  constructor(bytes: Buffer, offset = 0) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  get offset(): number {
    return this.#offset;
  }

  boolean(): boolean {
    const byte = this.#bytes[this.#advance(1)];
    if (byte !== 0 && byte !== 1) throw new MalformedBytes(`${byte} is no boolean`);
    return byte === 1;
  }

  /** A whole number of at most 64 bits, in zigzag form. */
  long(): bigint {
    const value = this.#varint();
    return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
  }

  /** A whole number that is a count, a size or an `int`. */
  int(): number {
    const value = this.long();
    if (value < -0x80000000n || value > 0x7fffffffn) throw new MalformedBytes(`${value} is no 32-bit number`);
    return Number(value);
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#advance(4));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#advance(8));
  }

  /** A view, not a copy. */
  fixed(length: number): Buffer {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Bytes that are preceded by their length. A view, not a copy. */
  bytes(): Buffer {
    return this.fixed(this.int());
  }

  string(): string {
    return this.bytes().toString('utf8');
  }

  #varint(): bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#advance(1)] ?? 0;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#advance(1)] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new MalformedBytes('a number has more than 64 bits');
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (length < 0 || length > this.remaining) throw new MalformedBytes('it ends too early');
    this.#offset += length;
    return start;
  }
}
