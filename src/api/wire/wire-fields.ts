import { z } from 'zod';

/** A field that may be absent or null. */
export const maybe = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);

export const text = z.string().max(10_000);

/** An int64 of the wire. */
export const int64 = z.bigint();

export const nameParams = z.object({ name: z.string() });

export const instanceParams = z.object({ instance_name: z.string() });

/** The reply of calls without a result. */
export const nothing = z.object({});

/** A count that JSON readers keep exact: a number up to 2^53-1, else its digits as text. */
export const exactNumber = z.union([z.number(), z.string()]);

/** The wire form of a count; null stays null. */
export function exactNumberOf(count: bigint | null): number | string | null {
  if (count === null) return null;
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : count.toString();
}

/** An instant in milliseconds since 1970 as ISO 8601 text; null stays null. */
export function timeOf(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}

/** A whole number of our own calls: a text beyond 2^53 - 1, where JavaScript and others lose digits. */
export const wholeNumber = z
  .union([z.int(), z.string().regex(/^-?\d+$/)])
  .describe('A number, or its digits as a text beyond 2^53 - 1');

/** A 64-bit number as `wholeNumber` has it. */
export function wholeNumberOf(value: bigint | string): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}
