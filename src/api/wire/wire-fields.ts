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
