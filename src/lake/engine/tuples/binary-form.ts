import { assertNever } from '../../../core/assert-never.js';
import type { DataType } from '../../../core/data-type.js';

/**
 * How a value is written into a tuple of COPY's binary format: the names of the Postgres types whose receive functions read
 * it, of `timestamp` and `timestamptz` the first.
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
  | 'bytea'
  | 'jsonb'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'uuid'
  | 'interval';

/** A column of tuples. */
export interface BinaryColumn {
  readonly form: BinaryForm;
  /** See `DataType`. */
  readonly hasInfinities?: boolean;
  /** Of texts: a NUL character is an error, `NUL_ERROR_MARK` and the number of the column. */
  readonly isNulRefused?: boolean;
}

/**
 * The column for a source type whose Postgres type is its own (see `postgresType`), or a text with a limit.
 * @param invalidCharacters see `CopyValueOptions`
 */
export function binaryColumn(type: DataType, invalidCharacters: 'fail' | 'strip'): BinaryColumn {
  const form = binaryForm(type);
  if (type.kind === 'string') return { form, isNulRefused: invalidCharacters === 'fail' };
  return form === 'date' || form === 'timestamp' ? { form, hasInfinities: 'hasInfinities' in type } : { form };
}

function binaryForm(type: DataType): BinaryForm {
  switch (type.kind) {
    case 'string':
    case 'void':
      return 'text';
    case 'binary':
      return 'bytea';
    case 'boolean':
      return 'bool';
    case 'byte':
    case 'short':
      return 'int2';
    case 'integer':
      return 'int4';
    case 'long':
      return 'int8';
    case 'float':
      return 'float4';
    case 'double':
      return 'float8';
    case 'decimal':
      return 'numeric';
    case 'timestamp':
    case 'timestamp_ntz':
      return 'timestamp';
    case 'date':
    case 'time':
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
