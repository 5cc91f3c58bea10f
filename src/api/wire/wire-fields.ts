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

/** A whole number that JSON readers keep exact: its digits as a text beyond 2^53 - 1, where JavaScript and others lose some. */
export const exactNumber = z
  .union([z.int(), z.string().regex(/^-?\d+$/)])
  .describe('A number, or its digits as a text beyond 2^53 - 1');

type ExactNumber = z.output<typeof exactNumber>;

/** The wire form of a 64-bit number; null stays null. */
export function exactNumberOf(value: bigint | string): ExactNumber;
export function exactNumberOf(value: bigint | string | null): ExactNumber | null;
export function exactNumberOf(value: bigint | string | null): ExactNumber | null {
  const number = Number(value);
  return value === null ? null : Number.isSafeInteger(number) ? number : String(value);
}

/** An instant in milliseconds since 1970 as ISO 8601 text; null stays null. */
export function timeOf(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
