import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DeletionVector, POSITIONS_PER_CHUNK } from '../../../../../src/lake/deletion-vectors/deletion-vector.js';
import { decodeDeletionVector } from '../../../../../src/lake/deletion-vectors/roaring-bitmap.js';
import { readDeletionVector } from '../../../../../src/lake/delta/deletion-vectors/deletion-vector-reader.js';
import { decodeZ85 } from '../../../../../src/lake/delta/deletion-vectors/z85.js';
import type { DeletionVectorDescriptor } from '../../../../../src/lake/delta/log/action.js';
import { localFileStore } from '../../../../../src/lake/storage/local-file-store.js';
import { DeltaLogFolder, TABLE_NAME } from '../../../../support/delta-log-folder.js';
import { encodeVector } from '../../../../support/roaring-encoder.js';

// Goal: a vector is found wherever its descriptor says, gives its positions exactly, and is refused when anything that
// is stated about it is not so.

// Z85 and UUID of one name, from the protocol's text ("Deletion Vector Descriptor", examples).
const NAME_Z85 = '^-aqEH.-t@S}K{vb[*k^';
const NAME = 'deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin';

function positionsOf(vector: DeletionVector): bigint[] {
  return [...vector.positions()].flatMap((chunk) => [...chunk]);
}

/** The file framing: version, then for each blob its size, itself and its CRC. Gives the offsets too. */
function vectorFile(...blobs: Buffer[]): { bytes: Buffer; offsets: number[] } {
  const parts: Buffer[] = [Buffer.from([1])];
  const offsets: number[] = [];
  let length = 1;
  for (const blob of blobs) {
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(blob.length, 0);
    frame.writeUInt32BE(crc32(blob), 4);
    parts.push(frame.subarray(0, 4), blob, frame.subarray(4));
    offsets.push(length);
    length += blob.length + 8;
  }
  return { bytes: Buffer.concat(parts), offsets };
}

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

function encodeZ85(bytes: Buffer): string {
  const padded = Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  let text = '';
  for (let i = 0; i < padded.length; i += 4) {
    const word = padded.readUInt32BE(i);
    for (let power = 4; power >= 0; power--) text += ALPHABET[Math.floor(word / 85 ** power) % 85];
  }
  return text;
}

interface Stored extends Disposable {
  readonly root: string;
  read(parts?: Partial<DeletionVectorDescriptor>): Promise<DeletionVector>;
}

