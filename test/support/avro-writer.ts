import { crc32, deflateRawSync } from 'node:zlib';
import avro from 'avsc';

export type AvroCodec = 'null' | 'deflate' | 'snappy' | 'zstandard' | 'bzip2';

/** 64-bit numbers as bigints: avsc's own are numbers. */
const longType = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint | number) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(BigInt(value));
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint' || Number.isSafeInteger(value),
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

const headerType = avro.Type.forSchema({
  type: 'record',
  name: 'Header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'Magic', size: 4 } },
    { name: 'meta', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'Sync', size: 16 } },
  ],
});

export interface AvroFileContent {
  /** As it stands in the header: attributes that Avro does not know are kept. */
  readonly schema: object;
  readonly records: readonly object[];
  readonly codec?: AvroCodec;
  readonly header?: Readonly<Record<string, string>>;
  /** Records of a block; default: all in one. */
  readonly blockRecords?: number;
}

/** The bytes of an Avro object container file, whose records avsc encodes. */
export function avroFile({ schema, records, codec = 'null', header = {}, blockRecords }: AvroFileContent): Buffer {
  const type = avro.Type.forSchema(schema as avro.Schema, { registry: { long: longType } });
  const sync = Buffer.from('0123456789abcdef');
  const texts = { ...header, 'avro.schema': JSON.stringify(schema), 'avro.codec': codec };
  const meta = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]));
  const parts = [headerType.toBuffer({ magic: Buffer.from('Obj\x01', 'latin1'), meta, sync })];
  const size = blockRecords ?? Math.max(1, records.length);
  for (let from = 0; from < records.length; from += size) {
    const some = records.slice(from, from + size);
    const block = compressed(codec, Buffer.concat(some.map((record) => type.toBuffer(record))));
    parts.push(longType.toBuffer(some.length), longType.toBuffer(block.length), block, sync);
  }
  return Buffer.concat(parts);
}

function compressed(codec: AvroCodec, bytes: Buffer): Buffer {
  if (codec === 'deflate') return deflateRawSync(bytes);
  if (codec === 'snappy') {
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc32(bytes));
    return Buffer.concat([snappyLiterals(bytes), checksum]);
  }
  return codec === 'zstandard' ? zstandardFrame(bytes) : bytes;
}

/** Nothing but literals of up to 60 bytes. */
function snappyLiterals(bytes: Buffer): Buffer {
  const parts = [varint(bytes.length)];
  for (let from = 0; from < bytes.length; from += 60) {
    const some = bytes.subarray(from, from + 60);
    parts.push(Buffer.from([(some.length - 1) << 2]), some);
  }
  return Buffer.concat(parts);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) | 128);
  }
}

/** A frame of raw blocks of at most 64 KiB. */
function zstandardFrame(bytes: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt32LE(0xfd2fb528, 0);
  // A single segment, whose size follows in four bytes.
  head.writeUInt8(0b10100000, 4);
  head.writeUInt32LE(bytes.length, 5);
  const parts: Buffer[] = [head];
  const step = 64 * 1024;
  for (let from = 0; from === 0 || from < bytes.length; from += step) {
    const some = bytes.subarray(from, from + step);
    const block = Buffer.alloc(3);
    block.writeUIntLE((some.length << 3) | Number(from + step >= bytes.length), 0, 3);
    parts.push(block, some);
  }
  return Buffer.concat(parts);
}
