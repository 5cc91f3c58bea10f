import type { DataType, PrimitiveKind } from '../../../core/data-type.js';

const PRIMITIVES: Readonly<Record<string, PrimitiveKind>> = {
  string: 'string',
  long: 'long',
  integer: 'integer',
  short: 'short',
  byte: 'byte',
  float: 'float',
  double: 'double',
  boolean: 'boolean',
  binary: 'binary',
  date: 'date',
  timestamp: 'timestamp',
  timestamp_ntz: 'timestamp_ntz',
  void: 'void',
  // Spark's name for void before 3.1.
  null: 'void',
  variant: 'variant',
};

const DECIMAL = /^decimal\(\s*(\d{1,2})\s*,\s*(-?\d{1,2})\s*\)$/;
const DECIMAL_DIGITS_LIMIT = 38;

/** The type with this primitive name in a Delta schema; an unknown name becomes kind `unsupported`. */
export function parsePrimitiveType(name: string): DataType {
  const kind = Object.hasOwn(PRIMITIVES, name) ? PRIMITIVES[name] : undefined;
  if (kind !== undefined) return { kind };
  // Spark's default for a decimal without precision.
  if (name === 'decimal') return { kind: 'decimal', precision: 10, scale: 0 };
  const [, precisionText, scaleText] = DECIMAL.exec(name) ?? [];
  const precision = Number(precisionText);
  const scale = Number(scaleText);
  if (precision >= 1 && precision <= DECIMAL_DIGITS_LIMIT && scale >= 0 && scale <= precision) {
    return { kind: 'decimal', precision, scale };
  }
  return { kind: 'unsupported', name };
}
