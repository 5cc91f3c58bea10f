import type { DataType } from '../../core/data-type.js';

/** Digits before the point that hold every value of an integer type, as Delta's protocol fixes them. */
const INTEGER_DIGITS: Readonly<Record<string, number>> = { byte: 10, short: 10, integer: 10, long: 20 };

const WIDER: Readonly<Record<string, readonly string[]>> = {
  byte: ['short', 'integer', 'long', 'double'],
  short: ['integer', 'long', 'double'],
  integer: ['long', 'double'],
  float: ['double'],
  date: ['timestamp_ntz'],
};

/** True if every value of `from` is a value of `to` and Delta's protocol lists the change; Iceberg's are among them. */
export function isWidening(from: DataType, to: DataType): boolean {
  if (to.kind !== 'decimal') return WIDER[from.kind]?.includes(to.kind) ?? false;
  const digitsBefore = from.kind === 'decimal' ? from.precision - from.scale : INTEGER_DIGITS[from.kind];
  const digitsAfter = from.kind === 'decimal' ? from.scale : 0;
  return digitsBefore !== undefined && to.scale >= digitsAfter && to.precision - to.scale >= digitsBefore;
}
