import type { z } from 'zod';
import { isMapping } from './describe-issue.js';

/** What is looked at of a schema's definition, which differs by its type. */
interface Definition {
  readonly type: string;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly discriminator?: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly values?: readonly unknown[];
}

function definitionOf(schema: z.core.$ZodType): Definition {
  return schema._zod.def as unknown as Definition;
}

/**
 * The keys that a schema knows in the mapping at a path.
 * @param value the settings: what kind of a catalog one is, says which keys it may have
 */
export function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  const [first, ...rest] = path;
  const {
    type,
    innerType,
    in: input,
    valueType,
    element,
    options = [],
    discriminator,
    shape = {},
  } = definitionOf(schema);
  const inner = innerType ?? input;
  if (inner !== undefined) return knownKeys(inner, path, value);
  if (type === 'union') {
    const meant = options.filter((option) => isMeant(option, discriminator, value));
    return [...new Set((meant.length > 0 ? meant : options).flatMap((option) => knownKeys(option, path, value)))];
  }
  if (first === undefined) return Object.keys(shape);
  const below = shape[String(first)] ?? valueType ?? element;
  if (below === undefined) return [];
  return knownKeys(below, rest, (value as Record<PropertyKey, unknown> | null | undefined)?.[first]);
}

/** Whether a member of a union has the word by which its members are told apart. */
function isMeant(option: z.core.$ZodType, discriminator: string | undefined, value: unknown): boolean {
  const { shape = {}, innerType, in: input } = definitionOf(option);
  const inner = innerType ?? input;
  if (inner !== undefined) return isMeant(inner, discriminator, value);
  const word = discriminator === undefined ? undefined : shape[discriminator];
  if (word === undefined || discriminator === undefined || !isMapping(value)) return false;
  return definitionOf(word).values?.includes(value[discriminator]) === true;
}
