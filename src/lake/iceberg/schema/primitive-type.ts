import type { DataType, PrimitiveKind } from '../../../core/data-type.js';

const PRIMITIVES: ReadonlyMap<string, PrimitiveKind> = new Map([
  ['boolean', 'boolean'],
  ['int', 'integer'],
  ['long', 'long'],
  ['float', 'float'],
  ['double', 'double'],
  ['date', 'date'],
  ['time', 'time'],
  ['timestamp', 'timestamp_ntz'],
  ['timestamptz', 'timestamp'],
  ['string', 'string'],
  ['uuid', 'uuid'],
  ['binary', 'binary'],
  ['unknown', 'void'],
  ['variant', 'variant'],
]);

const DECIMAL_DIGITS_MAX = 38;

/**
 * A type of Iceberg that is one word, perhaps with parameters. Nanoseconds (`timestamp_ns`) are among those that become
 * `unsupported`: Postgres has no type that keeps them.
 */
export function parsePrimitiveType(text: string): DataType {
  const name = text.trim().toLowerCase();
  const kind = PRIMITIVES.get(name);
  if (kind !== undefined) return { kind };
  const [, digits, places] = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(name) ?? [];
  const [precision, scale] = [Number(digits), Number(places)];
  if (precision >= 1 && precision <= DECIMAL_DIGITS_MAX && scale <= precision) {
    return { kind: 'decimal', precision, scale };
  }
  return /^fixed\[\s*\d+\s*\]$/.test(name) ? { kind: 'binary' } : { kind: 'unsupported', name: text };
}
