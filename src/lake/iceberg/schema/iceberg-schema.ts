import type { DataType, Field } from '../../../core/data-type.js';
import { nestedTypeShape, type SchemaFieldJson, type SchemaJson } from '../metadata/table-metadata.js';
import { parsePrimitiveType } from './primitive-type.js';

/** A column or a member at any depth. */
export interface SchemaField {
  readonly field: Field;
  /** What rows hold that are older than the column: the JSON of the schema, undefined or null for nothing. */
  readonly initialDefault: unknown;
  /** From the column down to the field itself. */
  readonly way: readonly Field[];
  /** Whether a list or a map lies on the way. */
  readonly isRepeated: boolean;
}

/** A schema of a table. */
export interface IcebergSchema {
  readonly columns: readonly Field[];
  /** By field id, at any depth. */
  readonly fields: ReadonlyMap<number, SchemaField>;
  /** Comments by column. */
  readonly comments: ReadonlyMap<string, string>;
  /** Columns that are said to identify a row; none if nothing is said, or members of structs are among them. */
  readonly identifierColumns: readonly string[];
}

/** Far more than can be synced, and far less than the stack holds. */
const LEVELS_READ_MAX = 200;

interface Place {
  readonly way: readonly Field[];
  readonly isRepeated: boolean;
  readonly level: number;
}

/**
 * Translates a schema. Unknown types become kind `unsupported`: the caller decides whether that matters.
 * @throws MalformedSchema, UnsupportedSchema
 */
export function parseIcebergSchema(schema: SchemaJson): IcebergSchema {
  const fields = new Map<number, SchemaField>();
  const columns = parseFields(schema.fields, { way: [], isRepeated: false, level: 0 }, fields);
  const comments = schema.fields.flatMap(({ name, doc }) => (doc ? [[name, doc] as const] : []));
  const ids = schema['identifier-field-ids'] ?? [];
  const identifiers = columns.filter(({ fieldId = -1 }) => ids.includes(fieldId)).map(({ name }) => name);
  const identifierColumns = identifiers.length === ids.length ? identifiers : [];
  return { columns, fields, comments: new Map(comments), identifierColumns };
}

/** A schema that is not as the format says. */
export class MalformedSchema extends Error {
  override readonly name = 'MalformedSchema';
}

/** A schema that the format allows and that cannot be read. */
export class UnsupportedSchema extends Error {
  override readonly name = 'UnsupportedSchema';
}

function parseFields(shapes: readonly SchemaFieldJson[], place: Place, fields: Map<number, SchemaField>): Field[] {
  const names = new Set<string>();
  return shapes.map((shape) => {
    const { id, name } = shape;
    // The engine does not distinguish them, so one would be read for the other.
    if (names.has(name.toLowerCase())) throw new UnsupportedSchema(`a second field named "${name}" in other capitals`);
    names.add(name.toLowerCase());
    if (fields.has(id)) throw new MalformedSchema(`two fields have the id ${id}`);
    // Members are registered below their parents: those are needed first, and their types last.
    const field = { name, nullable: !shape.required, physicalName: name, fieldId: id, type: VOID };
    const entry = { field, initialDefault: shape['initial-default'], way: [...place.way, field] };
    fields.set(id, { ...entry, isRepeated: place.isRepeated });
    field.type = parseType(shape.type, { ...place, way: entry.way, level: place.level + 1 }, fields);
    return field;
  });
}

const VOID: DataType = { kind: 'void' };

function parseType(json: unknown, place: Place, fields: Map<number, SchemaField>): DataType {
  const { level } = place;
  if (level > LEVELS_READ_MAX) return { kind: 'unsupported', name: `a value nested over ${LEVELS_READ_MAX} deep` };
  if (typeof json === 'string') return parsePrimitiveType(json);
  const nested = nestedTypeShape.safeParse(json);
  if (!nested.success) throw new MalformedSchema(`the type of "${place.way.at(-1)?.name ?? ''}" is malformed`);
  const inner = { ...place, isRepeated: true, level: level + 1 };
  switch (nested.data.type) {
    case 'struct':
      return { kind: 'struct', fields: parseFields(nested.data.fields, { ...place, level: level + 1 }, fields) };
    case 'list':
      return { kind: 'array', element: parseType(nested.data.element, inner, fields) };
    case 'map':
      return {
        kind: 'map',
        key: parseType(nested.data.key, inner, fields),
        value: parseType(nested.data.value, inner, fields),
      };
  }
}
