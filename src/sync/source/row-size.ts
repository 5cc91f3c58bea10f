import type pg from 'pg';
import { quoteIdentifier } from '../../core/names.js';
import type { TargetColumn } from '../../core/synced-table.js';
import { isPostgresError } from '../../postgres/session/session.js';

const TOO_BIG = /^row is too big: size (\d+), maximum size (\d+)$/;
/** The header of a row, without its bitmap of nulls. */
const HEADER_BYTES = 23;
/** What is left in a row of a long value that is stored elsewhere. */
const POINTER_BYTES = 18;

/** True if Postgres refused a row that does not fit a page even when its long values are stored elsewhere. */
export function isRowTooBig(error: unknown): error is pg.DatabaseError {
  return isPostgresError(error) && error.code === '54000' && TOO_BIG.test(error.message);
}

/** The limit that a row exceeds, in bytes, and what it is told by. */
export function rowSizeOf({ message }: pg.DatabaseError): { readonly max: number; readonly reason: string } {
  const [, size, max] = TOO_BIG.exec(message) ?? [];
  const reason = `a row would have ${size} bytes without its long values, at most ${max} are possible`;
  return { max: Number(max), reason };
}

/**
 * SQL of the engine that is true for rows `r` which certainly have more than `max` bytes in Postgres: alignment and
 * whatever depends on a value count as nothing, so rows just above it are not found.
 */
export function isCertainlyBigger(columns: readonly TargetColumn[], max: number): string {
  const sizes = columns.map(({ field, postgresType }) => {
    const value = `r.${quoteIdentifier(field.name)}`;
    return `case when ${value} is null then 0 else ${leastBytes(value, field.type.kind, postgresType)} end`;
  });
  // Not by `+`, which nests too deep for the engine.
  return `${HEADER_BYTES + Math.ceil(columns.length / 8)} + list_sum([${sizes.join(', ')}]) > ${max}`;
}

const FIXED_BYTES: Readonly<Record<string, number>> = {
  bigint: 8,
  'double precision': 8,
  'timestamp with time zone': 8,
  'timestamp without time zone': 8,
  integer: 4,
  real: 4,
  date: 4,
  smallint: 2,
  boolean: 1,
  interval: 16,
};

function leastBytes(value: string, kind: TargetColumn['field']['type']['kind'], postgresType: string): string {
  const fixed = FIXED_BYTES[postgresType];
  if (fixed !== undefined) return String(fixed);
  if (kind === 'string' && /^(text|character varying)/.test(postgresType)) {
    return `least(strlen(${value}) + 1, ${POINTER_BYTES})`;
  }
  if (kind === 'binary') return `least(octet_length(${value}) + 1, ${POINTER_BYTES})`;
  // The head of a numeric has two bytes, that of a jsonb four.
  return postgresType === 'jsonb' ? '5' : '3';
}
