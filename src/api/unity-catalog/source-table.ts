import type { Browsed, BrowsePage, SourceBrowser, SourceTable } from '../../core/source-browser.js';
import { askSource } from '../synced-tables/ask-source.js';
import { sourceColumnInfo } from './column-info.js';
import type { KnownCatalog } from './known-catalog.js';
import type { TableInfo } from './unity-catalog-schema.js';

/**
 * The answer of the source catalog with that name; null if the caller sees none.
 * @throws SOURCE_CATALOG_SLOW, and anything that the catalog throws
 */
export async function browse<Answer>(
  { name, source }: KnownCatalog,
  ask: (browser: SourceBrowser) => Promise<Answer>,
): Promise<Answer | null> {
  return source === null ? null : askSource(name, () => ask(source));
}

/** Like `browse`, for lists: null if the caller sees no source. */
export function browsing<Item>(
  catalog: KnownCatalog,
  ask: (browser: SourceBrowser, page: BrowsePage) => Promise<Browsed<Item>>,
): ((page: BrowsePage) => Promise<Browsed<Item>>) | null {
  if (catalog.source === null) return null;
  return async (page) => (await browse(catalog, (browser) => ask(browser, page))) ?? { items: [], next: null };
}

/** A table of a source catalog as Unity Catalog describes it; lists leave the keys out. */
export function sourceTableInfo(catalog: string, table: SourceTable, wants: { readonly keys: boolean }): TableInfo {
  const { format, location, columns, primaryKey, id, owner, comment, createdAtMs, updatedAtMs } = table;
  return {
    name: table.table,
    catalog_name: catalog,
    schema_name: table.schema,
    full_name: `${catalog}.${table.schema}.${table.table}`,
    ...(id === null ? {} : { table_id: id }),
    table_type: table.type,
    ...(format === null ? {} : { data_source_format: format }),
    ...(location === null ? {} : { storage_location: location }),
    ...(columns === null ? {} : { columns: columns.map(sourceColumnInfo) }),
    ...(wants.keys && primaryKey !== null ? { table_constraints: [constraintOf(primaryKey)] } : {}),
    properties: table.properties,
    ...(owner === null ? {} : { owner }),
    ...(comment === null ? {} : { comment }),
    ...(createdAtMs === null ? {} : { created_at: BigInt(createdAtMs) }),
    ...(updatedAtMs === null ? {} : { updated_at: BigInt(updatedAtMs) }),
  };
}

function constraintOf({ name, columns, timeseriesColumns }: NonNullable<SourceTable['primaryKey']>) {
  const times = timeseriesColumns.length === 0 ? {} : { timeseries_columns: [...timeseriesColumns] };
  return { primary_key_constraint: { name, child_columns: [...columns], ...times } };
}
