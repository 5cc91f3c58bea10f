import { MalformedBytes } from '../../deletion-vectors/byte-cursor.js';

/**
 * Decompresses a Snappy block (its format description): the length of the result, then literals and copies of what is
 * there already.
 * @param lengthMax of the result
 * @throws MalformedBytes
 */
export function decompressSnappy(input: Buffer, lengthMax: number): Buffer {
  const { value: length, next } = resultLength(input);
  if (length > lengthMax) throw new MalformedBytes(`a block of it unpacks to ${length} bytes`);
  const output = Buffer.alloc(length);
  let from = next;
  let filled = 0;
  while (from < input.length) {
    const tag = input[from++] ?? 0;
    if ((tag & 3) === 0) {
      const extra = (tag >> 2) - 59;
      const size = (extra > 0 ? littleEndian(input, from, extra) : tag >> 2) + 1;
      if (extra > 0) from += extra;
      if (from + size > input.length || filled + size > length) throw new MalformedBytes('a literal is too long');
      input.copy(output, filled, from, from + size);
      from += size;
      filled += size;
      continue;
    }
    const bytes = [0, 1, 2, 4][tag & 3] ?? 0;
    const low = littleEndian(input, from, bytes);
    from += bytes;
    const isShort = bytes === 1;
    const size = isShort ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const offset = isShort ? ((tag >> 5) << 8) | low : low;
    if (offset === 0 || offset > filled || filled + size > length) throw new MalformedBytes('a copy leads outside');
    // One by one: a copy may read what it writes.
    for (const end = filled + size; filled < end; filled++) output[filled] = output[filled - offset] ?? 0;
  }
  if (filled !== length) throw new MalformedBytes(`a block of it has ${filled} of ${length} bytes`);
  return output;
}

function resultLength(input: Buffer): { value: number; next: number } {
  let value = 0;
  for (let next = 0; next < 5; next++) {
    const byte = input[next];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * next);
    if (byte < 0x80) return { value, next: next + 1 };
  }
  throw new MalformedBytes('a block of it does not begin with its length');
}

function littleEndian(input: Buffer, from: number, bytes: number): number {
  if (from + bytes > input.length) throw new MalformedBytes('it ends too early');
  return input.readUIntLE(from, bytes);
}
