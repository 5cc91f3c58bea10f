import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { ApiContext, ApiServer } from '../api-context.js';
import type { Caller } from '../caller.js';
import { nothing } from '../database/wire-fields.js';
import { deleteSyncedTable } from '../delete-synced-table.js';
import { pageOf } from '../page.js';
import { fullNameOf } from '../table-name.js';
import { requireKnownCatalog } from './known-catalog.js';
import { findKnownTable, type KnownTable, readKnownTables, requireKnownSchema } from './known-table.js';
import { isLike } from './like-pattern.js';
import { describeTables, tableInfoOf } from './table-info.js';
import {
  fullNameParams,
  summaryListQuery,
  tableExists,
  tableInfo,
  tableList,
  tableListQuery,
  tableSummaryList,
  UNITY_PATH,
} from './unity-catalog-schema.js';

const PATH = `${UNITY_PATH}/tables`;
const tags = ['unity-catalog'];

/** Tables of Unity Catalog: synced ones, registered ones, and those of database catalogs. */
export function addTableRoutes(server: ApiServer, context: ApiContext): void {
  addTableLists(server, context);
  server.get(
    `${PATH}/:full_name`,
    { schema: { tags, summary: 'Read a table', params: fullNameParams, response: { 200: tableInfo } } },
    async ({ params, caller }) => {
      const found = await findKnownTable(context, caller, params.full_name);
      const [described] = await describeTables([found], { keys: true });
      return described ?? tableInfoOf(found);
    },
  );
  server.get(
    `${PATH}/:full_name/exists`,
    { schema: { tags, summary: 'Whether a table exists', params: fullNameParams, response: { 200: tableExists } } },
    async ({ params, caller }) => ({ table_exists: await isThere(context, caller, params.full_name) }),
  );
  const summary = 'Stop syncing a table; the Postgres table stays';
  server.delete(
    `${PATH}/:full_name`,
    { schema: { tags, summary, params: fullNameParams, response: { 200: nothing } } },
    async ({ params, caller }) => {
      await deleteTable(await findKnownTable(context, caller, params.full_name), caller);
      return {};
    },
  );
}

async function isThere(context: ApiContext, caller: Caller, name: string): Promise<boolean> {
  try {
    await findKnownTable(context, caller, name);
    return true;
  } catch (error) {
    const code = asSyncedTablesError(error)?.code ?? '';
    if (['CATALOG_DOES_NOT_EXIST', 'SCHEMA_DOES_NOT_EXIST', 'TABLE_DOES_NOT_EXIST'].includes(code)) return false;
    throw error;
  }
}

async function deleteTable(table: KnownTable, caller: Caller): Promise<void> {
  const { synced, instance, database } = table;
  const fullName = fullNameOf(table);
  if (!synced) {
    throw syncedTablesError('NOT_IMPLEMENTED', {
      call: `Deleting ${fullName}`,
      reason: 'it is not a synced table',
      alternative: 'Use DELETE /api/2.0/database/tables for its registration, or DROP TABLE in Postgres.',
    });
  }
  await deleteSyncedTable({ fullName, instance, database, record: synced }, caller, false);
}

function addTableLists(server: ApiServer, context: ApiContext): void {
  server.get(
    PATH,
    { schema: { tags, summary: 'The tables of a schema', querystring: tableListQuery, response: { 200: tableList } } },
    async ({ query, caller }) => {
      const schema = query.schema_name;
      const catalog = await requireKnownSchema(context, caller, { catalog: query.catalog_name, schema });
      const all = await readKnownTables(context, caller, catalog, { schema, table: null });
      const { items, next } = pageOf(all, ({ table }) => table, { ...query, page_size: query.max_results });
      const infos =
        query.omit_columns === 'true' ? items.map(tableInfoOf) : await describeTables(items, { keys: false });
      const tables = infos.map(({ properties, ...info }) =>
        query.omit_properties === 'true' || !properties ? info : { ...info, properties },
      );
      return { tables, ...(next === null ? {} : { next_page_token: next }) };
    },
  );
  server.get(
    `${UNITY_PATH}/table-summaries`,
    {
      schema: {
        tags,
        summary: 'Names and kinds of the tables of a catalog',
        querystring: summaryListQuery,
        response: { 200: tableSummaryList },
      },
    },
    async ({ query, caller }) => {
      const catalog = await requireKnownCatalog(context, caller, query.catalog_name);
      const schemaPattern = query.schema_name_pattern || '%';
      const tablePattern = query.table_name_pattern || '%';
      const all = (await readKnownTables(context, caller, catalog, { schema: null, table: null })).filter(
        ({ schema, table }) => isLike(schema, schemaPattern) && isLike(table, tablePattern),
      );
      const { items, next } = pageOf(all, fullNameOf, { ...query, page_size: query.max_results });
      const tables = items.map(tableInfoOf).map(({ full_name, table_type }) => ({ full_name, table_type }));
      return { tables, ...(next === null ? {} : { next_page_token: next }) };
    },
  );
}
