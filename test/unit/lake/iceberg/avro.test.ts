import avro from 'avsc';
import { snappyUncompress } from 'hyparquet';
import { expect, it } from 'vitest';
import { MalformedBytes } from '../../../../src/lake/deletion-vectors/byte-cursor.js';
import { openAvroFile, UnknownCodec } from '../../../../src/lake/iceberg/avro/avro-file.js';
import type { WantedFields } from '../../../../src/lake/iceberg/avro/avro-reader.js';
import { decompressSnappy } from '../../../../src/lake/iceberg/avro/snappy.js';
import { parseLosslessJson } from '../../../../src/lake/iceberg/metadata/lossless-json.js';
import { type AvroCodec, avroFile } from '../../../support/avro-writer.js';

// Goal: Avro files come out as avsc wrote them, numbers of 64 bits exactly; what is damaged is refused.

const schema = {
  type: 'record',
  name: 'r',
  fields: [
    { name: 'skipped', type: ['null', { type: 'map', values: 'bytes' }] },
    { name: 'long', type: 'long', 'field-id': 7 },
    { name: 'int', type: 'int' },
    { name: 'double', type: 'double' },
    { name: 'float', type: 'float' },
    { name: 'flag', type: 'boolean' },
    { name: 'text', type: ['null', 'string'] },
    { name: 'fixed', type: { type: 'fixed', name: 'f3', size: 3 } },
    { name: 'again', type: 'f3' },
    { name: 'word', type: { type: 'enum', name: 'w', symbols: ['A', 'B'] } },
    {
      name: 'list',
      type: { type: 'array', items: { type: 'record', name: 'i', fields: [{ name: 'n', type: 'long' }] } },
    },
    { name: 'inner', type: { type: 'record', name: 'p', fields: ['a', 'b'].map((name) => ({ name, type: 'int' })) } },
  ],
};
const all: WantedFields = Object.fromEntries(schema.fields.slice(1).map(({ name }) => [name, true as const]));
const longs = [0n, -1n, 63n, 64n, -65n, 2n ** 31n, -(2n ** 33n), 2n ** 62n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const records = longs.map((long, index) => ({
  skipped: index % 2 ? null : { a: Buffer.from([1, 2, 3]), b: Buffer.alloc(300) },
  long,
  int: (index - 5) * 100_000_000,
  double: index / 3,
  float: Math.fround(index / 3),
  flag: index % 2 === 0,
  text: index % 3 ? `text ${index} – ü`.repeat(index * 10) : null,
  fixed: Buffer.from([index, 0, 255]),
  again: Buffer.from([255, 0, index]),
  word: index % 2 ? 'A' : 'B',
  list: Array.from({ length: index }, (_, n) => ({ n: n * 1000 })),
  inner: { a: index, b: 7 - index },
}));
const expected = records.map(({ skipped, list, ...record }) => ({
  ...record,
  list: list.map(({ n }) => ({ n: BigInt(n) })),
}));

it.each<AvroCodec>(['null', 'deflate', 'snappy', 'zstandard'])('reads all values, codec %s', (codec) => {
  const file = openAvroFile(avroFile({ schema, records, codec, header: { about: 'this' }, blockRecords: 4 }));
  expect([...file.records(all)]).toEqual(expected);
  expect([...file.records({ inner: { b: true } })]).toEqual(records.map(({ inner: { b } }) => ({ inner: { b } })));
  expect(file.header.get('about')).toBe('this');
});

it('reads frames of the zstd program', () => {
  const text = Array.from({ length: 400 }, (_, n) => `text ${n % 7} and more\n`).join('');
  const block = Buffer.from(
    'KLUv/QRgbQEAwIBkdGV4dCAwIGFuZCBtb3JlCjEyMzQ1NgggkGPjiDj3oLuOdbK7jqWFaW0YGBcOGA==',
    'base64',
  );
  const head = avroFile({
    schema: { type: 'record', name: 'r', fields: [{ name: 'text', type: 'string' }] },
    records: [],
    codec: 'zstandard',
  });
  const long = avro.Type.forSchema('long');
  const whole = Buffer.concat([head, long.toBuffer(1), long.toBuffer(block.length), block, head.subarray(-16)]);
  expect([...openAvroFile(whole).records({ text: true })]).toEqual([{ text }]);
  const half = block.subarray(0, 30);
  const broken = Buffer.concat([head, long.toBuffer(1), long.toBuffer(half.length), half, head.subarray(-16)]);
  expect(() => [...openAvroFile(broken).records({ text: true })]).toThrow(MalformedBytes);
});

it('refuses what is damaged, and never reads past the end', () => {
  const bytes = avroFile({ schema, records, codec: 'deflate' });
  for (let length = 0; length < bytes.length; length += 7) {
    expect(() => [...openAvroFile(bytes.subarray(0, length)).records(all)], `${length}`).toThrow(MalformedBytes);
  }
  const plain = avroFile({ schema, records });
  for (let at = 4; at < plain.length; at += 11) {
    const changed = Buffer.from(plain);
    changed[at] = (changed[at] ?? 0) ^ 0x55;
    try {
      [...openAvroFile(changed).records(all)];
    } catch (error) {
      const isKnown = error instanceof MalformedBytes || error instanceof UnknownCodec;
      expect(isKnown, `byte ${at}: ${error}`).toBe(true);
    }
  }
});

it('decompresses Snappy as another reader does, copies that overlap included', () => {
  // "abcd" as a literal; copies of 1, 2 and 4 bytes of offset; then a literal whose length takes a byte.
  const long = Buffer.alloc(100, 'z');
  const block = Buffer.concat([
    Buffer.from([4 + 7 + 20 + 5 + 100]),
    Buffer.from([(4 - 1) << 2]),
    Buffer.from('abcd'),
    Buffer.from([((7 - 4) << 2) | 1, 1]),
    Buffer.from([((20 - 1) << 2) | 2, 4, 0]),
    Buffer.from([((5 - 1) << 2) | 3, 11, 0, 0, 0]),
    Buffer.from([60 << 2, 99]),
    long,
  ]);
  // The length takes two bytes.
  const input = Buffer.concat([Buffer.from([136, 1]), block.subarray(1)]);
  const theirs = new Uint8Array(136);
  snappyUncompress(input, theirs);
  expect(decompressSnappy(input, 1000)).toEqual(Buffer.from(theirs));
  expect(decompressSnappy(input, 1000).toString('latin1')).toMatch(/^abcdddddddd/);
  expect(() => decompressSnappy(input, 100)).toThrow(MalformedBytes);
  for (let length = 0; length < input.length; length++) {
    expect(() => decompressSnappy(input.subarray(0, length), 1000)).toThrow(MalformedBytes);
  }
  const outside = Buffer.from([4, 0, 97, (3 << 2) | 2, 9, 0]);
  expect(() => decompressSnappy(outside, 1000)).toThrow('a copy leads outside');
});

it('keeps whole numbers of 64 bits in JSON, and leaves all else as it is', () => {
  const text = `{"id": 2164816796493460948, "min":-9223372036854775808, "s": "1234567890123456789 \\" 9007199254740993",
    "d": 0.12345678901234568000, "e": 1e21, "n": 999999999999999, "a": [12345678901234567890]}`;
  expect(parseLosslessJson(text)).toEqual({
    id: '2164816796493460948',
    min: '-9223372036854775808',
    s: '1234567890123456789 " 9007199254740993',
    d: 0.12345678901234568,
    e: 1e21,
    n: 999_999_999_999_999,
    a: ['12345678901234567890'],
  });
});
