import type { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { nothing } from '../wire/wire-fields.js';
import { type KnownCatalog, requireKnownCatalog } from './known-catalog.js';
import { readKnownSchemas, requireKnownSchema } from './known-table.js';
import { pageWithSource } from './source-page.js';
import { browsing } from './source-table.js';
import {
  createStagingSchema,
  editStagingSchema,
  findStagingSchema,
  listStagingSchemas,
  refuseDatabaseSchema,
  removeStagingSchema,
  type StagingSchema,
} from './staging-schema.js';
import {
  createSchemaInput,
  deleteSchemaQuery,
  fullNameParams,
  schemaInfo,
  schemaList,
  schemaListQuery,
  UNITY_PATH,
  updateSchemaInput,
} from './unity-catalog-schema.js';

const tags = ['unity-catalog'];
const PATH = `${UNITY_PATH}/schemas`;

/** Schemas: those of databases and sources to read, and names for the staging of pipelines to make too. */
export function addSchemaRoutes(server: ApiServer, context: ApiContext): void {
  addReads(server, context);
  addChanges(server, context);
}

function addReads(server: ApiServer, context: ApiContext): void {
  server.get(
    PATH,
    {
      schema: {
        tags,
        summary: 'The schemas of a catalog',
        querystring: schemaListQuery,
        response: { 200: schemaList },
      },
    },
    async ({ query, caller }) => {
      const catalog = await requireKnownCatalog(context, caller, query.catalog_name);
      const names = [...(await readKnownSchemas(context, caller, catalog))];
      const staging = await listStagingSchemas(context, caller, { catalog: catalog.name, schema: null });
      const { items, next } = await pageWithSource(
        names,
        (name) => name,
        query,
        browsing(catalog, (source, page) => source.schemas(page)),
      );
      const schemas = items.map((name) => {
        const found = staging.find(({ record }) => record.schema === name);
        return found ? stagingInfoOf(found) : schemaInfoOf(catalog, name);
      });
      return { schemas, ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.get(
    `${PATH}/:full_name`,
    { schema: { tags, summary: 'Read a schema', params: fullNameParams, response: { 200: schemaInfo } } },
    async ({ params, caller }) => {
      const name = readSchemaName(params.full_name);
      const staging = await findStagingSchema(context, caller, name);
      if (staging !== null) return stagingInfoOf(staging);
      return schemaInfoOf(await requireKnownSchema(context, caller, name), name.schema);
    },
  );
}

function addChanges(server: ApiServer, context: ApiContext): void {
  server.post(
    PATH,
    {
      schema: {
        tags,
        summary: 'Keep a schema for the staging of pipelines, which is a name and nothing else',
        body: createSchemaInput,
        response: { 200: schemaInfo },
      },
    },
    async ({ body, caller }) => {
      const { catalog_name: catalog, name: schema, ...settings } = body;
      readSchemaName(`${catalog}.${schema}`);
      return stagingInfoOf(await createStagingSchema(context, caller, { catalog, schema, settings }));
    },
  );
  server.patch(
    `${PATH}/:full_name`,
    {
      schema: {
        tags,
        summary: 'Change comment and properties of a schema for the staging of pipelines',
        params: fullNameParams,
        body: updateSchemaInput,
        response: { 200: schemaInfo },
      },
    },
    async ({ params, body, caller }) => {
      const staging = await requireStagingSchema(context, caller, params.full_name, 'Changing');
      const { new_name, owner, enable_predictive_optimization: _, ...given } = body;
      const { record } = staging;
      const [field] = [
        ...(new_name === undefined || new_name.toLowerCase() === record.schema.toLowerCase() ? [] : ['new_name']),
        ...(owner === undefined || owner === record.createdBy ? [] : ['owner']),
      ];
      if (field !== undefined) throw refuseField(field);
      const settings = { ...record.settings, ...definedOf(given) };
      return stagingInfoOf(await editStagingSchema(staging, caller, { settings }));
    },
  );
  server.delete(
    `${PATH}/:full_name`,
    {
      schema: {
        tags,
        summary: 'Delete a schema for the staging of pipelines',
        params: fullNameParams,
        querystring: deleteSchemaQuery,
        response: { 200: nothing },
      },
    },
    async ({ params, caller }) => {
      await removeStagingSchema(await requireStagingSchema(context, caller, params.full_name, 'Deleting'), caller);
      return {};
    },
  );
}

function definedOf(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/**
 * The staging schema of a name, to change it.
 * @throws API_NAME_INVALID; CATALOG_DOES_NOT_EXIST, SCHEMA_DOES_NOT_EXIST; NOT_IMPLEMENTED for any other schema
 */
export async function requireStagingSchema(
  context: ApiContext,
  caller: Caller,
  fullName: string,
  doing: string,
): Promise<StagingSchema> {
  const name = readSchemaName(fullName);
  const staging = await findStagingSchema(context, caller, name);
  if (staging !== null) return staging;
  await requireKnownSchema(context, caller, name);
  throw refuseDatabaseSchema(doing, name.catalog);
}

/** @throws API_NAME_INVALID */
function readSchemaName(fullName: string): { readonly catalog: string; readonly schema: string } {
  const [catalog = '', schema = '', ...rest] = fullName.split('.');
  const isOdd = [catalog, schema].some((part) => /[\s/\p{Cc}]/u.test(part) || part.length > 255);
  if (catalog !== '' && schema !== '' && rest.length === 0 && !isOdd) return { catalog, schema };
  const parts = fullName.split('.').length;
  const reason =
    parts === 2 ? 'a part is empty, too long, or holds a space or a slash' : `it has ${parts} parts instead of 2`;
  throw syncedTablesError('API_NAME_INVALID', { what: 'Schema name', name: fullName, form: 'catalog.schema', reason });
}

function refuseField(field: string) {
  return syncedTablesError('NOT_IMPLEMENTED', {
    call: `Changing ${field} of a schema`,
    reason: 'a schema keeps the name and the owner that it was made with',
    alternative: 'Delete it and create it again.',
  });
}

function schemaInfoOf(catalog: KnownCatalog, name: string): z.input<typeof schemaInfo> {
  return { name, catalog_name: catalog.name, full_name: `${catalog.name}.${name}`, catalog_type: catalog.type };
}

function stagingInfoOf({ record }: StagingSchema): z.input<typeof schemaInfo> {
  const { catalog, schema, settings } = record;
  return {
    ...settings,
    name: schema,
    catalog_name: catalog,
    full_name: `${catalog}.${schema}`,
    catalog_type: 'MANAGED_CATALOG',
    schema_id: record.uid,
    owner: record.createdBy,
    created_at: record.createdAtMs,
    created_by: record.createdBy,
    updated_at: record.updatedAtMs,
    updated_by: record.updatedBy,
  };
}
