import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { describeInstance } from '../places/describe-instance.js';
import { pageOf } from '../wire/page.js';
import { type KnownCatalog, readKnownCatalogs, requireKnownCatalog } from './known-catalog.js';
import { readKnownSchemas, requireKnownSchema } from './known-table.js';
import { pageWithSource } from './source-page.js';
import { browsing } from './source-table.js';
import {
  type CatalogInfo,
  catalogInfo,
  catalogList,
  catalogListQuery,
  catalogParams,
  fullNameParams,
  metastoreSummary,
  schemaInfo,
  schemaList,
  schemaListQuery,
  UNITY_PATH,
} from './unity-catalog-schema.js';
import { addUnityTableRoutes } from './unity-table-routes.js';

const tags = ['unity-catalog'];

/** Known tables as Unity Catalog would show them; read-only (docs/reference/databricks-api.md#unity-catalog). */
export function addUnityCatalogRoutes(server: ApiServer, context: ApiContext): void {
  addCatalogReads(server, context);
  addSchemaReads(server, context);
  addUnityTableRoutes(server, context);
  addMetastore(server, context);
  addRefusals(server);
}

function addCatalogReads(server: ApiServer, context: ApiContext): void {
  const path = `${UNITY_PATH}/catalogs`;
  server.get(
    path,
    { schema: { tags, summary: 'The catalogs', querystring: catalogListQuery, response: { 200: catalogList } } },
    async ({ query, caller }) => {
      const all = await readKnownCatalogs(context, caller);
      const { items, next } = pageOf(all, ({ name }) => name, { ...query, page_size: query.max_results });
      return { catalogs: items.map(catalogInfoOf), ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.get(
    `${path}/:name`,
    { schema: { tags, summary: 'Read a catalog', params: catalogParams, response: { 200: catalogInfo } } },
    async ({ params, caller }) => catalogInfoOf(await requireKnownCatalog(context, caller, params.name)),
  );
}

function catalogInfoOf({ name, type, owner, comment }: KnownCatalog): CatalogInfo {
  return {
    name,
    full_name: name,
    catalog_type: type,
    securable_type: 'CATALOG',
    isolation_mode: 'OPEN',
    ...(owner === null ? {} : { owner }),
    comment,
  };
}

function addSchemaReads(server: ApiServer, context: ApiContext): void {
  const path = `${UNITY_PATH}/schemas`;
  server.get(
    path,
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
      const { items, next } = await pageWithSource(
        names,
        (name) => name,
        query,
        browsing(catalog, (source, page) => source.schemas(page)),
      );
      const schemas = items.map((name) => schemaInfoOf(catalog, name));
      return { schemas, ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.get(
    `${path}/:full_name`,
    { schema: { tags, summary: 'Read a schema', params: fullNameParams, response: { 200: schemaInfo } } },
    async ({ params, caller }) => {
      const [catalog = '', schema = '', ...rest] = params.full_name.split('.');
      if (schema === '' || rest.length > 0) {
        const form = 'catalog.schema';
        const reason = `it has ${params.full_name.split('.').length} parts instead of 2`;
        throw syncedTablesError('API_NAME_INVALID', { what: 'Schema name', name: params.full_name, form, reason });
      }
      return schemaInfoOf(await requireKnownSchema(context, caller, { catalog, schema }), schema);
    },
  );
}

function schemaInfoOf(catalog: KnownCatalog, name: string) {
  return { name, catalog_name: catalog.name, full_name: `${catalog.name}.${name}`, catalog_type: catalog.type };
}

function addMetastore(server: ApiServer, context: ApiContext): void {
  server.get(
    `${UNITY_PATH}/metastore_summary`,
    { schema: { tags, summary: 'The metastore', response: { 200: metastoreSummary } } },
    async ({ caller }) => {
      const [instance] = context.instances.of(caller);
      const found = instance ? await describeInstance(instance) : null;
      if (!instance || !found) {
        throw syncedTablesError('DATABASE_UNAVAILABLE', { reason: 'the first instance cannot be reached' });
      }
      return {
        metastore_id: found.uid,
        name: 'synced-tables',
        global_metastore_id: `synced-tables:${instance.name}:${found.uid}`,
        owner: found.creator,
        privilege_model_version: '1.0',
        external_access_enabled: false,
      };
    },
  );
}

/** Changes that Unity Catalog does not support here. */
function addRefusals(server: ApiServer): void {
  const refuse = (method: 'POST' | 'PATCH' | 'DELETE', path: string, what: string, alternative: string) =>
    server.route({
      method,
      url: `${UNITY_PATH}/${path}`,
      schema: { tags, summary: 'Not implemented' },
      handler: async () => {
        const reason = 'Unity Catalog is read only here';
        throw syncedTablesError('NOT_IMPLEMENTED', { call: `${method} of ${what}`, reason, alternative });
      },
    });
  const catalogs = 'Use /api/2.0/database/catalogs for catalogs of databases; those of sources stand in the settings.';
  const schemas = 'Make and change schemas in Postgres.';
  const tables = 'Use /api/2.0/database/synced_tables, or /api/2.0/database/tables for tables that are not synced.';
  refuse('POST', 'catalogs', 'a catalog', catalogs);
  refuse('PATCH', 'catalogs/:name', 'a catalog', catalogs);
  refuse('DELETE', 'catalogs/:name', 'a catalog', catalogs);
  refuse('POST', 'schemas', 'a schema', schemas);
  refuse('PATCH', 'schemas/:full_name', 'a schema', schemas);
  refuse('DELETE', 'schemas/:full_name', 'a schema', schemas);
  refuse('POST', 'tables', 'a table', tables);
  refuse('PATCH', 'tables/:full_name', 'a table', tables);
}
