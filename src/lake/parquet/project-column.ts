import type { DataType, Field } from '../../core/data-type.js';
import { syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { duckDbType } from '../engine/duckdb-type.js';
import { unlessInfinite } from '../engine/temporal-text.js';
import { VARIANT_FUNCTION } from '../engine/variant-function.js';
import { listElement, mapEntry, type ParquetNode } from './parquet-schema.js';

/** How columns are found in files: by their physical name, or by Parquet field id (Delta column mapping mode id). */
export type ColumnMatch = 'name' | 'id';

export interface Projection {
  readonly match: ColumnMatch;
  /** True if the engine reads this file's variants as VARIANT, false if it sees the groups they are stored in. */
  readonly isVariantMarked: boolean;
  /** For messages. */
  readonly tableName: string;
  /** SQL for a member that a file lacks; null values if left out. */
  readonly absent?: (member: Field) => string;
}

/** The node of a file that holds `field`; null if the file does not have it. */
export function findColumn(columns: readonly ParquetNode[], field: Field, match: ColumnMatch): ParquetNode | null {
  if (match === 'id') return columns.find((node) => node.fieldId === field.fieldId) ?? null;
  const name = field.physicalName.toLowerCase();
  return (
    columns.find((node) => node.name === field.physicalName) ??
    columns.find((node) => node.name.toLowerCase() === name) ??
    null
  );
}

/**
 * SQL that turns the value of a file's column into the canonical value of `type`: renamed members, members that the
 * file lacks as null, members that the table dropped left out, older types cast to the current one.
 * @param value SQL of the file's value
 * @throws DELTA_UNSUPPORTED_FEATURE for a shredded variant that the file does not mark as a variant
 */
export function projectValue(
  type: DataType,
  node: ParquetNode,
  value: string,
  projection: Projection,
  depth = 0,
): string {
  switch (type.kind) {
    case 'variant':
      return projectVariant(node, value, projection);
    case 'struct': {
      if (isSame(type, node, projection.match)) return value;
      const absent = projection.absent ?? ((field: Field) => nullOf(field.type));
      const members = type.fields.map((field) => {
        const child = findColumn(node.children, field, projection.match);
        const member = child
          ? projectValue(field.type, child, `struct_extract(${value}, ${quoteLiteral(child.name)})`, projection, depth)
          : absent(field);
        return `${quoteIdentifier(field.name)} := ${member}`;
      });
      return `case when ${value} is null then null else struct_pack(${members.join(', ')}) end`;
    }
    case 'array': {
      const element = listElement(node) ?? node;
      if (isSame(type, node, projection.match)) return value;
      const item = `x${depth}`;
      return `list_transform(${value}, lambda ${item}: ${projectValue(type.element, element, item, projection, depth + 1)})`;
    }
    case 'map': {
      const entry = mapEntry(node);
      if (!entry || isSame(type, node, projection.match)) return value;
      const item = `x${depth}`;
      // Never `x0.key`: the engine would take that for a member of a column named x0.
      const part = (name: 'key' | 'value') => `struct_extract(${item}, '${name}')`;
      const key = projectValue(type.key, entry.key, part('key'), projection, depth + 1);
      const content = entry.value
        ? projectValue(type.value, entry.value, part('value'), projection, depth + 1)
        : nullOf(type.value);
      const pairs = `list_transform(map_entries(${value}), lambda ${item}: struct_pack(key := ${key}, value := ${content}))`;
      return `case when ${value} is null then null else map_from_entries(${pairs}) end`;
    }
    case 'void':
      return nullOf(type);
    default:
      return isSame(type, node, projection.match) ? value : projectScalar(type, node, value);
  }
}

/**
 * An infinite value of a file that does not count microseconds is not the last microsecond, which it would become: the
 * engine takes the last day, millisecond or nanosecond for the same infinity.
 */
function projectScalar(type: DataType, node: ParquetNode, value: string): string {
  const cast =
    type.kind === 'timestamp' && node.duckDbType === 'TIMESTAMP'
      ? instantOf(value)
      : `cast(${value} as ${duckDbType(type)})`;
  return isTimestamp(type) && !countsMicroseconds(node) ? unlessInfinite(value, cast) : cast;
}

function isTimestamp({ kind }: DataType): boolean {
  return kind === 'timestamp' || kind === 'timestamp_ntz';
}

/** False for dates, and for timestamps in another unit; INT96 becomes microseconds when it is read. */
function countsMicroseconds({ duckDbType: engineType, convertedType, logicalType }: ParquetNode): boolean {
  const isOther = convertedType === 'TIMESTAMP_MILLIS' || /(MILLIS=Milli|NANOS=Nano)/.test(logicalType ?? '');
  return !isOther && engineType !== 'DATE' && engineType !== 'TIMESTAMP_NS';
}

/**
 * The instant of a timestamp that the file stores without a zone, in UTC: INT96, Spark's default. A cast goes through
 * the engine's time zone tables: 611 ms against 84 for 2 million values.
 */
function instantOf(value: string): string {
  return `case when isfinite(${value}) then make_timestamptz(epoch_us(${value})) else cast(${value} as timestamptz) end`;
}

/** SQL of a null of the canonical type. */
export function nullOf(type: DataType): string {
  return `cast(null as ${duckDbType(type)})`;
}

/**
 * True if the engine reads `node` as exactly the canonical type, names included: no conversion is needed. A member has to
 * be the one that `match` finds, too: where two were renamed, another may have its name.
 */
function isSame(type: DataType, node: ParquetNode, match: ColumnMatch): boolean {
  switch (type.kind) {
    case 'struct':
      return (
        node.children.length === type.fields.length &&
        type.fields.every((field, index) => {
          const child = node.children[index];
          const isFound = child !== undefined && child === findColumn(node.children, field, match);
          return isFound && child.name === field.name && isSame(field.type, child, match);
        })
      );
    case 'array': {
      const element = listElement(node);
      return element !== null && isSame(type.element, element, match);
    }
    case 'map': {
      const entry = mapEntry(node);
      return entry?.value != null && isSame(type.key, entry.key, match) && isSame(type.value, entry.value, match);
    }
    case 'variant':
    case 'void':
    case 'unsupported':
      return false;
    default:
      if (isTimestamp(type) && !countsMicroseconds(node)) return false;
      return node.children.length === 0 && node.duckDbType === duckDbType(type);
  }
}

/**
 * Spark stores a variant as a group of two blobs, which only newer versions annotate as VARIANT and shred. An annotated
 * one is first reassembled by the engine; the order of the two varies, so they are found by name.
 */
function projectVariant(node: ParquetNode, value: string, projection: Projection): string {
  // Delta 4.0 shreds without the annotation. The engine would return `value` alone, which lacks everything that was
  // shredded.
  if (!projection.isVariantMarked && node.children.some((child) => child.name === 'typed_value')) {
    throw syncedTablesError('DELTA_UNSUPPORTED_FEATURE', {
      table: projection.tableName,
      feature: 'shredded variants in files that do not mark them as variants',
    });
  }
  const parts = projection.isVariantMarked
    ? `cast(variant_to_parquet_variant(${value}) as struct(metadata blob, "value" blob))`
    : value;
  const part = (name: string) => `struct_extract(${parts}, '${name}')`;
  return `case when ${value} is null then null else ${VARIANT_FUNCTION}(${part('metadata')}, ${part('value')}) end`;
}

/** True if the table's type holds a variant at any depth. */
export function holdsVariant(type: DataType): boolean {
  switch (type.kind) {
    case 'variant':
      return true;
    case 'array':
      return holdsVariant(type.element);
    case 'map':
      return holdsVariant(type.key) || holdsVariant(type.value);
    case 'struct':
      return type.fields.some((field) => holdsVariant(field.type));
    default:
      return false;
  }
}
