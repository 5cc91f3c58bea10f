import { asSyncedTablesError } from '../../core/errors.js';
import type { SourceBrowser, SourceTable } from '../../core/source-browser.js';
import { isSourceNamePart } from '../../core/source-name.js';
import { describeMetadata } from '../iceberg/snapshot/iceberg-details.js';
import { sourceTableOf } from './described-table.js';
import { metadataOf, type RestCatalogClient } from './rest-client.js';
import { requireFaultOfTable } from './table-fault.js';

export interface RestBrowserOptions {
  readonly client: RestCatalogClient;
  /** Name of the catalog in the settings. */
  readonly catalog: string;
}

/** Asking for each table takes a request: a page ends once those have taken this long. */
const LOADS_MS_MAX = 5_000;

/** Browses an Iceberg REST catalog, with the rights of the token in the settings. */
export function restBrowser({ client, catalog }: RestBrowserOptions): SourceBrowser {
  const describe = async (schema: string, table: string, isWanted: boolean): Promise<SourceTable> => {
    const named = { schema, table, format: 'ICEBERG' as const };
    if (!isWanted) return sourceTableOf({ ...named, location: null, description: null });
    const tableName = `${catalog}.${schema}.${table}`;
    const metadata = metadataOf(await client.loadTable(schema, table, tableName), tableName);
    const description = describeMetadata(metadata, tableName);
    const columns = description.identifierColumns;
    const primaryKey = columns.length === 0 ? null : { name: '', columns, timeseriesColumns: [] };
    return sourceTableOf({ ...named, location: metadata.location, description, primaryKey });
  };
  return {
    async schemas(page) {
      const { names, next } = await client.listNamespaces(page, `${catalog}.*.*`);
      return { items: names.filter(isSourceNamePart), next };
    },
    hasSchema: async (schema) => isSourceNamePart(schema) && client.hasNamespace(schema, `${catalog}.${schema}.*`),
    async tables(schema, { columns, ...page }) {
      const { names, next } = await client.listTables(schema, page, `${catalog}.${schema}.*`);
      const startedAt = performance.now();
      const items: SourceTable[] = [];
      for (const table of names.filter(isSourceNamePart)) {
        const isInTime = performance.now() - startedAt < LOADS_MS_MAX;
        const found = await describe(schema, table, columns && isInTime).catch((error: unknown) => {
          requireFaultOfTable(error);
          return describe(schema, table, false);
        });
        items.push(found);
      }
      return { items, next };
    },
    async table(schema, table, wants) {
      try {
        // Whether it exists only its metadata tells.
        const found = await describe(schema, table, true);
        return wants.columns ? found : { ...found, columns: null };
      } catch (error) {
        if (asSyncedTablesError(error)?.code === 'SOURCE_TABLE_NOT_FOUND') return null;
        throw error;
      }
    },
  };
}
