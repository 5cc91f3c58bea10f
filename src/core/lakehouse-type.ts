import type { DataType, Field, PrimitiveKind } from './data-type.js';

const PRIMITIVES: Readonly<Record<string, PrimitiveKind>> = {
  string: 'string',
  bigint: 'long',
  long: 'long',
  int: 'integer',
  integer: 'integer',
  smallint: 'short',
  short: 'short',
  tinyint: 'byte',
  byte: 'byte',
  float: 'float',
  real: 'float',
  double: 'double',
  boolean: 'boolean',
  binary: 'binary',
  date: 'date',
  timestamp: 'timestamp',
  timestamp_ntz: 'timestamp_ntz',
};

/**
 * Reads a type as the lakehouse's SQL writes it: `bigint`, `decimal(10,2)`, `array<string>`, `map<string,int>`,
 * `struct<a:int,b:string>`. Null if it is none.
 */
export function parseLakehouseType(text: string): DataType | null {
  const type = text.trim();
  const word = type.toLowerCase();
  if (Object.hasOwn(PRIMITIVES, word)) return { kind: PRIMITIVES[word] ?? 'string' };
  const [, precision, scale = '0'] = /^(?:decimal|numeric)\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\)$/.exec(word) ?? [];
  if (precision !== undefined) return decimal(Number(precision), Number(scale));
  const [, container, inner = ''] = /^(array|map|struct)\s*<(.*)>$/is.exec(type) ?? [];
  const parts = splitOutside(inner);
  switch (container?.toLowerCase()) {
    case 'array': {
      const element = parts.length === 1 ? parseLakehouseType(inner) : null;
      return element && { kind: 'array', element };
    }
    case 'map': {
      const [key, value] = parts.map(parseLakehouseType);
      return parts.length === 2 && key && value ? { kind: 'map', key, value } : null;
    }
    case 'struct': {
      const fields = parts.map(parseField);
      return fields.every((field) => field !== null) ? { kind: 'struct', fields } : null;
    }
    default:
      return null;
  }
}

function decimal(precision: number, scale: number): DataType | null {
  return precision >= 1 && precision <= 38 && scale <= precision ? { kind: 'decimal', precision, scale } : null;
}

function parseField(text: string): Field | null {
  const [, quoted, plain, typeText = ''] = /^\s*(?:`((?:[^`]|``)+)`|([^:\s`]+))\s*[:\s]\s*(.+)$/s.exec(text) ?? [];
  const name = quoted?.replaceAll('``', '`') ?? plain;
  const type = parseLakehouseType(typeText);
  return name === undefined || type === null ? null : { name, type, nullable: true, physicalName: name };
}

/** The parts between commas that are in no brackets. */
function splitOutside(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const letter of text) {
    if (letter === '<' || letter === '(') depth++;
    if (letter === '>' || letter === ')') depth--;
    if (letter === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts;
}