/** A table folder with one vector file, and the reader of its last blob. */
function store(options: { blobs: Buffer[]; name?: string; spoil?: (bytes: Buffer) => Buffer }): Stored {
  const folder = new DeltaLogFolder();
  const { bytes, offsets } = vectorFile(...options.blobs);
  const file = path.join(folder.root, options.name ?? NAME);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, options.spoil?.(bytes) ?? bytes);
  const plain: DeletionVectorDescriptor = {
    storageType: 'u',
    pathOrInlineDv: NAME_Z85,
    offset: offsets.at(-1) ?? 1,
    sizeInBytes: options.blobs.at(-1)?.length ?? 0,
    cardinality: 3n,
  };
  return {
    root: folder.root,
    read: (parts = {}) => read(folder.root, { ...plain, ...parts }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

function read(root: string, descriptor: DeletionVectorDescriptor): Promise<DeletionVector> {
  return readDeletionVector({ store: localFileStore, root, tableName: TABLE_NAME, dataFile: 'f.parquet', descriptor });
}

const three = encodeVector([1n, 5n, 70000n]);

describe('storage', () => {
  it('finds a relative vector by its UUID', async () => {
    using stored = store({ blobs: [three] });
    expect(positionsOf(await stored.read())).toEqual([1n, 5n, 70000n]);
  });

  it('finds the second vector of a file by its offset', async () => {
    using stored = store({ blobs: [encodeVector([9n]), three] });
    expect(positionsOf(await stored.read())).toEqual([1n, 5n, 70000n]);
  });

  it('finds a vector in a prefix folder, whose name is plain text', async () => {
    using stored = store({ blobs: [three], name: `a%20b/${NAME}` });
    expect((await stored.read({ pathOrInlineDv: `a%20b${NAME_Z85}` })).cardinality).toBe(3n);
  });

  it('finds a vector by its absolute URI', async () => {
    using stored = store({ blobs: [three], name: 'sub dir/v.bin' });
    const pathOrInlineDv = `file://${stored.root}/sub%20dir/v.bin`;
    expect((await stored.read({ storageType: 'p', pathOrInlineDv })).cardinality).toBe(3n);
  });

  it('finds a vector whose file has a prefix before its name', async () => {
    using stored = store({ blobs: [three], name: `test%dv%prefix-${NAME}` });
    expect((await stored.read()).cardinality).toBe(3n);
  });

  it('decodes an inline vector and cuts it to its size', async () => {
    const descriptor = { storageType: 'i', offset: null, sizeInBytes: three.length, cardinality: 3n } as const;
    expect(three.length % 4).not.toBe(0);
    const vector = await read('/nowhere', { ...descriptor, pathOrInlineDv: encodeZ85(three) });
    expect(positionsOf(vector)).toEqual([1n, 5n, 70000n]);
  });

  it('reads an empty vector', async () => {
    using stored = store({ blobs: [encodeVector([])] });
    expect(positionsOf(await stored.read({ cardinality: 0n }))).toEqual([]);
  });
});

describe('damage', () => {
  it('names a missing file', async () => {
    using stored = store({ blobs: [three], name: 'other.bin' });
    await expect(stored.read()).rejects.toMatchObject({
      code: 'SOURCE_FILE_MISSING',
      message: expect.stringContaining(NAME),
    });
  });

  it.each<[string, RegExp, (bytes: Buffer) => Buffer]>([
    ['another file version', /version 2/, (bytes) => Buffer.concat([Buffer.from([2]), bytes.subarray(1)])],
    ['another size', /bytes, the log says/, (bytes) => flip(bytes, 4)],
    ['a flipped bit', /CRC-32/, (bytes) => flip(bytes, 20)],
    ['a flipped bit of the checksum', /CRC-32/, (bytes) => flip(bytes, bytes.length - 1)],
    ['a cut end', /ends too early/, (bytes) => bytes.subarray(0, -1)],
    ['nothing', /ends too early/, () => Buffer.alloc(0)],
  ])('refuses %s and names both files', async (_, reason, spoil) => {
    using stored = store({ blobs: [three], spoil });
    await expect(stored.read()).rejects.toMatchObject({
      code: 'SOURCE_FILE_CORRUPT',
      message: expect.stringMatching(new RegExp(`${NAME}.*f\\.parquet.*${reason.source}`)),
    });
  });

  it.each<[string, Partial<DeletionVectorDescriptor>]>([
    ['cardinality', { cardinality: 4n }],
    ['size', { sizeInBytes: 10 }],
    ['offset', { offset: null }],
    ['size beyond any file', { sizeInBytes: 2 ** 40 }],
  ])('refuses a descriptor with another %s', async (_, parts) => {
    using stored = store({ blobs: [three] });
    await expect(stored.read(parts)).rejects.toMatchObject({ code: 'SOURCE_FILE_CORRUPT' });
  });

  it('refuses the older layout by its magic number', async () => {
    // The inline sample in the text of the protocol.
    const pathOrInlineDv = 'wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L';
    const descriptor = { storageType: 'i', pathOrInlineDv, offset: null, sizeInBytes: 40, cardinality: 6n } as const;
    await expect(read('/nowhere', descriptor)).rejects.toMatchObject({
      code: 'SOURCE_FILE_CORRUPT',
      message: expect.stringContaining('magic'),
    });
    await expect(decodeMagic(encodeVector([1n], 'none', 1681511376))).rejects.toThrow('1681511376');
  });

  it.each([
    ['too short for its size', encodeZ85(three).slice(0, -5)],
    ['no Z85', `${encodeZ85(three).slice(0, -1)}~`],
    ['not a multiple of five', encodeZ85(three).slice(0, -1)],
  ])('refuses an inline vector that is %s', async (_, pathOrInlineDv) => {
    const descriptor = {
      storageType: 'i',
      pathOrInlineDv,
      offset: null,
      sizeInBytes: three.length,
      cardinality: 3n,
    } as const;
    await expect(read('/nowhere', descriptor)).rejects.toMatchObject({
      code: 'SOURCE_FILE_CORRUPT',
      message: expect.stringContaining('f.parquet'),
    });
  });

  it.each(['short', `${NAME_Z85.slice(0, -1)}~`])('refuses the name %s', async (pathOrInlineDv) => {
    using stored = store({ blobs: [three] });
    await expect(stored.read({ pathOrInlineDv })).rejects.toMatchObject({ code: 'DELTA_LOG_CORRUPT' });
  });
});

async function decodeMagic(blob: Buffer): Promise<DeletionVector> {
  return decodeDeletionVector(blob);
}

function flip(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}

describe('bitmap', () => {
  const u16 = (...values: number[]) => values.flatMap((value) => [value & 0xff, value >> 8]);
  const u32 = (value: number) => [...u16(value & 0xffff), ...u16(value >>> 16)];
  const blob = (...bytes: number[]) => Buffer.from([...u32(1681511377), ...u32(1), ...u32(0), ...u32(0), ...bytes]);
  const arrayOf = (cardinality: number, ...values: number[]) =>
    blob(...u32(12346), ...u32(1), ...u16(0, cardinality - 1), ...u32(16), ...u16(...values));
  const runsOf = (cardinality: number, ...pairs: number[]) =>
    blob(...u32(12347), 1, ...u16(0, cardinality - 1), ...u16(pairs.length / 2, ...pairs));

  it('reads hand-written array and run containers', () => {
    expect(positionsOf(decodeDeletionVector(arrayOf(2, 3, 65535)))).toEqual([3n, 65535n]);
    expect(positionsOf(decodeDeletionVector(runsOf(4, 0, 1, 65534, 1)))).toEqual([0n, 1n, 65534n, 65535n]);
  });

  it.each([
    ['an array out of order', arrayOf(2, 5, 3)],
    ['an array with a value twice', arrayOf(2, 5, 5)],
    ['overlapping runs', runsOf(5, 0, 2, 2, 1)],
    ['a run past the container', runsOf(3, 65534, 2)],
    ['runs of another number of positions', runsOf(9, 0, 1)],
    ['an unknown cookie', blob(...u32(4711))],
    ['more containers than there can be', blob(...u32(12346), ...u32(65537))],
    ['a cut array', arrayOf(2, 5)],
    ['bytes behind the last container', Buffer.concat([arrayOf(1, 5), Buffer.alloc(1)])],
    ['more buckets than bytes', Buffer.from([...u32(1681511377), ...u32(0xffffffff), ...u32(0xffffffff)])],
    [
      'a bitmap of another number of positions',
      Buffer.concat([blob(...u32(12346), ...u32(1), ...u16(0, 4999), ...u32(16)), Buffer.alloc(8192, 1)]),
    ],
    [
      'containers out of order',
      blob(...u32(12346), ...u32(2), ...u16(1, 0, 0, 0), ...u32(24), ...u32(26), ...u16(1, 1)),
    ],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeDeletionVector(bytes)).toThrow(expect.objectContaining({ name: 'MalformedBytes' }));
  });

  it('delivers chunks of bounded size', () => {
    const all = Array.from({ length: POSITIONS_PER_CHUNK * 2 + 1 }, (_, i) => BigInt(i) * 3n);
    const chunks = [...decodeDeletionVector(encodeVector(all)).positions()];
    expect(chunks.map((chunk) => chunk.length)).toEqual([POSITIONS_PER_CHUNK, POSITIONS_PER_CHUNK, 1]);
    expect(chunks.flatMap((chunk) => [...chunk])).toEqual(all);
  });

  it('has no positions when empty', () => {
    const empty = DeletionVector.empty();
    expect([empty.cardinality, positionsOf(empty), empty.contains(0n)]).toEqual([0n, [], false]);
  });
});

it('decodes Z85', () => {
  expect(decodeZ85('HelloWorld')?.toString('hex')).toBe('864fd26fb559f75b');
  expect(decodeZ85('%nSc1')).toBeNull();
  // A last group that is short, padded with `#` in front.
  expect(decodeZ85('Hello##093')?.toString('hex')).toBe('864fd26f0300');
  expect(decodeZ85('##093Hello')).toBeNull();
  expect(decodeZ85('##zzz')).toBeNull();
});
