/**
 * Variant binary encoding to JSON text (Parquet "Variant Binary Encoding", version 1).
 *
 * Integers and decimals keep every digit; NaN and infinities become strings, dates, timestamps and UUIDs ISO text,
 * binary becomes base64. A variant null is the JSON text `null`.
 */

const KIND_PRIMITIVE = 0;
const KIND_SHORT_STRING = 1;
const KIND_OBJECT = 2;
const SUPPORTED_VERSION = 1;

/** Deeper values are refused rather than overflowing the stack; Spark itself stops at 1,000. */
const DEPTH_MAX = 1_000;

/**
 * @param metadata the dictionary of field names
 * @param value the encoded value
 * @throws Error saying what is malformed
 */
export function variantToJson(metadata: Buffer, value: Buffer): string {
  return writeValue(readDictionary(metadata), value, 0, 0);
}

function readDictionary(metadata: Buffer): (id: number) => string {
  const header = metadata.readUInt8(0);
  if ((header & 0x0f) !== SUPPORTED_VERSION) throw new Error(`variant metadata version ${header & 0x0f}`);
  const width = (header >> 6) + 1;
  const count = metadata.readUIntLE(1, width);
  const offsets = 1 + width;
  const bytes = offsets + (count + 1) * width;
  return (id) => {
    if (id >= count) throw new Error(`variant field id ${id} of ${count}`);
    const start = metadata.readUIntLE(offsets + id * width, width);
    const end = metadata.readUIntLE(offsets + (id + 1) * width, width);
    return slice(metadata, bytes + start, end - start).toString('utf8');
  };
}

function slice(buffer: Buffer, offset: number, length: number): Buffer {
  if (length < 0 || offset + length > buffer.length) throw new Error('variant value is cut short');
  return buffer.subarray(offset, offset + length);
}

type Dictionary = (id: number) => string;

function writeValue(dictionary: Dictionary, value: Buffer, offset: number, depth: number): string {
  if (depth > DEPTH_MAX) throw new Error(`variant nested deeper than ${DEPTH_MAX}`);
  const header = value.readUInt8(offset);
  const kind = header & 0x03;
  const detail = header >> 2;
  if (kind === KIND_PRIMITIVE) return writePrimitive(detail, value, offset + 1);
  if (kind === KIND_SHORT_STRING) return JSON.stringify(slice(value, offset + 1, detail).toString('utf8'));
  return kind === KIND_OBJECT
    ? writeObject(dictionary, value, offset + 1, detail, depth)
    : writeArray(dictionary, value, offset + 1, detail, depth);
}

function writeObject(dictionary: Dictionary, value: Buffer, offset: number, detail: number, depth: number): string {
  const offsetWidth = (detail & 0x03) + 1;
  const idWidth = ((detail >> 2) & 0x03) + 1;
  const countWidth = detail & 0x10 ? 4 : 1;
  const count = value.readUIntLE(offset, countWidth);
  const ids = offset + countWidth;
  const offsets = ids + count * idWidth;
  const data = offsets + (count + 1) * offsetWidth;
  const members: string[] = [];
  for (let index = 0; index < count; index++) {
    const name = dictionary(value.readUIntLE(ids + index * idWidth, idWidth));
    const start = value.readUIntLE(offsets + index * offsetWidth, offsetWidth);
    members.push(`${JSON.stringify(name)}:${writeValue(dictionary, value, data + start, depth + 1)}`);
  }
  return `{${members.join(',')}}`;
}

function writeArray(dictionary: Dictionary, value: Buffer, offset: number, detail: number, depth: number): string {
  const offsetWidth = (detail & 0x03) + 1;
  const countWidth = detail & 0x04 ? 4 : 1;
  const count = value.readUIntLE(offset, countWidth);
  const offsets = offset + countWidth;
  const data = offsets + (count + 1) * offsetWidth;
  const elements: string[] = [];
  for (let index = 0; index < count; index++) {
    const start = value.readUIntLE(offsets + index * offsetWidth, offsetWidth);
    elements.push(writeValue(dictionary, value, data + start, depth + 1));
  }
  return `[${elements.join(',')}]`;
}

