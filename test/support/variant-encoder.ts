/** A value of a variant, with the encoding that it shall have. */
export type VariantValue =
  | { readonly kind: 'null' | 'true' | 'false' }
  | { readonly kind: 'int8' | 'int16' | 'int32' | 'int64'; readonly value: bigint }
  | { readonly kind: 'float' | 'double'; readonly value: number }
  | { readonly kind: 'decimal4' | 'decimal8' | 'decimal16'; readonly unscaled: bigint; readonly scale: number }
  | { readonly kind: 'date'; readonly days: number }
  | {
      readonly kind: 'timestamp' | 'timestampNtz' | 'time' | 'timestampNanos' | 'timestampNtzNanos';
      readonly value: bigint;
    }
  | { readonly kind: 'binary' | 'uuid'; readonly bytes: Uint8Array }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'shortString'; readonly text: string }
  | { readonly kind: 'array'; readonly items: readonly VariantValue[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [string, VariantValue])[] };

/** Sizes that a writer chooses: bytes of an offset and of a field id, and whether counts take four bytes. */
export interface VariantLayout {
  readonly offsetBytes: 1 | 2 | 3 | 4;
  readonly idBytes: 1 | 2 | 3 | 4;
  readonly isLarge: boolean;
}

const SMALL: VariantLayout = { offsetBytes: 2, idBytes: 1, isLarge: false };
const HAS_LENGTH = new Set(['binary', 'string']);
const PRIMITIVE_IDS = {
  null: 0,
  true: 1,
  false: 2,
  int8: 3,
  int16: 4,
  int32: 5,
  int64: 6,
  double: 7,
  decimal4: 8,
  decimal8: 9,
  decimal16: 10,
  date: 11,
  timestamp: 12,
  timestampNtz: 13,
  float: 14,
  binary: 15,
  string: 16,
  time: 17,
  timestampNanos: 18,
  timestampNtzNanos: 19,
  uuid: 20,
} as const;

/**
 * The two blobs of a variant: a simple encoder, written from the format specification (Parquet "Variant Binary
 * Encoding") independently of the decoder. Members are listed by name, their values stored in reverse order, so that
 * nobody can take the one order for the other.
 */
export function encodeVariant(value: VariantValue, layout = SMALL): { metadata: Buffer; value: Buffer } {
  const names = [...new Set(memberNames(value))];
  const offsets = [0];
  for (const name of names) offsets.push((offsets.at(-1) ?? 0) + Buffer.byteLength(name));
  const metadata = Buffer.concat([
    Buffer.from([1 | ((layout.offsetBytes - 1) << 6)]),
    ...[names.length, ...offsets].map((number) => little(number, layout.offsetBytes)),
    ...names.map((name) => Buffer.from(name)),
  ]);
  return { metadata, value: encode(value, names, layout) };
}

function memberNames(value: VariantValue): string[] {
  if (value.kind === 'array') return value.items.flatMap(memberNames);
  if (value.kind !== 'object') return [];
  return value.members.flatMap(([name, member]) => [name, ...memberNames(member)]);
}

function encode(value: VariantValue, names: readonly string[], layout: VariantLayout): Buffer {
  const { offsetBytes, idBytes, isLarge } = layout;
  const count = (number: number) => little(number, isLarge ? 4 : 1);
  switch (value.kind) {
    case 'shortString':
      return Buffer.concat([Buffer.from([1 | (Buffer.byteLength(value.text) << 2)]), Buffer.from(value.text)]);
    case 'array': {
      const items = value.items.map((item) => encode(item, names, layout));
      const offsets = [0];
      for (const item of items) offsets.push((offsets.at(-1) ?? 0) + item.length);
      const header = 3 | ((offsetBytes - 1) << 2) | (isLarge ? 1 << 4 : 0);
      return Buffer.concat([
        Buffer.from([header]),
        count(items.length),
        ...offsets.map((offset) => little(offset, offsetBytes)),
        ...items,
      ]);
    }
    case 'object': {
      const members = [...value.members].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const bodies = members.map(([, member]) => encode(member, names, layout));
      const offsets = bodies.map((_, n) => bodies.slice(n + 1).reduce((sum, body) => sum + body.length, 0));
      const total = bodies.reduce((sum, body) => sum + body.length, 0);
      const header = 2 | ((offsetBytes - 1) << 2) | ((idBytes - 1) << 4) | (isLarge ? 1 << 6 : 0);
      return Buffer.concat([
        Buffer.from([header]),
        count(members.length),
        ...members.map(([name]) => little(names.indexOf(name), idBytes)),
        ...[...offsets, total].map((offset) => little(offset, offsetBytes)),
        ...bodies.reverse(),
      ]);
    }
    default: {
      const body = primitiveBody(value);
      const length = HAS_LENGTH.has(value.kind) ? little(body.length, 4) : Buffer.alloc(0);
      return Buffer.concat([Buffer.from([PRIMITIVE_IDS[value.kind] << 2]), length, body]);
    }
  }
}

type Primitive = Exclude<VariantValue, { kind: 'array' | 'object' | 'shortString' }>;

function primitiveBody(value: Primitive): Buffer {
  switch (value.kind) {
    case 'null':
    case 'true':
    case 'false':
      return Buffer.alloc(0);
    case 'int8':
      return signed(value.value, 1);
    case 'int16':
      return signed(value.value, 2);
    case 'int32':
      return signed(value.value, 4);
    case 'float': {
      const body = Buffer.alloc(4);
      body.writeFloatLE(value.value);
      return body;
    }
    case 'double': {
      const body = Buffer.alloc(8);
      body.writeDoubleLE(value.value);
      return body;
    }
    case 'decimal4':
    case 'decimal8':
    case 'decimal16':
      return Buffer.concat([Buffer.from([value.scale]), signed(value.unscaled, Number(value.kind.slice(7)))]);
    case 'date':
      return signed(BigInt(value.days), 4);
    case 'binary':
    case 'uuid':
      return Buffer.from(value.bytes);
    case 'string':
      return Buffer.from(value.text);
    default:
      return signed(value.value, 8);
  }
}

function little(number: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(number, 0, bytes);
  return buffer;
}

function signed(number: bigint, bytes: number): Buffer {
  const hex = BigInt.asUintN(bytes * 8, number)
    .toString(16)
    .padStart(bytes * 2, '0');
  return Buffer.from(hex, 'hex').reverse();
}
