import { assertNever } from '../../../core/assert-never.js';
import type { DataType } from '../../../core/data-type.js';
import { type TemporalKind, temporalCase } from '../temporal-text.js';

/**
 * How a value is written into a tuple of COPY's binary format: the names of Postgres's types whose receive functions read
 * it. Types that share a form differ in their SQL only.
 */
export type BinaryForm =
  | 'bool'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'text'
  | 'jsonb'
  | 'uuid'
  | 'interval';

/** The form of a source type in a column of its own Postgres type (see `postgresType`), or in one of texts with a limit. */
export function binaryForm(type: DataType): BinaryForm {
  switch (type.kind) {
    case 'string':
    case 'void':
    case 'binary':
      return 'text';
    case 'boolean':
      return 'bool';
    case 'byte':
    case 'short':
      return 'int2';
    case 'integer':
    case 'date':
      return 'int4';
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
    case 'time':
      return 'int8';
    case 'float':
      return 'float4';
    case 'double':
      return 'float8';
    case 'decimal':
      return 'numeric';
    case 'uuid':
    case 'interval':
      return type.kind;
    case 'array':
    case 'map':
    case 'struct':
    case 'variant':
      return 'jsonb';
    case 'unsupported':
      throw new Error(`no binary form for ${type.name}`);
    default:
      return assertNever(type);
  }
}

/** Days from 1970-01-01, where the engine counts from, to 2000-01-01, where Postgres does. */
const EPOCH_DAYS = 10_957;
const EPOCH_MICROSECONDS = 86_400_000_000n * BigInt(EPOCH_DAYS);

/**
 * Before anything that Postgres stores, and far enough from the least integer: what lies before these is refused as they
 * are, and no difference overflows.
 */
const EARLIEST_DAY = -2_000_000_000;
const EARLIEST_MICROSECOND = -(8n * 10n ** 18n);

const INT4 = { least: '(-2147483648)::integer', greatest: '2147483647::integer' };
const INT8 = { least: '(-9223372036854775808)::bigint', greatest: '9223372036854775807::bigint' };

/** SQL of a date or moment as Postgres counts: days or microseconds since 2000, infinities at either end of the integers. */
export function binaryTemporal(type: { readonly kind: TemporalKind; readonly hasInfinities?: true }, value: string) {
  if (type.kind === 'date') {
    const days = `greatest(${value} - date '1970-01-01', ${EARLIEST_DAY})`;
    return temporalCase(type, value, {
      finite: `(${days} - ${EPOCH_DAYS})::integer`,
      first: `${EARLIEST_DAY}::integer`,
      last: `(2147483647 - ${EPOCH_DAYS})::integer`,
      ends: INT4,
    });
  }
  return temporalCase(type, value, {
    finite: `greatest(epoch_us(${value}), ${EARLIEST_MICROSECOND}) - ${EPOCH_MICROSECONDS}`,
    first: null,
    last: `(9223372036854775807 - ${EPOCH_MICROSECONDS})::bigint`,
    ends: INT8,
  });
}
