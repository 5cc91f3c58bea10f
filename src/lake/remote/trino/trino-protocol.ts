import { z } from 'zod';

/** A type as the protocol describes it: `decimal` with the arguments 38 and 2, `row` with named types. */
export interface TypeSignature {
  readonly rawType: string;
  readonly arguments: readonly TypeArgument[];
}

interface TypeArgument {
  readonly number: number | null;
  readonly name: string | null;
  readonly type: TypeSignature | null;
}

export interface TrinoColumn {
  readonly name: string;
  readonly typeSignature: TypeSignature;
}

const typeSignature: z.ZodType<TypeSignature> = z.lazy(() =>
  z.object({ rawType: z.string(), arguments: z.array(typeArgument).default([]) }),
);

const namedType = z.object({
  fieldName: z.object({ name: z.string() }).nullish(),
  typeSignature,
});

/** `{"kind":"LONG","value":38}`, `{"kind":"TYPE","value":{…}}`, `{"kind":"NAMED_TYPE","value":{"fieldName":…}}`. */
const typeArgument: z.ZodType<TypeArgument> = z
  .object({ kind: z.string(), value: z.unknown() })
  .transform(({ kind, value }) => {
    switch (kind) {
      case 'TYPE':
        return { number: null, name: null, type: typeSignature.parse(value) };
      case 'NAMED_TYPE': {
        const named = namedType.parse(value);
        return { number: null, name: named.fieldName?.name ?? null, type: named.typeSignature };
      }
      default:
        return { number: Number(value), name: null, type: null };
    }
  });

export const trinoColumns = z.array(z.object({ name: z.string(), typeSignature }));

export const trinoError = z.object({
  errorName: z.string(),
  errorType: z.string(),
  message: z.string().default(''),
});

export type TrinoError = z.infer<typeof trinoError>;
