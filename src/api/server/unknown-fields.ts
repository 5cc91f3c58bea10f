import { z } from 'zod';

/**
 * The fields of a body that its schema does not know, which are ignored: where one that is needed is missing, it may have
 * been misspelt, or stand one level too deep.
 * @param field path of the missing field, which says where to look
 */
export function unknownFieldsBeside(schema: unknown, body: unknown, field: string): string[] {
  let shape = schema;
  let given = body;
  for (const part of field.split('.').slice(0, -1)) {
    shape = shapeOf(shape)?.[part];
    given = isObject(given) ? given[part] : undefined;
  }
  const known = shapeOf(shape);
  if (known === undefined || !isObject(given)) return [];
  const name = field.split('.').at(-1) ?? '';
  const deeper = Object.entries(given).flatMap(([key, value]) => {
    const below = shapeOf(known[key]);
    const isMisplaced =
      below !== undefined && isObject(value) && Object.hasOwn(value, name) && !Object.hasOwn(below, name);
    return isMisplaced ? [`${key}.${name}`] : [];
  });
  return [...Object.keys(given).filter((key) => !Object.hasOwn(known, key)), ...deeper];
}

/** The fields of an object schema, also of an optional one. */
function shapeOf(schema: unknown): Readonly<Record<string, unknown>> | undefined {
  if (schema instanceof z.ZodObject) return schema.shape;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return shapeOf(schema.unwrap());
  if (schema instanceof z.ZodPipe) return shapeOf(schema.in);
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
