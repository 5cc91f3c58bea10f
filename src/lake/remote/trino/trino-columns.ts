import type { DataType, Field } from '../../../core/data-type.js';
import { quoteIdentifier } from '../../../core/names.js';
import { duckDbType } from '../../engine/duckdb-type.js';
import type { RemoteColumn } from '../row-source.js';
import type { TrinoColumn, TypeSignature } from './trino-protocol.js';

/** Digits of fractions of seconds that Postgres has. */
const FRACTION_MAX = 6;

/** How a column of a table is asked for, and what is made of what arrives. */
export function trinoColumn({ name, typeSignature }: TrinoColumn): RemoteColumn {
  const type = dataTypeOf(typeSignature);
  const column = quoteIdentifier(name);
  const field: Field = { name, type, nullable: true, physicalName: name };
  // With a zone a moment is written as its clock and the name of the zone, which may be any.
  const asked = isZoned(typeSignature)
    ? `cast(${column} at time zone 'UTC' as timestamp(${precisionOf(typeSignature)}))`
    : column;
  return { field, comment: null, asked, value: (text) => scalarOf(type, text, 0) };
}

const SCALARS: Readonly<Record<string, DataType>> = {
  boolean: { kind: 'boolean' },
  tinyint: { kind: 'byte' },
  smallint: { kind: 'short' },
  integer: { kind: 'integer' },
  bigint: { kind: 'long' },
  real: { kind: 'float' },
  double: { kind: 'double' },
  varchar: { kind: 'string' },
  char: { kind: 'string' },
  varbinary: { kind: 'binary' },
  date: { kind: 'date' },
  json: { kind: 'variant' },
  uuid: { kind: 'uuid' },
  ipaddress: { kind: 'string' },
  'interval day to second': { kind: 'string' },
  'interval year to month': { kind: 'string' },
  'time with time zone': { kind: 'string' },
};

function dataTypeOf(signature: TypeSignature, isNested = false): DataType {
  const { rawType, arguments: parts } = signature;
  const scalar = SCALARS[rawType];
  if (scalar !== undefined) return scalar;
  const unsupported: DataType = { kind: 'unsupported', name: textOf(signature) };
  const [first, second] = parts.map(({ type }) => type);
  switch (rawType) {
    case 'decimal': {
      const [precision = 38, scale = 0] = parts.map(({ number }) => number ?? 0);
      return { kind: 'decimal', precision, scale };
    }
    case 'time':
      return precisionOf(signature) <= FRACTION_MAX ? { kind: 'time' } : unsupported;
    case 'timestamp':
      return precisionOf(signature) <= FRACTION_MAX ? { kind: 'timestamp_ntz' } : unsupported;
    case 'timestamp with time zone':
      return precisionOf(signature) <= FRACTION_MAX && !isNested ? { kind: 'timestamp' } : unsupported;
    case 'array':
      return first ? containerOf({ kind: 'array', element: dataTypeOf(first, true) }, unsupported) : unsupported;
    case 'map': {
      if (!first || !second) return unsupported;
      const map: DataType = { kind: 'map', key: dataTypeOf(first, true), value: dataTypeOf(second, true) };
      return containerOf(map, unsupported);
    }
    case 'row': {
      const fields = parts.map(({ name, type }, at): Field | null => {
        // Fields without names are numbered from 0 by others, too.
        const known = name ?? `field${at}`;
        return type && { name: known, type: dataTypeOf(type, true), nullable: true, physicalName: known };
      });
      return fields.every((field) => field !== null)
        ? containerOf({ kind: 'struct', fields }, unsupported)
        : unsupported;
    }
    default:
      return unsupported;
  }
}

/** A container is not supported if anything in it is not. */
function containerOf(type: DataType, unsupported: DataType): DataType {
  const parts =
    type.kind === 'array'
      ? [type.element]
      : type.kind === 'map'
        ? [type.key, type.value]
        : type.kind === 'struct'
          ? type.fields.map((field) => field.type)
          : [];
  return parts.some(({ kind }) => kind === 'unsupported') ? unsupported : type;
}

function isZoned({ rawType }: TypeSignature): boolean {
  return rawType === 'timestamp with time zone';
}

function precisionOf({ arguments: [first] }: TypeSignature): number {
  return first?.number ?? 3;
}

/** The type as people write it. */
function textOf({ rawType, arguments: parts }: TypeSignature): string {
  if (parts.length === 0) return rawType;
  const words = parts.map(({ name, type, number }) =>
    [name, type ? textOf(type) : number].filter((word) => word !== null).join(' '),
  );
  const [word = '', ...rest] = rawType.split(' ');
  return [`${word}(${words.join(', ')})`, ...rest].join(' ');
}

/** SQL of the value of a text, or of the JSON that a nested value is. */
function scalarOf(type: DataType, text: string, depth: number): string {
  switch (type.kind) {
    case 'string':
    case 'variant':
      return text;
    case 'binary':
      return `from_base64(${text})`;
    case 'timestamp':
      return `cast(${text} || '+00' as ${duckDbType(type)})`;
    case 'array': {
      const element = `e${depth}`;
      return `list_transform(cast(${text} as json[]), lambda ${element}: ${scalarOf(type.element, `(${element} ->> '$')`, depth + 1)})`;
    }
    case 'map': {
      const entry = `e${depth}`;
      const key = scalarOf(type.key, `${entry}.key`, depth + 1);
      const value = scalarOf(type.value, `(${entry}.value ->> '$')`, depth + 1);
      return `map_from_entries(list_transform(map_entries(cast(cast(${text} as json) as map(varchar, json))), lambda ${entry}: {'key': ${key}, 'value': ${value}}))`;
    }
    case 'struct': {
      const members = type.fields.map((field, at) => {
        return `${quoteIdentifier(field.name)} := ${scalarOf(field.type, `(cast(${text} as json) ->> '$[${at}]')`, depth + 1)}`;
      });
      return `case when ${text} is not null then struct_pack(${members.join(', ')}) end`;
    }
    default:
      return `cast(${text} as ${duckDbType(type)})`;
  }
}
