import type { SourceColumn, UnityType } from '../../core/source-browser.js';
import type { ColumnRecord } from './relation-record.js';
import type { ColumnInfo } from './unity-catalog-schema.js';

const SIMPLE: Readonly<Record<string, UnityType>> = {
  bool: { name: 'BOOLEAN', text: 'boolean', json: 'boolean' },
  bytea: { name: 'BINARY', text: 'binary', json: 'binary' },
  date: { name: 'DATE', text: 'date', json: 'date' },
  float4: { name: 'FLOAT', text: 'float', json: 'float' },
  float8: { name: 'DOUBLE', text: 'double', json: 'double' },
  int2: { name: 'SHORT', text: 'smallint', json: 'short' },
  int4: { name: 'INT', text: 'int', json: 'integer' },
  int8: { name: 'LONG', text: 'bigint', json: 'long' },
  timestamp: { name: 'TIMESTAMP_NTZ', text: 'timestamp_ntz', json: 'timestamp_ntz' },
  timestamptz: { name: 'TIMESTAMP', text: 'timestamp', json: 'timestamp' },
};

/** Any type that Unity Catalog does not have: json, uuid, vector … */
const STRING: UnityType = { name: 'STRING', text: 'string', json: 'string' };
const INTERVAL: UnityType = { name: 'INTERVAL', text: 'interval day to second', json: 'interval day to second' };
const INTERVAL_YEAR_MONTH: UnityType = {
  name: 'INTERVAL',
  text: 'interval year to month',
  json: 'interval year to month',
};
const DECIMAL_DIGITS_MAX = 38;
/** Spark's DECIMAL for a number of unknown precision. */
const SCALE_UNKNOWN = 18;
/** Offset of every type modifier (VARHDRSZ). */
const MODIFIER_OFFSET = 4;
/** Fields bits of an interval's modifier: MONTH (1 << 1) and YEAR (1 << 2). */
const YEAR_MONTH_BITS = 0b110;

/** A Postgres column as Unity Catalog describes it. */
export function columnInfoOf(column: ColumnRecord, position: number): ColumnInfo {
  const element = unityTypeOf(column);
  const type: UnityType = column.isArray
    ? {
        name: 'ARRAY',
        text: `array<${element.text}>`,
        json: { type: 'array', elementType: element.json, containsNull: true },
      }
    : element;
  const { name, nullable, comment } = column;
  return sourceColumnInfo({ name, nullable, comment, type, partitionIndex: null }, position);
}

/** A source column as Unity Catalog describes it. */
export function sourceColumnInfo(column: SourceColumn, position: number): ColumnInfo {
  const { name, nullable, comment, type, partitionIndex } = column;
  return {
    name,
    position,
    nullable,
    type_name: type.name,
    type_text: type.text,
    type_json: JSON.stringify({ name, type: type.json, nullable, metadata: comment === null ? {} : { comment } }),
    type_precision: type.precision ?? 0,
    type_scale: type.scale ?? 0,
    ...(partitionIndex === null ? {} : { partition_index: partitionIndex }),
    ...(comment === null ? {} : { comment }),
  };
}

function unityTypeOf({ base, typeModifier }: ColumnRecord): UnityType {
  if (base === 'numeric') return decimalOf(typeModifier);
  if (base === 'interval') {
    const fields = (typeModifier >> 16) & 0x7fff;
    return typeModifier >= 0 && (fields & ~YEAR_MONTH_BITS) === 0 ? INTERVAL_YEAR_MONTH : INTERVAL;
  }
  return Object.hasOwn(SIMPLE, base) ? (SIMPLE[base] ?? STRING) : STRING;
}

/** Numbers with more digits than DECIMAL allows are described as text. */
function decimalOf(typeModifier: number): UnityType {
  const packed = typeModifier - MODIFIER_OFFSET;
  const precision = packed < 0 ? DECIMAL_DIGITS_MAX : (packed >> 16) & 0xffff;
  // Eleven bits, signed.
  const scale = packed < 0 ? SCALE_UNKNOWN : ((packed & 0x7ff) ^ 1024) - 1024;
  if (precision > DECIMAL_DIGITS_MAX || scale < 0 || scale > precision) return STRING;
  const text = `decimal(${precision},${scale})`;
  return { name: 'DECIMAL', text, json: text, precision, scale };
}
