import { z } from 'zod';
import type { DataType } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import { parsePrimitiveType } from './primitive-type.js';

const typeChanges = z.array(z.object({ fromType: z.string(), toType: z.string() }));

/** Digits before the point that hold every value of an integer type, as the protocol fixes them. */
const INTEGER_DIGITS: Readonly<Record<string, number>> = { byte: 10, short: 10, integer: 10, long: 20 };

const WIDER: Readonly<Record<string, readonly string[]>> = {
  byte: ['short', 'integer', 'long', 'double'],
  short: ['integer', 'long', 'double'],
  integer: ['long', 'double'],
  float: ['double'],
  date: ['timestamp_ntz'],
};

/**
 * Checks the history of a column's type: files from before a change keep the old type and are cast when read, which is
 * correct only for the changes in the protocol's list ("Type Widening").
 * @param options.history `delta.typeChanges` of the column's metadata
 * @throws DELTA_UNSUPPORTED_FEATURE for any other change; DELTA_LOG_CORRUPT if the history cannot be read
 */
export function requireKnownTypeChanges(options: { history: unknown; column: string; tableName: string }): void {
  const { history, column, tableName } = options;
  if (history === undefined || history === null) return;
  const parsed = typeChanges.safeParse(history);
  if (!parsed.success) {
    const reason = `delta.typeChanges of column "${column}" is malformed`;
    throw syncedTablesError('DELTA_LOG_CORRUPT', { table: tableName, reason });
  }
  for (const { fromType, toType } of parsed.data) {
    if (isWidening(parsePrimitiveType(fromType), parsePrimitiveType(toType))) continue;
    const feature = `the change of column "${column}" from ${fromType} to ${toType}`;
    throw syncedTablesError('DELTA_UNSUPPORTED_FEATURE', { table: tableName, feature });
  }
}

/** True if every value of `from` is a value of `to` and the protocol lists the change. */
export function isWidening(from: DataType, to: DataType): boolean {
  if (to.kind !== 'decimal') return WIDER[from.kind]?.includes(to.kind) ?? false;
  const digitsBefore = from.kind === 'decimal' ? from.precision - from.scale : INTEGER_DIGITS[from.kind];
  const digitsAfter = from.kind === 'decimal' ? from.scale : 0;
  return digitsBefore !== undefined && to.scale >= digitsAfter && to.precision - to.scale >= digitsBefore;
}
