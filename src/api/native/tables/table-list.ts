import { z } from 'zod';
import { syncedTablesError } from '../../../core/errors.js';
import { groupOf, TABLE_GROUPS } from '../../../core/table-condition.js';
import { readTableDetails, readTableSizes } from '../../../postgres/registry/api/table-details.js';
import { readTableOverview } from '../../../postgres/registry/api/table-overview.js';
import { readLagPoints } from '../../../postgres/registry/api/table-samples.js';
import { catalogOfDatabase } from '../../names/catalog-place.js';
import type { ApiContext } from '../../places/api-context.js';
import { askEachDatabase, type EachDatabase, unknownDatabases } from '../../places/ask-databases.js';
import type { Caller } from '../../places/caller.js';
import { type DatabasePlace, databasesOf } from '../../places/database-place.js';
import { TABLE_PAGE_DEFAULT, TABLE_PAGE_MAX, type TableListReply, type tableListQuery } from './table-list-schema.js';
import { type OrderKey, tableOrder } from './table-order.js';
import { type NamedTable, nameTable, tableSummaryOf } from './table-summary.js';
import type { TableSummary } from './table-summary-schema.js';

type Query = z.output<typeof tableListQuery>;

/** The tables that a caller may see, filtered and ordered over all databases; what a row shows is read for one page only. */
export async function listTables(context: ApiContext, caller: Caller, query: Query): Promise<TableListReply> {
  const { answers, unreachable } = await readAllTables(placesOf(context, caller, query), caller);
  const all = answers.flatMap(({ answer }) => answer);
  const filtered = all.filter(filterOf(query));
  const counts = Object.fromEntries(TABLE_GROUPS.map((group) => [group, 0])) as TableListReply['counts'];
  for (const { condition } of filtered) counts[groupOf(condition)] += 1;
  const chosen = filtered.filter(
    ({ condition }) =>
      (query.group === undefined || groupOf(condition) === query.group) &&
      (query.condition === undefined || condition === query.condition),
  );
  const sizes = query.sort === 'size' ? await readSizes(answers.map(({ place }) => place)) : new Map<string, number>();
  const { items, next } = pageOf(chosen, query, sizes);
  return {
    tables: await summarize(items, caller, { withLagPoints: query.lag_points === 'true' }),
    total: chosen.length,
    total_unfiltered: all.length,
    counts,
    unreachable: [...unreachable, ...unknownDatabases(context, caller, query)],
    ...(next === null ? {} : { next_page_token: next }),
  };
}

function placesOf(context: ApiContext, caller: Caller, query: Query): DatabasePlace[] {
  return databasesOf(context, caller).filter(
    ({ instance, database }) =>
      (query.instance === undefined || instance.name === query.instance) &&
      (query.database === undefined || database.name === query.database),
  );
}

function readAllTables(places: readonly DatabasePlace[], caller: Caller): Promise<EachDatabase<NamedTable[]>> {
  return askEachDatabase(places, async (place) => {
    const { instance, database } = place;
    const role = await database.roleNameOf(caller);
    const overviews = await database.asService((client) => readTableOverview(client, role));
    const other = overviews.some(({ catalog }) => catalog === null)
      ? await catalogOfDatabase(instance, database.name)
      : database.name;
    return overviews.map((overview) => nameTable(place, overview, other));
  });
}

function filterOf(query: Query): (table: NamedTable) => boolean {
  const words = (query.q ?? '')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return ({ name, overview }) => {
    if (query.kind !== undefined && overview.kind !== query.kind) return false;
    if (query.policy !== undefined && overview.policy !== query.policy) return false;
    if (query.schema !== undefined && overview.schema !== query.schema) return false;
    if (query.source !== undefined && !overview.source.split(', ').includes(query.source)) return false;
    if (query.pipeline !== undefined && overview.pipelineId !== query.pipeline.toLowerCase()) return false;
    const text = `${name} ${overview.source} ${overview.errorCode ?? ''}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
}

async function readSizes(places: readonly DatabasePlace[]): Promise<Map<string, number>> {
  const sizes = await Promise.all(places.map(({ database }) => database.asService(readTableSizes)));
  return new Map(sizes.flatMap((each) => [...each]));
}

function pageOf(
  tables: readonly NamedTable[],
  query: Query,
  sizes: ReadonlyMap<string, number>,
): { readonly items: NamedTable[]; readonly next: string | null } {
  const size = Math.min(query.page_size || TABLE_PAGE_DEFAULT, TABLE_PAGE_MAX);
  const { keyOf, compare } = tableOrder(query.sort, query.descending === 'true', sizes);
  const after = query.page_token ? readToken(query.page_token) : null;
  const keyed = tables.map((table) => ({ table, key: keyOf(table) })).sort((a, b) => compare(a.key, b.key));
  const rest = after === null ? keyed : keyed.filter(({ key }) => compare(key, after) > 0);
  const items = rest.slice(0, size);
  const last = items.at(-1);
  const next = rest.length > size && last ? Buffer.from(JSON.stringify(last.key)).toString('base64url') : null;
  return { items: items.map(({ table }) => table), next };
}

function readToken(token: string): OrderKey {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return z.array(z.union([z.string(), z.number(), z.null()])).parse(parsed);
  } catch (error) {
    throw syncedTablesError('REQUEST_INVALID', { reason: 'page_token: it is not one of this list' }, error);
  }
}

/** Adds what a row shows. A table that is deleted between the two looks is left out. */
export async function summarize(
  tables: readonly NamedTable[],
  caller: Caller,
  { withLagPoints = false } = {},
): Promise<TableSummary[]> {
  const databases = [...new Set(tables.map(({ place }) => place.database))];
  const details = await Promise.all(
    databases.map(async (database) => {
      const role = await database.roleNameOf(caller);
      const ids = tables.filter(({ place }) => place.database === database).map(({ overview }) => overview.tableId);
      return database.asService(async (client) => {
        const points = withLagPoints ? await readLagPoints(client, ids) : new Map<string, (number | null)[]>();
        return { known: await readTableDetails(client, role, ids), points };
      });
    }),
  );
  const known = new Map(details.flatMap((each) => [...each.known]));
  const points = new Map(details.flatMap((each) => [...each.points]));
  return tables.flatMap((table) => {
    const { tableId } = table.overview;
    const found = known.get(tableId);
    const lagPoints = points.get(tableId);
    if (!found) return [];
    return [{ ...tableSummaryOf(table, found), ...(lagPoints ? { lag_points: lagPoints } : {}) }];
  });
}
