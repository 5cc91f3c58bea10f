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
    case 'time':
      return 'time without time zone';
    case 'uuid':
      return 'uuid';
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

/**
 * How deep arrays and maps may be nested in each other: each level doubles what the engine needs for reading a file.
 * All nesting, that of structs too, has a limit because the engine's does.
 */
const LISTS_MAX = 12;
const LEVELS_MAX = 40;

/** What of `type` cannot be synced, at any depth; null if all of it can be. */
export function findUnsupported(type: DataType): string | null {
  const part = findUnsupportedPart(type);
  if (part !== null) return part;
  const lists = depthOf(type, (kind) => kind !== 'struct');
  if (lists > LISTS_MAX) return `arrays or maps nested ${lists} deep (at most ${LISTS_MAX} are possible)`;
  const levels = depthOf(type, () => true);
  return levels > LEVELS_MAX ? `values nested ${levels} deep (at most ${LEVELS_MAX} are possible)` : null;
}

/** The most nested types on one way into `type`, of the kinds that count. */
function depthOf(type: DataType, counts: (kind: 'array' | 'map' | 'struct') => boolean): number {
  const deepest = (types: readonly DataType[]) =>
    types.reduce((most, part) => Math.max(most, depthOf(part, counts)), 0);
  switch (type.kind) {
    case 'array':
      return Number(counts('array')) + depthOf(type.element, counts);
    case 'map':
      return Number(counts('map')) + deepest([type.key, type.value]);
    case 'struct':
      return Number(counts('struct')) + deepest(type.fields.map((field) => field.type));
    default:
      return 0;
  }
}

function findUnsupportedPart(type: DataType): string | null {
  switch (type.kind) {
    case 'unsupported':
      return type.name;
    case 'array':
      return findUnsupportedPart(type.element);
    case 'map':
      return findUnsupportedPart(type.key) ?? findUnsupportedPart(type.value);
    case 'struct':
      return type.fields.map((field) => findUnsupportedPart(field.type)).find((name) => name !== null) ?? null;
    default:
      return null;
  }
}

/** True for types that Postgres can index as a primary key with the same equality as in the source. */
export function canBeKey(field: Field): boolean {
  const type = postgresType(field.type);
  return type !== null && type !== 'jsonb' && field.type.kind !== 'void';
}
