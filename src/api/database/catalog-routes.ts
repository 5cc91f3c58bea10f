import { z } from 'zod';
import { syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../api-context.js';
import type { ApiInstance } from '../api-instance.js';
import type { Caller } from '../caller.js';
import { type CatalogPlace, findCatalog, listCatalogs } from '../catalog-place.js';
import { ensureDatabase } from '../ensure-database.js';
import { pageOf, pageQuery } from '../page.js';
import { checkCatalogName } from '../table-name.js';
import { instanceParams, maybe, nameParams, nothing, text } from './wire-fields.js';

const PATH = '/api/2.0/database/catalogs';
const tags = ['database'];

const catalogInput = z.object({
  name: text,
  database_instance_name: text,
  database_name: text,
  create_database_if_not_exists: maybe(z.boolean()),
});

const catalogReply = z.object({
  name: z.string(),
  database_instance_name: z.string(),
  database_name: z.string(),
  uid: z.string(),
});

const catalogListReply = z.object({
  database_catalogs: z.array(catalogReply),
  next_page_token: z.string().optional(),
});

/** Names that stand for one database of an instance (databricks-api.md A.6). */
export function addCatalogRoutes(server: ApiServer, context: ApiContext): void {
  const schema = {
    tags,
    summary: 'Register a catalog for a database',
    body: catalogInput,
    response: { 200: catalogReply },
  };
  server.post(PATH, { schema }, async ({ body, caller }) => toReply(await createCatalog(context, caller, body)));
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
  server.patch(`${PATH}/:name`, { schema: { tags, summary: 'Not implemented, as on the real service' } }, async () => {
    throw syncedTablesError('NOT_IMPLEMENTED', {
      call: 'Updating a database catalog',
      reason: 'it is a name for one database',
      alternative: 'Delete it and create it again; tables stay.',
    });
  });
}

function toReply({ name, instance, database, uid }: CatalogPlace): z.infer<typeof catalogReply> {
  return { name, database_instance_name: instance.name, database_name: database, uid };
}

async function requireCatalog(context: ApiContext, caller: Caller, name: string): Promise<CatalogPlace> {
  const catalog = await findCatalog(context, caller, checkCatalogName(name));
  if (!catalog) throw syncedTablesError('DATABASE_CATALOG_NOT_FOUND', { catalog: name });
  return catalog;
}

async function createCatalog(
  context: ApiContext,
  caller: Caller,
  body: z.output<typeof catalogInput>,
): Promise<CatalogPlace> {
  const name = checkCatalogName(body.name);
  const instance = context.instances.find(caller, body.database_instance_name);
  const isTaken = Object.hasOwn(context.settings.catalogs, name) || (await findCatalog(context, caller, name)) !== null;
  if (isTaken) throw syncedTablesError('DATABASE_CATALOG_EXISTS', { catalog: name });
  const create = body.create_database_if_not_exists === true;
  const database = await ensureDatabase(caller, { instance, database: body.database_name }, create);
  const role = await database.asCaller(caller, async (client) => {
    const { rows } = await client.query<{ name: string; may: boolean }>(
      `select current_user as name, pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as may`,
    );
    const { name: roleName = '', may = false } = rows[0] ?? {};
    if (may) return roleName;
    throw syncedTablesError('ACCESS_DENIED', { reason: `role ${roleName} lacks CREATE on database ${database.name}` });
  });
  await insertCatalog(instance, { name, database: database.name, role });
  return requireCatalog(context, caller, name);
}

async function insertCatalog(
  instance: ApiInstance,
  catalog: { readonly name: string; readonly database: string; readonly role: string },
): Promise<void> {
  const { name, database, role } = catalog;
  const { rowCount } = await instance.home.asService((client) =>
    client.query(
      `insert into synced_tables._catalogs (catalog_name, database_name, created_by) values ($1, $2, $3)
       on conflict do nothing`,
      [name, database, role],
    ),
  );
  if (rowCount === 0) throw syncedTablesError('DATABASE_CATALOG_EXISTS', { catalog: name });
}

async function deleteCatalog(catalog: CatalogPlace, caller: Caller): Promise<void> {
  const { home } = catalog.instance;
  const role = await home.roleNameOf(caller);
  const { rowCount } = await home.asService((client) =>
    client.query(
      `delete from synced_tables._catalogs
        where catalog_name = $1 and synced_tables._role_may_control($2, created_by)`,
      [catalog.name, role],
    ),
  );
  if (rowCount !== 0) return;
  throw syncedTablesError('ACCESS_DENIED', { reason: `catalog ${catalog.name} was created by ${catalog.createdBy}` });
}
