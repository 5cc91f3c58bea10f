import { crc32, inflateRawSync } from 'node:zlib';
import { decompress as decompressZstandard } from 'fzstd';
import { MalformedBytes } from '../../deletion-vectors/byte-cursor.js';
import { AvroCursor } from './avro-cursor.js';
import { type AvroRecord, recordReader, type WantedFields } from './avro-reader.js';
import { type AvroType, parseAvroSchema } from './avro-schema.js';
import { decompressSnappy } from './snappy.js';

const MAGIC = Buffer.from('Obj\x01', 'latin1');
const SYNC_BYTES = 16;
/** Writers start a new block after some 64 KB. */
const BLOCK_BYTES_MAX = 256 * 1024 * 1024;

/** A compression of Avro files that cannot be undone here. */
export class UnknownCodec extends Error {
  override readonly name = 'UnknownCodec';
}

/** An Avro object container file, whole in memory (Avro specification, "Object Container Files"). */
export interface AvroFile {
  readonly schema: AvroType;
  /** What its header says besides. */
  readonly header: ReadonlyMap<string, string>;
  /**
   * Its records.
   * @throws MalformedBytes
   */
  records(wanted: WantedFields): Generator<AvroRecord>;
}

/**
 * Opens an Avro file.
 * @throws MalformedBytes, UnknownCodec
 */
export function openAvroFile(bytes: Buffer): AvroFile {
  const cursor = new AvroCursor(bytes);
  if (!cursor.fixed(Math.min(MAGIC.length, cursor.remaining)).equals(MAGIC))
    throw new MalformedBytes('it is no Avro file');
  const header = readHeader(cursor);
  const sync = cursor.fixed(SYNC_BYTES);
  const schema = parseAvroSchema(header.get('avro.schema') ?? '');
  const unpack = codecOf(header.get('avro.codec') ?? 'null');
  const start = cursor.offset;
  return {
    schema,
    header,
    *records(wanted) {
      const read = recordReader(schema, wanted);
      const blocks = new AvroCursor(bytes, start);
      while (blocks.remaining > 0) {
        const count = blocks.long();
        const block = new AvroCursor(unpack(blocks.bytes()));
        if (!blocks.fixed(SYNC_BYTES).equals(sync)) throw new MalformedBytes('a block does not end with its marker');
        for (let left = count; left > 0n; left--) yield read(block);
        if (block.remaining > 0) throw new MalformedBytes(`${block.remaining} bytes follow the last record of a block`);
      }
    },
  };
}

function readHeader(cursor: AvroCursor): ReadonlyMap<string, string> {
  const header = new Map<string, string>();
  for (let count = cursor.int(); count !== 0; count = cursor.int()) {
    if (count < 0) cursor.long();
    for (let left = Math.abs(count); left > 0; left--) header.set(cursor.string(), cursor.string());
  }
  return header;
}

function codecOf(name: string): (block: Buffer) => Buffer {
  switch (name) {
    case 'null':
      return (block) => block;
    case 'deflate':
      return (block) => unpacking(() => inflateRawSync(block, { maxOutputLength: BLOCK_BYTES_MAX }));
    case 'snappy':
      return unpackSnappy;
    case 'zstandard':
      return (block) => unpacking(() => Buffer.from(decompressZstandard(block)));
    default:
      throw new UnknownCodec(name);
  }
}

/** The CRC-32 of the result follows. */
function unpackSnappy(block: Buffer): Buffer {
  if (block.length < 4) throw new MalformedBytes('it ends too early');
  const result = decompressSnappy(block.subarray(0, -4), BLOCK_BYTES_MAX);
  if (crc32(result) !== block.readUInt32BE(block.length - 4)) throw new MalformedBytes('a CRC-32 does not match');
  return result;
}

function unpacking(unpack: () => Buffer): Buffer {
  try {
    return unpack();
  } catch (error) {
    throw new MalformedBytes(`a block cannot be decompressed (${(error as Error).message})`);
  }
}
