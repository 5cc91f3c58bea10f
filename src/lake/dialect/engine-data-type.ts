import {
  DuckDBDecimalType,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId,
} from '@duckdb/node-api';
import type { DataType, PrimitiveKind } from '../../core/data-type.js';

const PRIMITIVES: ReadonlyMap<DuckDBTypeId, PrimitiveKind> = new Map([
  [DuckDBTypeId.BOOLEAN, 'boolean'],
  [DuckDBTypeId.TINYINT, 'byte'],
  [DuckDBTypeId.SMALLINT, 'short'],
  [DuckDBTypeId.UTINYINT, 'short'],
  [DuckDBTypeId.INTEGER, 'integer'],
  [DuckDBTypeId.USMALLINT, 'integer'],
  [DuckDBTypeId.BIGINT, 'long'],
  [DuckDBTypeId.UINTEGER, 'long'],
  [DuckDBTypeId.FLOAT, 'float'],
  [DuckDBTypeId.DOUBLE, 'double'],
  [DuckDBTypeId.VARCHAR, 'string'],
  [DuckDBTypeId.ENUM, 'string'],
  [DuckDBTypeId.UUID, 'string'],
  [DuckDBTypeId.BLOB, 'binary'],
  [DuckDBTypeId.DATE, 'date'],
  [DuckDBTypeId.TIMESTAMP, 'timestamp_ntz'],
  [DuckDBTypeId.TIMESTAMP_S, 'timestamp_ntz'],
  [DuckDBTypeId.TIMESTAMP_MS, 'timestamp_ntz'],
  [DuckDBTypeId.TIMESTAMP_NS, 'timestamp_ntz'],
  [DuckDBTypeId.TIMESTAMP_TZ, 'timestamp'],
  [DuckDBTypeId.TIME, 'time'],
  [DuckDBTypeId.INTERVAL, 'interval'],
  [DuckDBTypeId.SQLNULL, 'void'],
]);

/** The source type that holds every value of an engine type: for results of queries and files without a schema. */
export function dataTypeOfEngine(type: DuckDBType): DataType {
  if (type instanceof DuckDBDecimalType) return { kind: 'decimal', precision: type.width, scale: type.scale };
  if (type instanceof DuckDBListType) return { kind: 'array', element: dataTypeOfEngine(type.valueType) };
  if (type instanceof DuckDBMapType) {
    return { kind: 'map', key: dataTypeOfEngine(type.keyType), value: dataTypeOfEngine(type.valueType) };
  }
  if (type instanceof DuckDBStructType) {
    const fields = type.entryNames.map((name, index) => {
      const entry = type.entryTypes[index];
      if (entry === undefined) throw new Error(`a member without a type: ${name}`);
      return { name, type: dataTypeOfEngine(entry), nullable: true, physicalName: name };
    });
    return { kind: 'struct', fields };
  }
  // Integers that do not fit 64 bits.
  if (type.typeId === DuckDBTypeId.UBIGINT) return { kind: 'decimal', precision: 20, scale: 0 };
  if (type.typeId === DuckDBTypeId.HUGEINT) return { kind: 'decimal', precision: 38, scale: 0 };
  if (type.alias === 'JSON') return { kind: 'variant' };
  const kind = PRIMITIVES.get(type.typeId);
  return kind === undefined ? { kind: 'unsupported', name: type.toString().toLowerCase() } : { kind };
}
