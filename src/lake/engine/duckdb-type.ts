import { assertNever } from '../../core/assert-never.js';
import type { DataType } from '../../core/data-type.js';
import { quoteIdentifier } from '../../core/names.js';

/**
 * The DuckDB type in which a relation delivers a source type: the canonical form between a reader and the encoder. A
 * variant is delivered as JSON text.
 */
export function duckDbType(type: DataType): string {
  switch (type.kind) {
    case 'string':
    case 'void':
    case 'variant':
      return 'VARCHAR';
    case 'long':
      return 'BIGINT';
    case 'integer':
      return 'INTEGER';
    case 'short':
      return 'SMALLINT';
    case 'byte':
      return 'TINYINT';
    case 'float':
      return 'FLOAT';
    case 'double':
      return 'DOUBLE';
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`;
    case 'boolean':
      return 'BOOLEAN';
    case 'binary':
      return 'BLOB';
    case 'date':
      return 'DATE';
    case 'timestamp':
      return 'TIMESTAMP WITH TIME ZONE';
    case 'timestamp_ntz':
      return 'TIMESTAMP';
    case 'time':
      return 'TIME';
    case 'uuid':
      return 'UUID';
    case 'interval':
      return 'INTERVAL';
    case 'array':
      return `${duckDbType(type.element)}[]`;
    case 'map':
      return `MAP(${duckDbType(type.key)}, ${duckDbType(type.value)})`;
    case 'struct':
      return `STRUCT(${type.fields.map((field) => `${quoteIdentifier(field.name)} ${duckDbType(field.type)}`).join(', ')})`;
    case 'unsupported':
      throw new Error(`no engine type for ${type.name}`);
    default:
      return assertNever(type);
  }
}
