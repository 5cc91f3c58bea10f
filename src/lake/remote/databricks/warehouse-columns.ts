import type { DataType, Field } from '../../../core/data-type.js';
import { parseLakehouseType } from '../../../core/lakehouse-type.js';
import { duckDbType } from '../../engine/duckdb-type.js';
import type { RemoteColumn } from '../row-source.js';

/** How a column of a table is asked for, and what is made of what arrives. */
export function warehouseColumn({
  name,
  typeText,
}: {
  readonly name: string;
  readonly typeText: string;
}): RemoteColumn {
  const type = typeOf(typeText);
  const field: Field = { name, type, nullable: true, physicalName: name };
  return { field, comment: null, asked: askedOf(type, quoteName(name)), value: (text) => scalarOf(type, text) };
}

/** A name in the SQL of Databricks. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

function typeOf(text: string): DataType {
  const word = text.trim().toLowerCase();
  if (word === 'variant') return { kind: 'variant' };
  if (/^(?:varchar|char)\s*\(\d+\)$/.test(word)) return { kind: 'string' };
  // Texts that say all, for what no column of files is.
  if (word.startsWith('interval ')) return { kind: 'string' };
  const type = parseLakehouseType(text);
  if (type === null || (isNested(type) && losesInJson(type))) return { kind: 'unsupported', name: word };
  return type;
}

function isNested({ kind }: DataType): boolean {
  return kind === 'array' || kind === 'map' || kind === 'struct';
}

/** Digits that a number keeps where JSON is read as it is by everybody: in binary floating point. */
const DIGITS_MAX = 15;

/** Whether JSON holds less of a value than the type does. */
function losesInJson(type: DataType): boolean {
  switch (type.kind) {
    case 'decimal':
      return type.precision > DIGITS_MAX;
    case 'array':
      return losesInJson(type.element);
    case 'map':
      return losesInJson(type.key) || losesInJson(type.value) || isNested(type.key);
    case 'struct':
      return type.fields.some((field) => losesInJson(field.type));
    case 'variant':
    case 'interval':
    case 'unsupported':
      return true;
    default:
      return false;
  }
}

const JSON_OPTIONS = `map('ignoreNullFields', 'false', 'timestampFormat', "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", 'timestampNTZFormat', "yyyy-MM-dd'T'HH:mm:ss.SSSSSS")`;

/** By itself, the API cuts fractions of seconds, and writes bytes in a way of its own. */
function askedOf(type: DataType, column: string): string {
  switch (type.kind) {
    case 'binary':
      return `base64(${column})`;
    case 'timestamp':
      return `unix_micros(${column})`;
    case 'array':
    case 'map':
    case 'struct':
      return `to_json(${column}, ${JSON_OPTIONS})`;
    case 'variant':
      return `to_json(${column})`;
    default:
      return `cast(${column} as string)`;
  }
}

function scalarOf(type: DataType, text: string): string {
  switch (type.kind) {
    case 'string':
    case 'variant':
      return text;
    case 'binary':
      return `from_base64(${text})`;
    case 'timestamp':
      return `make_timestamp(cast(${text} as bigint)) at time zone 'UTC'`;
    case 'array':
    case 'map':
    case 'struct':
      return nestedOf(type, `cast(${text} as json)`, 0);
    default:
      return `cast(${text} as ${duckDbType(type)})`;
  }
}

/** SQL of the value of a JSON value. */
function nestedOf(type: DataType, json: string, depth: number): string {
  switch (type.kind) {
    case 'binary':
      return `from_base64(${json} ->> '$')`;
    case 'array': {
      const element = `e${depth}`;
      return `list_transform(cast(${json} as json[]), lambda ${element}: ${nestedOf(type.element, element, depth + 1)})`;
    }
    case 'map': {
      const entry = `e${depth}`;
      const key = scalarOf(type.key, `${entry}.key`);
      const value = nestedOf(type.value, `${entry}.value`, depth + 1);
      return `map_from_entries(list_transform(map_entries(cast(${json} as map(varchar, json))), lambda ${entry}: {'key': ${key}, 'value': ${value}}))`;
    }
    case 'struct': {
      const members = type.fields.map((field) => {
        const path = `'$."${field.name.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll("'", "''")}"'`;
        return `"${field.name.replaceAll('"', '""')}" := ${nestedOf(field.type, `(${json} -> ${path})`, depth + 1)}`;
      });
      return `case when json_type(${json}) = 'OBJECT' then struct_pack(${members.join(', ')}) end`;
    }
    default:
      return `cast(${json} ->> '$' as ${duckDbType(type)})`;
  }
}
