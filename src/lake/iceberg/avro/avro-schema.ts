import { z } from 'zod';
import { MalformedBytes } from '../../deletion-vectors/byte-cursor.js';

const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;
type AvroPrimitive = (typeof PRIMITIVES)[number];

/** A type of an Avro file, its named types resolved. */
export type AvroType =
  | { readonly kind: AvroPrimitive; readonly logicalType: string | null }
  | { readonly kind: 'fixed'; readonly size: number; readonly logicalType: string | null }
  | { readonly kind: 'enum'; readonly symbols: readonly string[] }
  | { readonly kind: 'array' | 'map'; readonly items: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | { readonly kind: 'record'; readonly fields: readonly AvroField[] };

interface AvroField {
  readonly name: string;
  readonly type: AvroType;
  /** Iceberg's id of the field; null where the writer gives none. */
  readonly fieldId: number | null;
}

const complexShape = z.object({
  type: z.unknown(),
  name: z.string().optional(),
  namespace: z.string().optional(),
  logicalType: z.string().optional(),
  items: z.unknown().optional(),
  values: z.unknown().optional(),
  size: z.number().int().nonnegative().optional(),
  symbols: z.array(z.string()).optional(),
  fields: z
    .array(z.object({ name: z.string(), type: z.unknown(), 'field-id': z.number().int().optional() }))
    .optional(),
});

/** Iceberg's own schemas are five levels deep. */
const LEVELS_MAX = 50;

/**
 * Reads the schema that an Avro file states of itself.
 * @throws MalformedBytes
 */
export function parseAvroSchema(text: string): AvroType {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new MalformedBytes('its schema is not JSON');
  }
  return new SchemaReader().type(json, '', 0);
}

class SchemaReader {
  readonly #named = new Map<string, AvroType>();

  type(json: unknown, namespace: string, level: number): AvroType {
    if (level > LEVELS_MAX) throw new MalformedBytes('its schema is nested too deeply');
    if (typeof json === 'string') return this.#byName(json, namespace);
    if (Array.isArray(json)) {
      return { kind: 'union', branches: json.map((branch) => this.type(branch, namespace, level + 1)) };
    }
    const parsed = complexShape.safeParse(json);
    if (!parsed.success) throw new MalformedBytes('its schema holds something that is no type');
    return this.#complex(parsed.data, namespace, level);
  }

  #complex(shape: z.infer<typeof complexShape>, outer: string, level: number): AvroType {
    const namespace = shape.namespace ?? outer;
    const inner = (json: unknown) => this.type(json, namespace, level + 1);
    const logicalType = shape.logicalType ?? null;
    switch (shape.type) {
      case 'record': {
        const fields = (shape.fields ?? []).map((field) => {
          return { name: field.name, type: inner(field.type), fieldId: field['field-id'] ?? null };
        });
        return this.#define(shape.name, namespace, { kind: 'record', fields });
      }
      case 'fixed':
        return this.#define(shape.name, namespace, { kind: 'fixed', size: shape.size ?? 0, logicalType });
      case 'enum':
        return this.#define(shape.name, namespace, { kind: 'enum', symbols: shape.symbols ?? [] });
      case 'array':
        return { kind: 'array', items: inner(shape.items) };
      case 'map':
        return { kind: 'map', items: inner(shape.values) };
      default: {
        const type = inner(shape.type);
        return 'logicalType' in type && logicalType !== null ? { ...type, logicalType } : type;
      }
    }
  }

  #define(name: string | undefined, namespace: string, type: AvroType): AvroType {
    if (name !== undefined) this.#named.set(fullName(name, namespace), type);
    return type;
  }

  #byName(name: string, namespace: string): AvroType {
    const kind = PRIMITIVES.find((primitive) => primitive === name);
    const found = kind ? { kind, logicalType: null } : (this.#named.get(fullName(name, namespace)) ?? null);
    if (found === null) throw new MalformedBytes(`its schema names a type ${name} that it does not define`);
    return found;
  }
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}
