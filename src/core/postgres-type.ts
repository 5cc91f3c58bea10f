import { assertNever } from './assert-never.js';
import type { DataType, Field } from './data-type.js';

/**
 * The Postgres column type of a source type, null if it has none.
 * The table is that of Lakebase; VARIANT as jsonb is a documented superset.
 */
export function postgresType(type: DataType): string | null {
  switch (type.kind) {
    case 'string':
    case 'void':
      return 'text';
    case 'long':
      return 'bigint';
    case 'integer':
      return 'integer';
    case 'short':
    case 'byte':
      return 'smallint';
    case 'float':
      return 'real';
    case 'double':
      return 'double precision';
    case 'decimal':
      return `numeric(${type.precision},${type.scale})`;
    case 'boolean':
      return 'boolean';
    case 'binary':
      return 'bytea';
    case 'date':
      return 'date';
    case 'timestamp':
      return 'timestamp with time zone';
    case 'timestamp_ntz':
      return 'timestamp without time zone';
    case 'interval':
      return 'interval';
    case 'array':
    case 'map':
    case 'struct':
      return findUnsupported(type) ? null : 'jsonb';
    case 'variant':
      return 'jsonb';
    case 'unsupported':
      return null;
    default:
      return assertNever(type);
  }
}

/** The first part of `type` that cannot be synced, at any depth; null if all of it can be. */
export function findUnsupported(type: DataType): string | null {
  switch (type.kind) {
    case 'unsupported':
      return type.name;
    case 'array':
      return findUnsupported(type.element);
    case 'map':
      return findUnsupported(type.key) ?? findUnsupported(type.value);
    case 'struct':
      return type.fields.map((field) => findUnsupported(field.type)).find((name) => name !== null) ?? null;
    default:
      return null;
  }
}

/** True for types that Postgres can index as a primary key with the same equality as in the source. */
export function canBeKey(field: Field): boolean {
  const type = postgresType(field.type);
  return type !== null && type !== 'jsonb' && field.type.kind !== 'void';
}
