import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { variantToJson } from '../../../../src/lake/variant/variant-json.js';
import { propertySeed } from '../../../support/property-seed.js';
import { encodeVariant, type VariantLayout, type VariantValue } from '../../../support/variant-encoder.js';

// Goal: every value that the Variant encoding knows becomes the JSON text that the documentation promises, in all
// layouts that a writer may choose, and bytes that are no variant are refused, never guessed.

function toJson(value: VariantValue, layout?: VariantLayout): string {
  const encoded = encodeVariant(value, layout);
  return variantToJson(encoded.metadata, encoded.value);
}

const string = (text: string): VariantValue => ({ kind: 'string', text });
const int = (value: bigint): VariantValue => ({ kind: 'int64', value });
const bytes = (hex: string) => Buffer.from(hex, 'hex');

const primitives: [VariantValue, string][] = [
  [{ kind: 'null' }, 'null'],
  [{ kind: 'true' }, 'true'],
  [{ kind: 'false' }, 'false'],
  [{ kind: 'int8', value: -128n }, '-128'],
  [{ kind: 'int16', value: 32767n }, '32767'],
  [{ kind: 'int32', value: -2147483648n }, '-2147483648'],
  [{ kind: 'int64', value: 9223372036854775807n }, '9223372036854775807'],
  [{ kind: 'int64', value: -9223372036854775808n }, '-9223372036854775808'],
  [{ kind: 'double', value: 0.1 }, '0.1'],
  [{ kind: 'double', value: 5e-324 }, '5e-324'],
  [{ kind: 'double', value: 1.7976931348623157e308 }, '1.7976931348623157e+308'],
  [{ kind: 'double', value: Number.NaN }, '"NaN"'],
  [{ kind: 'double', value: Number.NEGATIVE_INFINITY }, '"-Infinity"'],
  [{ kind: 'float', value: Math.fround(0.1) }, '0.1'],
  [{ kind: 'float', value: Math.fround(3.4028235e38) }, '3.4028235e+38'],
  [{ kind: 'float', value: Math.fround(1.4e-45) }, '1e-45'],
  [{ kind: 'float', value: 16777216 }, '16777216'],
  [{ kind: 'float', value: Number.POSITIVE_INFINITY }, '"Infinity"'],
  [{ kind: 'decimal4', unscaled: -5n, scale: 3 }, '-0.005'],
  [{ kind: 'decimal4', unscaled: 100n, scale: 2 }, '1.00'],
  [{ kind: 'decimal8', unscaled: 123456789012345678n, scale: 0 }, '123456789012345678'],
  [{ kind: 'decimal8', unscaled: -(10n ** 18n) + 1n, scale: 18 }, `-0.${'9'.repeat(18)}`],
  [{ kind: 'decimal16', unscaled: -(10n ** 38n) + 1n, scale: 38 }, `-0.${'9'.repeat(38)}`],
  [{ kind: 'decimal16', unscaled: 10n ** 37n, scale: 10 }, `1${'0'.repeat(27)}.${'0'.repeat(10)}`],
  [{ kind: 'date', days: 0 }, '"1970-01-01"'],
  [{ kind: 'date', days: -719162 }, '"0001-01-01"'],
  [{ kind: 'date', days: -719163 }, '"0000-12-31"'],
  [{ kind: 'date', days: -719529 }, '"-000001-12-31"'],
  [{ kind: 'date', days: 2932897 }, '"+010000-01-01"'],
  [{ kind: 'date', days: 11016 }, '"2000-02-29"'],
  [{ kind: 'timestamp', value: -1n }, '"1969-12-31T23:59:59.999999Z"'],
  [{ kind: 'timestamp', value: 1_709_208_000_000_000n }, '"2024-02-29T12:00:00Z"'],
  [{ kind: 'timestampNtz', value: 1_709_208_000_100_000n }, '"2024-02-29T12:00:00.1"'],
  [{ kind: 'timestampNanos', value: 1_709_208_000_000_000_001n }, '"2024-02-29T12:00:00.000000001Z"'],
  [{ kind: 'timestampNtzNanos', value: -1n }, '"1969-12-31T23:59:59.999999999"'],
  [{ kind: 'time', value: 86_399_999_999n }, '"23:59:59.999999"'],
  [{ kind: 'time', value: 0n }, '"00:00:00"'],
  [{ kind: 'binary', bytes: bytes('') }, '""'],
  [{ kind: 'binary', bytes: bytes('00ff10') }, '"AP8Q"'],
  [{ kind: 'uuid', bytes: bytes('f24f9b6481fa49d1b74e8c09a6e31c56') }, '"f24f9b64-81fa-49d1-b74e-8c09a6e31c56"'],
  [{ kind: 'shortString', text: '' }, '""'],
  [{ kind: 'shortString', text: 'é'.repeat(31) }, `"${'é'.repeat(31)}"`],
  [string('quote " slash \\ \n \u0001 🦆 \0'), '"quote \\" slash \\\\ \\n \\u0001 🦆 \\u0000"'],
  [string('x'.repeat(100_000)), `"${'x'.repeat(100_000)}"`],
];

