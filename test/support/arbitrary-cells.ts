import fc from 'fast-check';
import type { DataType, Field, PrimitiveKind } from '../../src/core/data-type.js';
import type { Cell } from './cell.js';

/** What COPY, CSV or JSON could misread. */
const TRICKY_TEXTS = [
  ...[
    '',
    ' ',
    '\\N',
    '\\.',
    '\\',
    '\\\\',
    '\\\\N',
    '\\n',
    'NULL',
    'null',
    '"',
    '""',
    "'",
    '\n',
    '\r\n',
    '\t',
    '\r',
    ',',
  ],
  ...[
    '\\u0000',
    '\\\\u0000',
    '\\\\\\u0000',
    '{"a":1}',
    '[',
    '\ufeffx',
    '\u2028',
    '\uffff',
    'e\u0301',
    '👩‍👩‍👧',
    '\b\f\u0001',
  ],
];

/** Postgres has no timestamp before 4714-11-24 BC. */
const MICROS = { min: -210_866_803_200_000_000n, max: 9_223_372_036_854_775_807n };
const MICROS_YEARS_1_TO_9999 = { min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n };
const DAYS = { min: -2_440_588n, max: 2_145_031_948n };

/**
 * Of most 32-bit floats there are several right texts, and JSON keeps the text: these few, and eighths, have one. All
 * other bits of a float take the way of a double.
 */
const FLOATS = [0.1, 1e-45, -1e-45, 3.4028235e38, -3.4028235e38, -0, 0, Number.NaN, Infinity, -Infinity].map(
  Math.fround,
);

const INTEGER_BITS = { byte: 8n, short: 16n, integer: 32n, long: 64n } as const;

const KEY_KINDS = [
  'string',
  'long',
  'integer',
  'boolean',
  'date',
  'timestamp',
  'timestamp_ntz',
  'double',
  'binary',
] as const;
const PRIMITIVE_KINDS = [...KEY_KINDS, 'short', 'byte', 'float'] as const;

const decimalType = fc
  .tuple(fc.integer({ min: 1, max: 38 }), fc.nat({ max: 38 }))
  .map(([precision, scale]): DataType => ({ kind: 'decimal', precision, scale: Math.min(precision, scale) }));

/** Names that SQL of the product uses itself. */
const TAKEN_NAMES = [
  'r',
  'f',
  'p',
  'd',
  'c0',
  'c1',
  'v0',
  'v1',
  'x0',
  'x1',
  'key',
  'value',
  'list',
  'files',
  'c',
  'Select',
];

const ODD_NAMES = [
  'with space',
  'quo"te',
  "it's",
  'back\\slash',
  'dot.ted',
  'ünï🦆',
  'a,b',
  '$1',
  '{x}',
  '-',
  'ab'.repeat(31),
];

/** A name of a column or member: 63 bytes are the most that Postgres takes. */
const fieldName = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9_]{0,5}$/),
  fc.constantFrom(...TAKEN_NAMES),
  fc.constantFrom(...ODD_NAMES),
);

function fields(type: fc.Arbitrary<DataType>, maxLength: number): fc.Arbitrary<Field[]> {
  const named = fc.tuple(fieldName, type);
  return fc
    .uniqueArray(named, { minLength: 1, maxLength, selector: ([name]) => name.toLowerCase() })
    .map((pairs) => pairs.map(([name, kind]) => ({ name, type: kind, nullable: true, physicalName: name })));
}

/** Any type that Parquet and Postgres both have, nested up to `depth` levels. */
function arbitraryType(depth: number): fc.Arbitrary<DataType> {
  const primitive = fc.oneof(
    fc.constantFrom<PrimitiveKind>(...PRIMITIVE_KINDS).map((kind): DataType => ({ kind })),
    decimalType,
  );
  if (depth === 0) return primitive;
  const inner = arbitraryType(depth - 1);
  const key = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<PrimitiveKind>(...KEY_KINDS).map((kind): DataType => ({ kind })) },
    { weight: 1, arbitrary: decimalType },
    { weight: 1, arbitrary: fields(decimalType, 2).map((members): DataType => ({ kind: 'struct', fields: members })) },
  );
  return fc.oneof(
    { weight: 2, arbitrary: primitive },
    { weight: 1, arbitrary: inner.map((element): DataType => ({ kind: 'array', element })) },
    { weight: 1, arbitrary: fc.tuple(key, inner).map(([k, value]): DataType => ({ kind: 'map', key: k, value })) },
    { weight: 1, arbitrary: fields(inner, 3).map((members): DataType => ({ kind: 'struct', fields: members })) },
  );
}

