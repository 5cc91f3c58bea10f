import type { Browsed, BrowsePage, SourceBrowser, SourceTable } from '../../core/source-browser.js';
import type { SourceDescription } from '../source-snapshot.js';
import { sourceTableOf } from './described-table.js';
import { withoutColumns } from './table-fault.js';

/** A table that the settings define, as far as they say what it is. */
export type ListedTable = Pick<SourceTable, 'type' | 'format' | 'location' | 'comment'> & {
  readonly primaryKey: readonly string[] | null;
};

/**
 * Browses the tables that the settings define, by `schema.table`. One that cannot be read is listed without its columns.
 * @param describe reads what only a look at the table tells
 */
export function listedBrowser(
  tables: ReadonlyMap<string, ListedTable>,
  describe: (schema: string, table: string) => Promise<SourceDescription>,
): SourceBrowser {
  const names = [...tables.keys()].sort();
  const schemas = [...new Set(names.map(schemaOf))];
  const read = async (name: string, columns: boolean): Promise<SourceTable | null> => {
    const listed = tables.get(name);
    if (listed === undefined) return null;
    const schema = schemaOf(name);
    const table = name.slice(schema.length + 1);
    const found = columns ? await describe(schema, table).catch(withoutColumns) : null;
    const { primaryKey, format, location, type, comment } = listed;
    const description = found && { ...found, comments: new Map(), partitionColumns: [], properties: new Map() };
    const key = primaryKey && { name: '', columns: primaryKey, timeseriesColumns: [] };
    return { ...sourceTableOf({ schema, table, format, location, description, primaryKey: key }), type, comment };
  };
  return {
    schemas: async (page) => pageOf(schemas, page),
    hasSchema: async (schema) => schemas.includes(schema),
    async tables(schema, { columns, ...page }) {
      const { items, next } = pageOf(
        names.filter((name) => schemaOf(name) === schema),
        page,
      );
      const found: SourceTable[] = [];
      for (const name of items) found.push(...[await read(name, columns)].filter((table) => table !== null));
      return { items: found, next };
    },
    table: (schema, table, { columns }) => read(`${schema}.${table}`, columns),
  };
}

function schemaOf(name: string): string {
  return name.split('.')[0] ?? '';
}

function pageOf(names: readonly string[], { size, token }: BrowsePage): Browsed<string> {
  const rest = token === null ? names : names.filter((name) => name > token);
  const items = rest.slice(0, size);
  return { items, next: rest.length > items.length ? (items.at(-1) ?? null) : null };
}
