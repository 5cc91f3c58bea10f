import { readFileSync } from 'node:fs';
import type { SwaggerOptions } from '@fastify/swagger';
import type { FastifySerializerCompiler } from 'fastify';
import { createJsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { stringifyJson } from '../wire/json-text.js';

/** Every reply is validated by its schema, so what is documented is what is sent. */
export const replySerializer: FastifySerializerCompiler<z.ZodType> = ({ schema }) => {
  return (data) => stringifyJson(schema.parse(data));
};

/** The document at /openapi.json, generated from the schemas of the routes. */
export function openApiOptions(): SwaggerOptions {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'synced-tables',
        version,
        description: 'The calls of the Databricks APIs around synced tables, served by a sidecar of your own.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }],
    },
    transform: withFailures,
  };
}

const fromZod = createJsonSchemaTransform({
  zodToJsonConfig: {
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type !== 'bigint') return;
      jsonSchema.type = 'integer';
      jsonSchema.format = 'int64';
    },
  },
});

/** Every call can fail, always in the same form: `toErrorReply`. */
const failure = z.object({
  error_code: z.string(),
  message: z.string(),
  details: z.array(z.looseObject({ '@type': z.string() })),
});
const FAILURE = {
  description: 'Why the call failed; details[0].reason is a code of docs/reference/errors.md.',
  ...z.toJSONSchema(failure, { target: 'draft-2020-12' }),
};

const withFailures: typeof fromZod = (route) => {
  const { schema, url } = fromZod(route);
  if (schema.hide === true) return { schema, url };
  return { schema: { ...schema, response: { ...(schema.response ?? {}), default: FAILURE } }, url };
};