/** Columns of a table. */
export function arbitraryColumns(): fc.Arbitrary<Field[]> {
  return fields(arbitraryType(3), 6);
}

/**
 * A value of `type`, null now and then.
 * @param allowNul whether text may hold NUL characters
 */
export function arbitraryCell(type: DataType, allowNul: boolean): fc.Arbitrary<Cell> {
  return fc.option(presentCell(type, allowNul), { freq: 6 });
}

function presentCell(type: DataType, allowNul: boolean): fc.Arbitrary<Cell> {
  switch (type.kind) {
    case 'string':
      return text(allowNul);
    case 'boolean':
      return fc.boolean();
    case 'byte':
    case 'short':
    case 'integer':
    case 'long': {
      const limit = 2n ** (INTEGER_BITS[type.kind] - 1n);
      return extremes({ min: -limit, max: limit - 1n });
    }
    case 'float':
      return fc.oneof(eighths(), fc.constantFrom(...FLOATS));
    case 'double':
      return fc.double();
    case 'decimal': {
      const limit = 10n ** BigInt(type.precision) - 1n;
      return extremes({ min: -limit, max: limit }).map((unscaled) => decimalText(unscaled, type.scale));
    }
    case 'binary':
      return fc.uint8Array({ maxLength: 12 });
    case 'date':
      return extremes(DAYS);
    case 'timestamp':
    case 'timestamp_ntz':
      return fc.oneof(extremes(MICROS_YEARS_1_TO_9999), extremes(MICROS));
    case 'array':
      return fc.array(arbitraryCell(type.element, allowNul), { maxLength: 4 });
    case 'map':
      return fc.uniqueArray(fc.tuple(mapKey(type.key, allowNul), arbitraryCell(type.value, allowNul)), {
        maxLength: 3,
        selector: ([key]) => keyIdentity(key),
      });
    case 'struct':
      return fc.tuple(...type.fields.map((field) => arbitraryCell(field.type, allowNul)));
    default:
      throw new Error(`tests make no ${type.kind}`);
  }
}

/** The range with its ends and what is around zero more often than chance would have it. */
function extremes({ min, max }: { min: bigint; max: bigint }): fc.Arbitrary<bigint> {
  const near = [min, min + 1n, max - 1n, max, 0n, 1n, -1n].filter((value) => value >= min && value <= max);
  return fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(...near));
}

function text(allowNul: boolean): fc.Arbitrary<string> {
  const nul = allowNul ? ['\0', 'a\0b', '\0\0\\\0', '\\\0', '\\u0000\0'] : [];
  return fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }).map((any) => (allowNul ? any : any.replaceAll('\0', ''))),
    fc.constantFrom(...TRICKY_TEXTS, ...nul),
    fc.array(fc.constantFrom('\\', 'u0000', '"', '\n', ...nul), { maxLength: 6 }).map((parts) => parts.join('')),
  );
}

/** Of floating-point keys only those whose text everybody writes alike: it becomes the name of a JSON member. */
function mapKey(type: DataType, allowNul: boolean): fc.Arbitrary<Cell> {
  if (type.kind !== 'double') return presentCell(type, allowNul);
  return fc.oneof(eighths(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY));
}

function eighths(): fc.Arbitrary<number> {
  return fc.integer({ min: -80_000, max: 80_000 }).map((n) => (n === 0 ? 0 : n / 8));
}

/** Keys that are the same to JSON: stripping must not make two of them one. */
function keyIdentity(key: Cell): string {
  return JSON.stringify(key, (_, part) =>
    typeof part === 'bigint' ? String(part) : typeof part === 'number' ? String(part) : part,
  ).replaceAll('\\u0000', '');
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const split = digits.length - scale;
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, split)}${scale > 0 ? '.' : ''}${digits.slice(split)}`;
}