function writePrimitive(type: number, value: Buffer, at: number): string {
  switch (type) {
    case 0:
      return 'null';
    case 1:
      return 'true';
    case 2:
      return 'false';
    case 3:
      return String(value.readInt8(at));
    case 4:
      return String(value.readInt16LE(at));
    case 5:
      return String(value.readInt32LE(at));
    case 6:
      return String(value.readBigInt64LE(at));
    case 7:
      return floatingText(value.readDoubleLE(at), String);
    case 8:
      return decimalText(BigInt(value.readInt32LE(at + 1)), value.readUInt8(at));
    case 9:
      return decimalText(value.readBigInt64LE(at + 1), value.readUInt8(at));
    case 10:
      return decimalText((value.readBigInt64LE(at + 9) << 64n) | value.readBigUInt64LE(at + 1), value.readUInt8(at));
    case 11:
      return `"${dateText(BigInt(value.readInt32LE(at)))}"`;
    case 12:
      return `"${timestampText(value.readBigInt64LE(at), 6)}Z"`;
    case 13:
      return `"${timestampText(value.readBigInt64LE(at), 6)}"`;
    case 14:
      return floatingText(value.readFloatLE(at), shortestFloat);
    case 15:
      return `"${slice(value, at + 4, value.readUInt32LE(at)).toString('base64')}"`;
    case 16:
      return JSON.stringify(slice(value, at + 4, value.readUInt32LE(at)).toString('utf8'));
    case 17:
      return `"${timeText(value.readBigInt64LE(at), 6)}"`;
    case 18:
      return `"${timestampText(value.readBigInt64LE(at), 9)}Z"`;
    case 19:
      return `"${timestampText(value.readBigInt64LE(at), 9)}"`;
    case 20:
      return `"${slice(value, at, 16)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}"`;
    default:
      throw new Error(`variant primitive type ${type}`);
  }
}

function floatingText(value: number, digits: (value: number) => string): string {
  return Number.isFinite(value) ? digits(value) : `"${value}"`;
}

/** The shortest text that reads back as the same 32-bit float; nine digits always suffice. */
function shortestFloat(value: number): string {
  for (let precision = 1; precision < 9; precision++) {
    const candidate = Number(value.toPrecision(precision));
    if (Math.fround(candidate) === value) return String(candidate);
  }
  return String(Number(value.toPrecision(9)));
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function floorDivide(dividend: bigint, divisor: bigint): [quotient: bigint, remainder: bigint] {
  const remainder = ((dividend % divisor) + divisor) % divisor;
  return [(dividend - remainder) / divisor, remainder];
}

/** ISO date of a day counted from 1970-01-01 in the proleptic Gregorian calendar; years beyond 0..9999 get a sign. */
function dateText(day: bigint): string {
  // Civil-from-days over 400-year eras that begin on 1 March.
  const [era, dayOfEra] = floorDivide(day + 719_468n, 146_097n);
  const yearOfEra = (dayOfEra - dayOfEra / 1_460n + dayOfEra / 36_524n - dayOfEra / 146_096n) / 365n;
  const dayOfYear = dayOfEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n);
  const shiftedMonth = (5n * dayOfYear + 2n) / 153n;
  const dayOfMonth = dayOfYear - (153n * shiftedMonth + 2n) / 5n + 1n;
  const month = shiftedMonth < 10n ? shiftedMonth + 3n : shiftedMonth - 9n;
  const year = yearOfEra + era * 400n + (month <= 2n ? 1n : 0n);
  const two = (part: bigint) => part.toString().padStart(2, '0');
  const yearText =
    year >= 0n && year <= 9_999n
      ? year.toString().padStart(4, '0')
      : `${year < 0n ? '-' : '+'}${(year < 0n ? -year : year).toString().padStart(6, '0')}`;
  return `${yearText}-${two(month)}-${two(dayOfMonth)}`;
}

/** Time of day from units of 10^-digits seconds; trailing zeros of the fraction are omitted. */
function timeText(units: bigint, digits: number): string {
  const [seconds, fraction] = floorDivide(units, 10n ** BigInt(digits));
  const two = (part: bigint) => part.toString().padStart(2, '0');
  const decimals = fraction === 0n ? '' : `.${fraction.toString().padStart(digits, '0').replace(/0+$/, '')}`;
  return `${two(seconds / 3_600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}${decimals}`;
}

function timestampText(units: bigint, digits: number): string {
  const [day, rest] = floorDivide(units, 86_400n * 10n ** BigInt(digits));
  return `${dateText(day)}T${timeText(rest, digits)}`;
}