describe('variantToJson', () => {
  for (const [value, json] of primitives) {
    it(`prints a ${value.kind}: ${json.slice(0, 40)}`, () => {
      expect(toJson(value)).toBe(json);
    });
  }

  it('prints nested values, members by name', () => {
    const inner: VariantValue = {
      kind: 'object',
      members: [
        ['z', int(1n)],
        ['a', { kind: 'array', items: [] }],
      ],
    };
    const value: VariantValue = {
      kind: 'object',
      members: [
        ['b', { kind: 'array', items: [inner, string('x'), { kind: 'null' }] }],
        ['é"', { kind: 'object', members: [] }],
      ],
    };
    expect(toJson(value)).toBe('{"b":[{"a":[],"z":1},"x",null],"é\\"":{}}');
  });

  it('reads every width of offsets, ids and counts', () => {
    const value: VariantValue = {
      kind: 'object',
      members: [
        ['a', { kind: 'array', items: [int(1n), int(2n)] }],
        ['b', string('c')],
      ],
    };
    for (const offsetBytes of [1, 2, 3, 4] as const) {
      for (const idBytes of [1, 2, 3, 4] as const) {
        for (const isLarge of [false, true]) {
          expect(toJson(value, { offsetBytes, idBytes, isLarge })).toBe('{"a":[1,2],"b":"c"}');
        }
      }
    }
  });

  it('reads more members and elements than a byte can count', () => {
    const layout = { offsetBytes: 3, idBytes: 2, isLarge: true } as const;
    const numbers = Array.from({ length: 1000 }, (_, n) => n);
    const items = numbers.map((n) => int(BigInt(n)));
    expect(JSON.parse(toJson({ kind: 'array', items }, layout))).toEqual(numbers);
    const members = numbers.map((n) => [`m${n}`, int(BigInt(n))] as const);
    expect(JSON.parse(toJson({ kind: 'object', members }, layout))).toEqual(
      Object.fromEntries(numbers.map((n) => [`m${n}`, n])),
    );
  });

  it('keeps text, structure and every digit of random values', () => {
    const seed = propertySeed('variant');
    fc.assert(
      fc.property(modelled, ({ value, json }) => {
        expect(toJson(value)).toBe(json);
      }),
      { seed },
    );
  });

  const sample = encodeVariant({
    kind: 'object',
    members: [['name', { kind: 'array', items: [string('text'), int(7n)] }]],
  });

  it('refuses metadata of another version', () => {
    const metadata = Buffer.from(sample.metadata);
    metadata.writeUInt8((metadata.readUInt8(0) & 0xf0) | 2, 0);
    expect(() => variantToJson(metadata, sample.value)).toThrow('metadata version 2');
  });

  it('refuses values that are cut short, wherever', () => {
    for (let length = 0; length < sample.value.length; length++) {
      expect(() => variantToJson(sample.metadata, sample.value.subarray(0, length)), `${length} bytes`).toThrow();
    }
    for (let length = 0; length < sample.metadata.length; length++) {
      expect(() => variantToJson(sample.metadata.subarray(0, length), sample.value), `${length} bytes`).toThrow();
    }
  });

  it('refuses a field id that the dictionary does not have', () => {
    const { metadata } = encodeVariant({ kind: 'null' });
    expect(() => variantToJson(metadata, sample.value)).toThrow('field id 0 of 0');
  });

  it('refuses primitive types that it does not know', () => {
    for (const type of [21, 40, 63]) {
      expect(() => variantToJson(sample.metadata, Buffer.from([type << 2]))).toThrow(`primitive type ${type}`);
    }
  });

  it('refuses nesting without end instead of overflowing', () => {
    // An array of one element that lies at the array's own start would be endless; a finite one of 100,000 levels is near.
    const depth = 100_000;
    const layers = Array.from({ length: depth }, (_, n) => {
      const layer = Buffer.from([3 | (3 << 2), 1, 0, 0, 0, 0, 0, 0, 0, 0]);
      layer.writeUInt32LE((depth - n) * 10, 6);
      return layer;
    });
    expect(() => variantToJson(sample.metadata, Buffer.concat([...layers, Buffer.from([0])]))).toThrow('nested deeper');
  });
});

/** A value with the JSON text that it shall have. */
interface Modelled {
  readonly value: VariantValue;
  readonly json: string;
}

const leaf: fc.Arbitrary<Modelled> = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => ({ value: int(n), json: String(n) })),
  fc.string({ unit: 'binary' }).map((text) => ({ value: string(text), json: JSON.stringify(text) })),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((n) => ({ value: { kind: 'double', value: n } as const, json: String(n) })),
  fc.constantFrom<Modelled>({ value: { kind: 'null' }, json: 'null' }, { value: { kind: 'true' }, json: 'true' }),
);

const { modelled } = fc.letrec<{ modelled: Modelled }>((tie) => ({
  modelled: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'variant' },
    leaf,
    fc.array(tie('modelled'), { maxLength: 5 }).map((items) => ({
      value: { kind: 'array', items: items.map(({ value }) => value) } as const,
      json: `[${items.map(({ json }) => json)}]`,
    })),
    fc
      .uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), tie('modelled')), {
        maxLength: 5,
        selector: ([name]) => name,
      })
      .map((members) => ({
        value: { kind: 'object', members: members.map(([name, { value }]) => [name, value] as const) } as const,
        json: `{${[...members].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map(([name, { json }]) => `${JSON.stringify(name)}:${json}`)}}`,
      })),
  ),
}));
