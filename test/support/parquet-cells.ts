import { readFileSync } from 'node:fs';
import { type FileMetaData, parquetMetadata, parquetReadObjects, parquetSchema, type SchemaElement } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { DataType, Field } from '../../src/core/data-type.js';
import type { Cell } from './cell.js';

type SchemaTree = ReturnType<typeof parquetSchema>;

/**
 * Reads a Parquet file by a reader that shares nothing with the product. Columns are found by `physicalName`; those
 * that the file lacks are null.
 */
export async function readParquetCells(path: string, columns: readonly Field[]): Promise<Cell[][]> {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const metadata = parquetMetadata(file);
  const tree = parquetSchema(metadata);
  const rows = await parquetReadObjects({
    file,
    metadata: rawMetadata(metadata, variantRoots(tree, columns)),
    compressors,
    utf8: false,
    parsers: {
      // Exact values instead of Date and the like. Only INT96 and shredded or marked variants still come here.
      timestampFromNanoseconds: (nanos) => nanos / 1000n,
      stringFromBytes: (text) => text && decodeText(text),
    },
  });
  return rows.map((row) => columns.map((column) => fieldCell(column, tree, row)));
}

const decodeText = (bytes: Uint8Array) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);

/** Elements of the schema whose values the reader shall decode as variants: the file may not say so. */
function variantRoots(tree: SchemaTree, columns: readonly Field[]): ReadonlySet<SchemaElement> {
  const roots = new Set<SchemaElement>();
  const visit = (type: DataType, node: SchemaTree | undefined): void => {
    if (!node) return;
    if (type.kind === 'variant') roots.add(node.element);
    if (type.kind === 'array') visit(type.element, listElement(node));
    if (type.kind === 'map') visit(type.value, node.children[0]?.children[1]);
    if (type.kind === 'struct') for (const field of type.fields) visit(field.type, childOf(node, field));
  };
  for (const column of columns) visit(column.type, childOf(tree, column));
  return roots;
}

/** The footer without the types that the reader would convert with a loss: decimals, dates, timestamps. */
function rawMetadata(metadata: FileMetaData, variants: ReadonlySet<SchemaElement>): FileMetaData {
  const schema = metadata.schema.map((element) => {
    const { logical_type, converted_type, ...raw } = element;
    if (variants.has(element)) return { ...raw, logical_type: { type: 'VARIANT' } } as SchemaElement;
    const isKept = ['LIST', 'MAP', 'MAP_KEY_VALUE', 'UTF8'].includes(converted_type ?? '');
    return isKept ? ({ ...raw, converted_type } as SchemaElement) : (raw as SchemaElement);
  });
  return { ...metadata, schema };
}

const childOf = (node: SchemaTree, field: Field) =>
  node.children.find(({ element }) => element.name.toLowerCase() === field.physicalName.toLowerCase());

function listElement(list: SchemaTree): SchemaTree | undefined {
  const [repeated] = list.children;
  return repeated?.children.length === 1 && repeated.element.name !== 'array' ? repeated.children[0] : repeated;
}

function fieldCell(field: Field, parent: SchemaTree, values: Record<string, unknown>): Cell {
  const node = childOf(parent, field);
  return node ? parquetCell(field.type, node, values[node.element.name]) : null;
}

function parquetCell(type: DataType, node: SchemaTree | undefined, value: unknown): Cell {
  if (value === null || value === undefined || !node) return null;
  switch (type.kind) {
    case 'string':
      return typeof value === 'string' ? value : decodeText(value as Uint8Array);
    case 'binary':
      return value as Uint8Array;
    case 'boolean':
      return value as boolean;
    case 'float':
    case 'double':
      return Number(value);
    case 'long':
    case 'integer':
    case 'short':
    case 'byte':
    case 'date':
      return BigInt(value as number | bigint);
    case 'decimal':
      return decimalDigits(value as number | bigint | Uint8Array, node.element.scale ?? 0);
    case 'timestamp':
    case 'timestamp_ntz':
      return timestampMicros(node.element, value as number | bigint);
    case 'variant':
      return jsonText(value);
    case 'array':
      return (value as unknown[]).map((item) => parquetCell(type.element, listElement(node), item));
    case 'map': {
      const [key, content] = node.children[0]?.children ?? [];
      return Object.entries(value as object).map(([text, item]) => [
        parquetCell(type.key, key, keyOf(type.key, text)),
        parquetCell(type.value, content, item),
      ]);
    }
    case 'struct':
      return type.fields.map((field) => fieldCell(field, node, value as Record<string, unknown>));
    default:
      throw new Error(`tests read no ${type.kind}`);
  }
}

/** The reader gives maps as objects, so that keys arrive as text, bytes as numbers with commas. */
function keyOf(type: DataType, text: string): unknown {
  switch (type.kind) {
    case 'string':
      return text;
    case 'boolean':
      return text === 'true';
    case 'float':
    case 'double':
      return Number(text);
    case 'decimal':
    case 'binary':
      return text.includes(',') ? Uint8Array.from(text.split(',').map(Number)) : BigInt(text);
    case 'array':
      return text.split(',');
    default:
      return BigInt(text);
  }
}

function decimalDigits(value: number | bigint | Uint8Array, scale: number): string {
  const unscaled =
    value instanceof Uint8Array
      ? BigInt.asIntN(value.length * 8, BigInt(`0x${Buffer.from(value).toString('hex') || '0'}`))
      : BigInt(value);
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const split = digits.length - scale;
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, split)}${scale > 0 ? '.' : ''}${digits.slice(split)}`;
}

function timestampMicros(element: SchemaElement, value: number | bigint): bigint {
  // INT32 is a date that was widened since; INT96 was made microseconds when it was read.
  if (element.type === 'INT32') return BigInt(value) * 86_400_000_000n;
  if (element.type === 'INT96') return BigInt(value);
  const unit = element.logical_type?.type === 'TIMESTAMP' ? element.logical_type.unit : undefined;
  const isMillis = unit === 'MILLIS' || element.converted_type === 'TIMESTAMP_MILLIS';
  return BigInt(value) * (isMillis ? 1000n : 1n);
}

function jsonText(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(jsonText)}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`)}}`;
}
