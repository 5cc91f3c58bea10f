import type { DataType, Field } from '../../../core/data-type.js';
import { quoteIdentifier, quoteLiteral } from '../../../core/names.js';
import { duckDbType } from '../../engine/duckdb-type.js';
import { nullOf } from '../../parquet/project-column.js';
import type { IcebergSchema } from './iceberg-schema.js';

/** A default that is not as the format says; names the field. */
export class MalformedDefault extends Error {
  override readonly name = 'MalformedDefault';
}

/**
 * SQL of what a row holds that was written before `field` was added (Iceberg specification, "Default values").
 * @throws MalformedDefault
 */
export function initialDefault(field: Field, schema: IcebergSchema): string {
  const value = schema.fields.get(field.fieldId ?? -1)?.initialDefault ?? null;
  if (value === null) return nullOf(field.type);
  if (field.type.kind === 'struct' && typeof value === 'object') {
    // An empty object: the members have defaults of their own.
    const members = field.type.fields.map((member) => {
      return `${quoteIdentifier(member.name)} := ${initialDefault(member, schema)}`;
    });
    return `struct_pack(${members.join(', ')})`;
  }
  const sql = scalarDefault(field.type, value);
  if (sql === null) throw new MalformedDefault(`the initial default of "${field.name}" is no value of its type`);
  return sql;
}

/** The texts of single values in the specification's JSON, which the engine reads but for those of bytes. */
const TEXTS: Partial<Readonly<Record<DataType['kind'], RegExp>>> = {
  boolean: /^(true|false)$/,
  integer: /^-?\d+$/,
  long: /^-?\d+$/,
  float: /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i,
  double: /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i,
  decimal: /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i,
  date: /^-?\d{4,}-\d\d-\d\d$/,
  time: /^\d\d:\d\d:\d\d(\.\d{1,6})?$/,
  timestamp: /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(\+00:00|Z)$/,
  timestamp_ntz: /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  binary: /^([0-9a-f]{2})*$/i,
  string: /^/,
};

function scalarDefault(type: DataType, value: unknown): string | null {
  const text = ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : null;
  if (text === null || TEXTS[type.kind]?.test(text) !== true) return null;
  if (type.kind === 'string' && typeof value !== 'string') return null;
  return type.kind === 'binary' ? `unhex(${quoteLiteral(text)})` : `cast(${quoteLiteral(text)} as ${duckDbType(type)})`;
}
