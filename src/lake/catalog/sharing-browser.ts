import { asSyncedTablesError } from '../../core/errors.js';
import type { SourceBrowser, SourceTable } from '../../core/source-browser.js';
import { isSourceNamePart } from '../../core/source-name.js';
import { describeShared } from '../sharing/shared-table.js';
import { sourceTableOf } from './described-table.js';
import type { SharingClient } from './sharing-client.js';
import { withoutColumns } from './table-fault.js';

export interface SharingBrowserOptions {
  readonly client: SharingClient;
  /** Name of the catalog in the settings. */
  readonly catalog: string;
}

/** Asking for each table takes a request: a page ends once those have taken this long. */
const DESCRIPTIONS_MS_MAX = 5_000;

/** Browses one share, with the rights of the token in the settings. */
export function sharingBrowser({ client, catalog }: SharingBrowserOptions): SourceBrowser {
  const describe = async (schema: string, table: string): Promise<SourceTable> => {
    const tableName = `${catalog}.${schema}.${table}`;
    const answer = await client.table(schema, table, tableName).metadata();
    const found = describeShared(answer, { catalog, tableName });
    const description = { ...found, properties: found.configuration };
    return sourceTableOf({ schema, table, format: 'DELTA', location: answer.place.location, description });
  };
  const named = (schema: string, table: string) =>
    sourceTableOf({ schema, table, format: 'DELTA', location: null, description: null });
  return {
    async schemas(page) {
      const { names, next } = await client.listSchemas(page, `${catalog}.*.*`);
      return { items: names.filter(isSourceNamePart), next };
    },
    hasSchema: async (schema) => isSourceNamePart(schema) && client.hasSchema(schema, `${catalog}.${schema}.*`),
    async tables(schema, { columns, ...page }) {
      const { names, next } = await client.listTables(schema, page, `${catalog}.${schema}.*`);
      const startedAt = performance.now();
      const items: SourceTable[] = [];
      for (const table of names.filter(isSourceNamePart)) {
        const isWanted = columns && performance.now() - startedAt < DESCRIPTIONS_MS_MAX;
        const found = isWanted ? await describe(schema, table).catch(withoutColumns) : null;
        items.push(found ?? named(schema, table));
      }
      return { items, next };
    },
    async table(schema, table, wants) {
      try {
        // Whether it exists only its metadata tells.
        const found = await describe(schema, table);
        return wants.columns ? found : { ...found, columns: null };
      } catch (error) {
        if (asSyncedTablesError(error)?.code === 'SOURCE_TABLE_NOT_FOUND') return null;
        throw error;
      }
    },
  };
}
