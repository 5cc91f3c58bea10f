import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { describeInstance } from '../places/describe-instance.js';
import { pageOf } from '../wire/page.js';
import { addGrantRoutes } from './grant-routes.js';
import { type KnownCatalog, readKnownCatalogs, requireKnownCatalog } from './known-catalog.js';
import { addSchemaRoutes } from './schema-routes.js';
import {
  type CatalogInfo,
  catalogInfo,
  catalogList,
  catalogListQuery,
  catalogParams,
  metastoreAssignment,
  metastoreSummary,
  UNITY_PATH,
} from './unity-catalog-schema.js';
import { addUnityTableRoutes } from './unity-table-routes.js';

const tags = ['unity-catalog'];
/** As in the host metadata: there is a single workspace. */
const WORKSPACE = 1n;

/**
 * Known tables as Unity Catalog would show them, read-only but for names of staging schemas
 * (docs/reference/databricks-api.md#unity-catalog).
 */
export function addUnityCatalogRoutes(server: ApiServer, context: ApiContext): void {
  addCatalogReads(server, context);
  addSchemaRoutes(server, context);
  addGrantRoutes(server, context);
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

function addMetastore(server: ApiServer, context: ApiContext): void {
  server.get(
    `${UNITY_PATH}/metastore_summary`,
    { schema: { tags, summary: 'The metastore', response: { 200: metastoreSummary } } },
    async ({ caller }) => {
      const { instance, uid, creator } = await describeFirst(context, caller);
      return {
        metastore_id: uid,
        name: 'synced-tables',
        global_metastore_id: `synced-tables:${instance}:${uid}`,
        owner: creator,
        privilege_model_version: '1.0',
        external_access_enabled: false,
      };
    },
  );
  server.get(
    `${UNITY_PATH}/current-metastore-assignment`,
    { schema: { tags, summary: 'The metastore of the workspace', response: { 200: metastoreAssignment } } },
    async ({ caller }) => {
      const { uid } = await describeFirst(context, caller);
      return { metastore_id: uid, workspace_id: WORKSPACE, default_catalog_name: 'main' };
    },
  );
}

/** The first instance of the caller, which stands for the metastore. @throws DATABASE_UNAVAILABLE */
async function describeFirst(context: ApiContext, caller: Caller) {
  const [instance] = context.instances.of(caller);
  const found = instance ? await describeInstance(instance) : null;
  if (instance && found) return { ...found, instance: instance.name };
  throw syncedTablesError('DATABASE_UNAVAILABLE', { reason: 'the first instance cannot be reached' });
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
  const tables = 'Use /api/2.0/database/synced_tables, or /api/2.0/database/tables for tables that are not synced.';
  refuse('POST', 'catalogs', 'a catalog', catalogs);
  refuse('PATCH', 'catalogs/:name', 'a catalog', catalogs);
  refuse('DELETE', 'catalogs/:name', 'a catalog', catalogs);
  refuse('POST', 'tables', 'a table', tables);
  refuse('PATCH', 'tables/:full_name', 'a table', tables);
}
