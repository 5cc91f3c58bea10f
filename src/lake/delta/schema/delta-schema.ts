import { z } from 'zod';
import type { DataType, Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import type { ColumnMappingMode } from './column-mapping.js';
import { parsePrimitiveType } from './primitive-type.js';
import { requireKnownTypeChanges } from './type-widening.js';

const fieldShape = z.object({
  name: z.string(),
  type: z.unknown(),
  nullable: z.boolean().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});
const nestedShape = z.discriminatedUnion('type', [
  z.object({ type: z.literal('struct'), fields: z.array(fieldShape) }),
  z.object({ type: z.literal('array'), elementType: z.unknown() }),
  z.object({ type: z.literal('map'), keyType: z.unknown(), valueType: z.unknown() }),
]);
const otherShape = z.object({ type: z.string() });

/** Far more than can be synced, and far less than the stack holds. */
const LEVELS_READ_MAX = 200;

interface SchemaContext {
  readonly mode: ColumnMappingMode;
  readonly tableName: string;
}

/**
 * The columns that `schemaString` of a metaData action declares (protocol: "Schema Serialization Format"). Unknown
 * types become kind `unsupported`: the caller decides whether that matters. Physical names and field ids come from the
 * column mapping metadata, at every level of nesting, unless `mode` is `none`.
 * @throws DELTA_LOG_CORRUPT for an invalid schema; DELTA_UNSUPPORTED_FEATURE for an unknown type change
 */
export function parseDeltaSchema(schemaString: string | null, context: SchemaContext): Field[] {
  if (schemaString === null) return [];
  let schema: unknown;
  try {
    schema = JSON.parse(schemaString);
  } catch (error) {
    throw corrupt(context, 'schemaString is not valid JSON', error);
  }
  const type = parseType(schema, 'the table', context);
  if (type.kind !== 'struct') throw corrupt(context, 'schemaString is not a struct');
  return [...type.fields];
}

function parseType(type: unknown, path: string, context: SchemaContext, level = 0): DataType {
  if (level > LEVELS_READ_MAX) return { kind: 'unsupported', name: `a value nested over ${LEVELS_READ_MAX} deep` };
  if (typeof type === 'string') return parsePrimitiveType(type);
  const nested = nestedShape.safeParse(type);
  if (!nested.success) {
    const name = otherShape.safeParse(type).data?.type;
    if (name === undefined || ['struct', 'array', 'map'].includes(name)) {
      throw corrupt(context, `the type of ${path} is malformed`);
    }
    return { kind: 'unsupported', name };
  }
  const shape = nested.data;
  switch (shape.type) {
    case 'struct':
      return { kind: 'struct', fields: parseFields(shape.fields, path, context, level + 1) };
    case 'array':
      return { kind: 'array', element: parseType(shape.elementType, `${path}.element`, context, level + 1) };
    case 'map':
      return {
        kind: 'map',
        key: parseType(shape.keyType, `${path}.key`, context, level + 1),
        value: parseType(shape.valueType, `${path}.value`, context, level + 1),
      };
  }
}

function parseFields(
  shapes: readonly z.infer<typeof fieldShape>[],
  path: string,
  context: SchemaContext,
  level: number,
): Field[] {
  const names = new Set<string>();
  return shapes.map((shape) => {
    const lowerCased = shape.name.toLowerCase();
    if (names.has(lowerCased)) throw corrupt(context, `${path} has two columns named "${shape.name}"`);
    names.add(lowerCased);
    return parseField(shape, path === 'the table' ? shape.name : `${path}.${shape.name}`, context, level);
  });
}

function parseField(shape: z.infer<typeof fieldShape>, path: string, context: SchemaContext, level: number): Field {
  const metadata = shape.metadata ?? {};
  requireKnownTypeChanges({ history: metadata['delta.typeChanges'], column: path, tableName: context.tableName });
  const type = parseType(shape.type, path, context, level);
  const nullable = shape.nullable ?? true;
  if (context.mode === 'none') return { name: shape.name, type, nullable, physicalName: shape.name };

  const physicalName = metadata['delta.columnMapping.physicalName'];
  const fieldId = metadata['delta.columnMapping.id'];
  if (typeof physicalName !== 'string') throw corrupt(context, `column "${path}" has no physical name`);
  if (!Number.isSafeInteger(fieldId)) {
    if (context.mode === 'id') throw corrupt(context, `column "${path}" has no column mapping id`);
    return { name: shape.name, type, nullable, physicalName };
  }
  return { name: shape.name, type, nullable, physicalName, fieldId: fieldId as number };
}

function corrupt(context: SchemaContext, reason: string, cause?: unknown): Error {
  return syncedTablesError('DELTA_LOG_CORRUPT', { table: context.tableName, reason: `its schema: ${reason}` }, cause);
}
