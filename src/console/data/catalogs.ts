import type { SourceReply, SourceSummary } from '../../api/native/sources/source-schema.js';
import { type Pages, usePages } from './use-pages.js';
import { type Query, useQuery } from './use-query.js';

export const SOURCES = '/api/2.0/synced-tables/sources';
const UNITY = '/api/2.1/unity-catalog';

export interface Catalog {
  readonly name: string;
  readonly catalog_type: string;
  readonly comment?: string;
}

/** A table as Unity Catalog describes it. */
export interface UnityTable {
  readonly name: string;
  readonly full_name: string;
  readonly table_type: string;
  readonly data_source_format?: string;
  readonly owner?: string;
  readonly comment?: string;
  readonly pipeline_id?: string;
  readonly properties?: Readonly<Record<string, string>>;
  readonly columns?: readonly UnityColumn[];
}

interface UnityColumn {
  readonly name: string;
  readonly type_text: string;
  readonly nullable: boolean;
  readonly comment?: string;
}

interface CatalogPage {
  readonly catalogs?: readonly Catalog[];
  readonly next_page_token?: string;
}

interface SchemaPage {
  readonly schemas?: readonly { readonly name: string }[];
  readonly next_page_token?: string;
}

interface TablePage {
  readonly tables?: readonly UnityTable[];
  readonly next_page_token?: string;
}

interface SourcePage {
  readonly sources: readonly SourceSummary[];
  readonly next_page_token?: string;
}

export function useCatalogs(): Pages<Catalog> {
  return usePages<CatalogPage, Catalog>(`${UNITY}/catalogs?max_results=0`, ({ catalogs = [] }) => catalogs);
}

/** Names of the schemas of a catalog; null for none. */
export function useSchemas(catalog: string | null): Pages<string> {
  const path = catalog === null ? null : `${UNITY}/schemas?${new URLSearchParams({ catalog_name: catalog })}`;
  return usePages<SchemaPage, string>(path, ({ schemas = [] }) => schemas.map(({ name }) => name));
}

/** The tables of a schema by name, whatever they are. */
export function useUnityTables(catalog: string, schema: string): Pages<UnityTable> {
  const query = new URLSearchParams({ catalog_name: catalog, schema_name: schema, omit_columns: 'true' });
  return usePages<TablePage, UnityTable>(`${UNITY}/tables?${query}`, ({ tables = [] }) => tables);
}

/** The source tables of a schema, with what their metadata says. */
export function useSources(catalog: string, schema: string): Pages<SourceSummary> {
  const query = new URLSearchParams({ catalog, schema });
  return usePages<SourcePage, SourceSummary>(`${SOURCES}?${query}`, ({ sources }) => sources);
}

export function sourcePath(name: string): string {
  return `${SOURCES}/${encodeURIComponent(name)}`;
}

export function useSource(name: string): Query<SourceReply> {
  return useQuery<SourceReply>(sourcePath(name), { isLive: false });
}

export function useUnityTable(name: string): Query<UnityTable> {
  return useQuery<UnityTable>(`${UNITY}/tables/${encodeURIComponent(name)}`, { isLive: false });
}
