import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import { type CatalogPlace, listCatalogs } from '../names/catalog-place.js';
import { chooseInstance } from '../names/chosen-instance.js';
import { changeCatalog, createCatalog, deleteCatalog, requireCatalog } from '../names/database-catalog.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import { pageOf, pageQuery } from '../wire/page.js';
import { instanceParams, maybe, nameParams, nothing, text } from '../wire/wire-fields.js';

const PATH = '/api/2.0/database/catalogs';
const tags = ['database'];

const catalogInput = z.object({
  name: text,
  database_instance_name: maybe(text),
  database_project_id: maybe(text),
  database_branch_id: maybe(text),
  database_name: text,
  create_database_if_not_exists: maybe(z.boolean()),
});

const catalogReply = z.object({
  name: z.string(),
  database_instance_name: z.string(),
  database_name: z.string(),
  uid: z.string(),
  create_database_if_not_exists: z.boolean().optional().describe('As it was given'),
});

const catalogListReply = z.object({
  database_catalogs: z.array(catalogReply),
  next_page_token: z.string().optional(),
});

/** Names that stand for one database of an instance (docs/reference/databricks-api.md#other-objects). */
export function addDatabaseCatalogRoutes(server: ApiServer, context: ApiContext): void {
  const schema = {
    tags,
    summary: 'Register a catalog for a database',
    body: catalogInput,
    response: { 200: catalogReply },
  };
  server.post(PATH, { schema }, async ({ body, caller }) => {
    const instance = await chooseInstance(context, caller, body);
    if (!instance) {
      throw syncedTablesError('CATALOG_PLACE_MISSING', { catalog: body.name, field: 'database_instance_name' });
    }
    const createsDatabase = body.create_database_if_not_exists ?? null;
    const { name, database_name: database } = body;
    return toReply(await createCatalog(context, caller, { name, instance, database, createsDatabase }));
  });
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
        response: { 200: nothing },
      },
    },
    async ({ params, caller }) => {
      await deleteCatalog(await requireCatalog(context, caller, params.name), caller);
      return {};
    },
  );
  server.get(
    '/api/2.0/database/instances/:instance_name/catalogs',
    {
      schema: {
        tags,
        summary: 'The catalogs of an instance',
        params: instanceParams,
        querystring: pageQuery,
        response: { 200: catalogListReply },
      },
    },
    async ({ params, query, caller }) => {
      const catalogs = await listCatalogs(context.instances.find(caller, params.instance_name));
      const { items, next } = pageOf(catalogs, ({ name }) => name, query);
      return { database_catalogs: items.map(toReply), ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.patch(
    `${PATH}/:name`,
    {
      schema: {
        tags,
        summary: 'Say otherwise whether the database was to be created; nothing else of a catalog changes',
        params: nameParams,
        querystring: z.object({ update_mask: z.string().optional() }),
        body: catalogInput.partial(),
        response: { 200: catalogReply },
      },
    },
    async ({ params, body, caller }) => {
      const catalog = await requireCatalog(context, caller, params.name);
      const instance = await chooseInstance(context, caller, body);
      const isElsewhere =
        (instance ?? catalog.instance) !== catalog.instance ||
        (body.database_name ?? catalog.database) !== catalog.database;
      const isRenamed = (body.name ?? catalog.name).toLowerCase() !== catalog.name.toLowerCase();
      if (isElsewhere || isRenamed) {
        throw syncedTablesError('NOT_IMPLEMENTED', {
          call: 'Updating a database catalog',
          reason: 'it is a name for one database',
          alternative: 'Delete it and create it again; tables stay.',
        });
      }
      return toReply(await changeCatalog(context, caller, catalog, body.create_database_if_not_exists ?? null));
    },
  );
}

function toReply({ name, instance, database, uid, createsDatabase }: CatalogPlace): z.infer<typeof catalogReply> {
  // The service gives no flag back. Terraform compares it after an import, and others ignore it.
  const flag = createsDatabase === null ? {} : { create_database_if_not_exists: createsDatabase };
  return { name, database_instance_name: instance.name, database_name: database, uid, ...flag };
}
