import { quoteLiteral } from '../../src/core/names.js';

export type ValueType =
  | 'integer'
  | 'long'
  | 'string'
  | 'double'
  | 'decimal'
  | 'boolean'
  | 'date'
  | 'timestamp'
  | 'timestamp_ntz'
  | 'binary'
  | 'array'
  | 'map';

/** A type as the engine names it, and as a Delta schema does. */
export const DUCKDB_TYPES: Readonly<Record<ValueType, { readonly duckDb: string; readonly delta: unknown }>> = {
  integer: { duckDb: 'integer', delta: 'integer' },
  long: { duckDb: 'bigint', delta: 'long' },
  string: { duckDb: 'varchar', delta: 'string' },
  double: { duckDb: 'double', delta: 'double' },
  decimal: { duckDb: 'decimal(12,2)', delta: 'decimal(12,2)' },
  boolean: { duckDb: 'boolean', delta: 'boolean' },
  date: { duckDb: 'date', delta: 'date' },
  timestamp: { duckDb: 'timestamptz', delta: 'timestamp' },
  timestamp_ntz: { duckDb: 'timestamp', delta: 'timestamp_ntz' },
  binary: { duckDb: 'blob', delta: 'binary' },
  array: { duckDb: 'integer[]', delta: { type: 'array', elementType: 'integer', containsNull: true } },
  map: {
    duckDb: 'map(varchar, integer)',
    delta: { type: 'map', keyType: 'string', valueType: 'integer', valueContainsNull: true },
  },
};

const ODD_DOUBLES = ['nan', 'inf', '-inf', '-0.0'];
const ODD_TEXTS = ['', '\\N', '\\.', 'tab\there', 'line\nfeed', 'back\\slash', "it's", '"', 'ünïcödé 🦆'];

/** SQL of the engine for the value of a type that a number stands for; another number is another value. */
export function valueLiteral(type: ValueType, value: number | string | null): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return quoteLiteral(value);
  switch (type) {
    case 'integer':
    case 'long':
      return String(value);
    case 'string':
      return quoteLiteral(`${ODD_TEXTS[value % 23] ?? 'k'}${value}`);
    case 'double':
      return `'${(value < 4 || value > 9_800 ? ODD_DOUBLES[value % 4] : null) ?? value / 8}'`;
    case 'decimal':
      return `${value} * 0.01`;
    case 'boolean':
      return String(value % 2 === 0);
    case 'date':
      return `date '1960-01-01' + ${value}`;
    case 'timestamp':
      return `make_timestamp(${value}::bigint * 1000003 * 3600)::timestamptz`;
    case 'timestamp_ntz':
      return `make_timestamp(${value}::bigint * 1000003 * 3600)`;
    case 'binary':
      return `encode(${quoteLiteral(`\\${value}`)})`;
    case 'array':
      return value % 5 === 0 ? '[]' : `[${value}, null, ${value % 7}]`;
    case 'map':
      return `map {'a': ${value}, 'b"\\': null}`;
  }
}
