import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { CatalogPlace } from '../names/catalog-place.js';
import { createCatalog, deleteCatalog, requireCatalog } from '../names/database-catalog.js';
import { branchNameOf, findByBranch, projectIdOf } from '../names/resource-names.js';
import { checkCatalogName } from '../names/table-name.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { maybe, nameParams, text } from '../wire/wire-fields.js';
import { EMPTY_RESPONSE, findOperation, operationReplyOf, recordOperation, TYPES } from './operation.js';
import { operationSchema } from './postgres-schema.js';

const PATH = '/api/2.0/postgres/catalogs';
const tags = ['postgres'];

const createQuery = z.object({ catalog_id: z.string().optional() });
const catalogBody = z.object({
  spec: z.object({
    postgres_database: text,
    branch: maybe(text),
    create_database_if_missing: maybe(z.boolean()),
  }),
});
const operationParams = z.object({ name: z.string(), operation_id: z.string() });

const catalogReply = z.object({
  name: z.string(),
  catalog_id: z.string(),
  uid: z.string(),
  create_time: z.string(),
  update_time: z.string(),
  spec: z.object({
    postgres_database: z.string(),
    branch: z.string(),
    create_database_if_missing: z.boolean().optional().describe('As it was given'),
  }),
  status: z.object({ postgres_database: z.string(), branch: z.string(), project: z.string() }),
});

const operationReply = operationSchema(catalogReply);

/** Database catalogs of the `postgres` service; writes return finished operations. */
export function addPostgresCatalogRoutes(server: ApiServer, context: ApiContext): void {
  server.post(
    PATH,
    {
      schema: {
        tags,
        summary: 'Register a catalog for a database; catalog_id is its name',
        querystring: createQuery,
        body: catalogBody,
        response: { 200: operationReply },
      },
    },
    async ({ query, body, caller }) => {
      const name = checkCatalogName(query.catalog_id ?? '');
      const { postgres_database: database, branch, create_database_if_missing: creates } = body.spec;
      const [only, ...others] = context.instances.of(caller);
      const instance = branch ? findByBranch(context, caller, branch) : others.length === 0 ? only : undefined;
      if (!instance) throw syncedTablesError('CATALOG_PLACE_MISSING', { catalog: name, field: 'spec.branch' });
      const wanted = { name, instance, database, createsDatabase: creates ?? null };
      const catalog = await createCatalog(context, caller, wanted);
      const operation = await recordOperation(instance, caller, { resourceName: `catalogs/${name}`, action: 'CREATE' });
      return operationReplyOf(operation, 'Catalog', { '@type': `${TYPES}.Catalog`, ...toReply(catalog) });
    },
  );
  server.get(
    `${PATH}/:name`,
    { schema: { tags, summary: 'Read a database catalog', params: nameParams, response: { 200: catalogReply } } },
    async ({ params, caller }) => toReply(await requireCatalog(context, caller, params.name)),
  );
  server.delete(
    `${PATH}/:name`,
    {
      schema: {
        tags,
        summary: 'Unregister a catalog; its database and tables stay',
        params: nameParams,
        response: { 200: operationReply },
      },
    },
    async ({ params, caller }) => {
      const catalog = await requireCatalog(context, caller, params.name);
      await deleteCatalog(catalog, caller);
      const done = { resourceName: `catalogs/${catalog.name}`, action: 'DELETE' } as const;
      return operationReplyOf(await recordOperation(catalog.instance, caller, done), 'Catalog', EMPTY_RESPONSE);
    },
  );
  server.get(
    `${PATH}/:name/operations/:operation_id`,
    { schema: { tags, summary: 'Read an operation', params: operationParams, response: { 200: operationReply } } },
    async ({ params, caller }) => {
      const name = `catalogs/${params.name}/operations/${params.operation_id}`;
      const operation = await findOperation(context, caller, name);
      if (operation.action === 'DELETE') return operationReplyOf(operation, 'Catalog', EMPTY_RESPONSE);
      const catalog = toReply(await requireCatalog(context, caller, params.name));
      return operationReplyOf(operation, 'Catalog', { '@type': `${TYPES}.Catalog`, ...catalog });
    },
  );
}

function toReply(catalog: CatalogPlace): z.infer<typeof catalogReply> {
  const { name, uid, instance, database, createdAt, createsDatabase } = catalog;
  const place = { postgres_database: database, branch: branchNameOf(instance) };
  return {
    name: `catalogs/${name}`,
    catalog_id: name,
    uid,
    create_time: createdAt,
    // It never changes.
    update_time: createdAt,
    spec: { ...place, ...(createsDatabase === null ? {} : { create_database_if_missing: createsDatabase }) },
    status: { ...place, project: `projects/${projectIdOf(instance)}` },
  };
}
