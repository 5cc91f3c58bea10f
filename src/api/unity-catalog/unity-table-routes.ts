import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import type { SourceTable } from '../../core/source-browser.js';
import { fullNameOf } from '../names/table-name.js';
import type { ApiContext, ApiServer } from '../places/api-context.js';
import type { Caller } from '../places/caller.js';
import { deleteIfSynced } from '../synced-tables/delete-synced-table.js';
import { purgeQuery } from '../synced-tables/synced-table-schema.js';
import { nothing } from '../wire/wire-fields.js';
import { requireKnownCatalog } from './known-catalog.js';
import { type FoundTable, findTable, type KnownTable, readKnownTables, requireKnownSchema } from './known-table.js';
import { isLike } from './like-pattern.js';
import { pageWithSource } from './source-page.js';
import { browseSummaries } from './source-summaries.js';
import { browsing, sourceTableInfo } from './source-table.js';
import { describeTables, tableInfoOf } from './table-info.js';
import {
  fullNameParams,
  summaryListQuery,
  type TableInfo,
  tableExists,
  tableInfo,
  tableList,
  tableListQuery,
  tableSummaryList,
  UNITY_PATH,
} from './unity-catalog-schema.js';

const PATH = `${UNITY_PATH}/tables`;
const tags = ['unity-catalog'];

/** Tables of Unity Catalog: synced ones, registered ones, those of database catalogs, and sources. */
export function addUnityTableRoutes(server: ApiServer, context: ApiContext): void {
  addTableList(server, context);
  addTableSummaries(server, context);
  server.get(
    `${PATH}/:full_name`,
    { schema: { tags, summary: 'Read a table', params: fullNameParams, response: { 200: tableInfo } } },
    async ({ params, caller }) => {
      const found = await findTable(context, caller, params.full_name, { columns: true });
      if ('source' in found) return sourceTableInfo(found.catalog, found.source, { keys: true });
      const [described] = await describeTables([found.known], { keys: true });
      return described ?? tableInfoOf(found.known);
    },
  );
  server.get(
    `${PATH}/:full_name/exists`,
    { schema: { tags, summary: 'Whether a table exists', params: fullNameParams, response: { 200: tableExists } } },
    async ({ params, caller }) => ({ table_exists: await isThere(context, caller, params.full_name) }),
  );
  const summary = 'Stop syncing a table; the Postgres table stays unless purge_data is true';
  server.delete(
    `${PATH}/:full_name`,
    { schema: { tags, summary, params: fullNameParams, querystring: purgeQuery, response: { 200: nothing } } },
    async ({ params, query, caller }) => {
      const purge = query.purge_data === 'true';
      if (TARGET_NAME.test(params.full_name) && (await deleteIfSynced(context, caller, params.full_name, purge)))
        return {};
      refuseToDelete(await findTable(context, caller, params.full_name, { columns: false }));
    },
  );
}

/** Of the form that synced tables have; sources may be named otherwise. */
const TARGET_NAME = /^\w+\.\w+\.\w+$/;

async function isThere(context: ApiContext, caller: Caller, name: string): Promise<boolean> {
  try {
    await findTable(context, caller, name, { columns: false });
    return true;
  } catch (error) {
    const code = asSyncedTablesError(error)?.code ?? '';
    if (['CATALOG_DOES_NOT_EXIST', 'SCHEMA_DOES_NOT_EXIST', 'TABLE_DOES_NOT_EXIST'].includes(code)) return false;
    throw error;
  }
}

function refuseToDelete(found: FoundTable): never {
  if ('source' in found) {
    throw syncedTablesError('NOT_IMPLEMENTED', {
      call: `Deleting ${fullNameOf({ ...found.source, catalog: found.catalog })}`,
      reason: 'it is a source, which is never written to',
      alternative: 'Delete it in the lakehouse.',
    });
  }
  throw syncedTablesError('NOT_IMPLEMENTED', {
    call: `Deleting ${fullNameOf(found.known)}`,
    reason: 'it is not a synced table',
    alternative: 'Use DELETE /api/2.0/database/tables for its registration, or DROP TABLE in Postgres.',
  });
}

/** A list entry: a Postgres table, described together with others, or a source table, which comes fully described. */
interface Listed {
  readonly name: string;
  readonly of: KnownTable | { readonly source: SourceTable };
}

const listedSource = (source: SourceTable): Listed => ({
  name: `${source.schema}.${source.table}`,
  of: { source },
});
const listedKnown = (known: KnownTable): Listed => ({ name: `${known.schema}.${known.table}`, of: known });

function addTableList(server: ApiServer, context: ApiContext): void {
  server.get(
    PATH,
    { schema: { tags, summary: 'The tables of a schema', querystring: tableListQuery, response: { 200: tableList } } },
    async ({ query, caller }) => {
      const schema = query.schema_name;
      const columns = query.omit_columns !== 'true';
      const catalog = await requireKnownSchema(context, caller, { catalog: query.catalog_name, schema });
      const own = (await readKnownTables(context, caller, catalog, { schema, table: null })).map(listedKnown);
      const { items, next } = await pageWithSource(
        own,
        ({ name }) => name,
        query,
        browsing(catalog, async (source, page) => {
          const found = await source.tables(schema, { ...page, columns });
          return { items: found.items.map(listedSource), next: found.next };
        }),
      );
      const infos = await describeListed(catalog.name, items, { columns });
      const tables = infos.map(({ properties, ...info }) =>
        query.omit_properties === 'true' || !properties ? info : { ...info, properties },
      );
      return { tables, ...(next === null ? {} : { next_page_token: next }) };
    },
  );
}

async function describeListed(
  catalog: string,
  items: readonly Listed[],
  wants: { readonly columns: boolean },
): Promise<TableInfo[]> {
  const known = items.flatMap(({ of }) => ('source' in of ? [] : [of]));
  const sources = items.flatMap(({ of }) => ('source' in of ? [of.source] : []));
  return [
    ...(wants.columns ? await describeTables(known, { keys: false }) : known.map(tableInfoOf)),
    ...sources.map((source) => sourceTableInfo(catalog, source, { keys: false })),
  ];
}

function addTableSummaries(server: ApiServer, context: ApiContext): void {
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
      const patterns = { schema: query.schema_name_pattern || '%', table: query.table_name_pattern || '%' };
      const own = (await readKnownTables(context, caller, catalog, { schema: null, table: null })).filter(
        ({ schema, table }) => isLike(schema, patterns.schema) && isLike(table, patterns.table),
      );
      const { items, next } = await pageWithSource(
        own.map(listedKnown),
        ({ name }) => name,
        query,
        browsing(catalog, async (source, page) => {
          const found = await browseSummaries(source, patterns, page);
          return { items: found.items.map(listedSource), next: found.next };
        }),
      );
      const infos = await describeListed(catalog.name, items, { columns: false });
      const tables = infos.map(({ full_name, table_type }) => ({ full_name, table_type }));
      return { tables, ...(next === null ? {} : { next_page_token: next }) };
    },
  );
}
