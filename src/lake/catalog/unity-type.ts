import type { DataType, Field, PrimitiveKind } from '../../core/data-type.js';
import type { UnityType } from '../../core/source-browser.js';

const PRIMITIVES: Readonly<Record<PrimitiveKind, readonly [name: string, text: string]>> = {
  string: ['STRING', 'string'],
  long: ['LONG', 'bigint'],
  integer: ['INT', 'int'],
  short: ['SHORT', 'smallint'],
  byte: ['BYTE', 'tinyint'],
  float: ['FLOAT', 'float'],
  double: ['DOUBLE', 'double'],
  boolean: ['BOOLEAN', 'boolean'],
  binary: ['BINARY', 'binary'],
  date: ['DATE', 'date'],
  timestamp: ['TIMESTAMP', 'timestamp'],
  timestamp_ntz: ['TIMESTAMP_NTZ', 'timestamp_ntz'],
  // Unity Catalog has no names for these two.
  time: ['STRING', 'string'],
  uuid: ['STRING', 'string'],
  interval: ['INTERVAL', 'interval'],
  void: ['NULL', 'void'],
  variant: ['VARIANT', 'variant'],
};

/** A source type in Unity Catalog's terms (ColumnTypeName, SQL text, Spark JSON). */
export function unityTypeOf(type: DataType): UnityType {
  switch (type.kind) {
    case 'decimal': {
      const { precision, scale } = type;
      const text = `decimal(${precision},${scale})`;
      return { name: 'DECIMAL', text, json: text, precision, scale };
    }
    case 'array': {
      const element = unityTypeOf(type.element);
      const json = { type: 'array', elementType: element.json, containsNull: true };
      return { name: 'ARRAY', text: `array<${element.text}>`, json };
    }
    case 'map': {
      const [key, value] = [unityTypeOf(type.key), unityTypeOf(type.value)];
      const json = { type: 'map', keyType: key.json, valueType: value.json, valueContainsNull: true };
      return { name: 'MAP', text: `map<${key.text},${value.text}>`, json };
    }
    case 'struct': {
      const text = type.fields.map((field) => `${field.name}:${unityTypeOf(field.type).text}`).join(',');
      const fields = type.fields.map(sparkField);
      return { name: 'STRUCT', text: `struct<${text}>`, json: { type: 'struct', fields } };
    }
    case 'unsupported': {
      const [, name = 'USER_DEFINED_TYPE'] = /^(geography|geometry)\b/i.exec(type.name) ?? [];
      return { name: name.toUpperCase(), text: type.name, json: type.name };
    }
    default: {
      const [name, text] = PRIMITIVES[type.kind];
      return { name, text, json: type.kind === 'time' || type.kind === 'uuid' ? text : type.kind };
    }
  }
}

function sparkField({ name, type, nullable }: Field): object {
  return { name, type: unityTypeOf(type).json, nullable, metadata: {} };
}
