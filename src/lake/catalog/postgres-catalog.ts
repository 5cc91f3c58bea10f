import { syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import type { Browsed, BrowsePage, SourceBrowser, SourceTable } from '../../core/source-browser.js';
import { isSourceNamePart } from '../../core/source-name.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { type ListedRelation, listPostgresSchemas, listPostgresTables } from '../remote/postgres/list-tables.js';
import { type SourceServer, withServer } from '../remote/postgres/postgres-session.js';
import { findState, postgresSource } from '../remote/postgres/postgres-source.js';
import { openRemoteTable } from '../remote/remote-table.js';
import type { RemoteState } from '../remote/row-source.js';
import type { Catalog } from './catalog.js';
import { sourceTableOf } from './described-table.js';

export interface PostgresCatalogOptions {
  readonly server: SourceServer;
  readonly engine: Engine;
  readonly spoolBytesMax: number;
}

/** Names are those of schemas and tables of one Postgres database, as the login of its URL sees them. */
export function postgresCatalog({ server, engine, spoolBytesMax }: PostgresCatalogOptions): Catalog {
  return {
    open({ catalog, schema, table }: TableName) {
      const tableName = `${catalog}.${schema}.${table}`;
      const source = postgresSource({ server, tableName, schema, table });
      return openRemoteTable({ tableName, catalog, source, engine, spoolBytesMax });
    },
    async probe(name) {
      await withServer(server, `${name}.*.*`, (client) => client.query('select'));
    },
    browser: (name) => postgresBrowser(server, name),
  };
}

const TYPES: Readonly<Record<string, string>> = { v: 'VIEW', m: 'MATERIALIZED_VIEW', f: 'FOREIGN' };

function postgresBrowser(server: SourceServer, catalog: string): SourceBrowser {
  const described = (schema: string, relation: ListedRelation, state: RemoteState | null): SourceTable => {
    const comments = new Map(state?.columns.map(({ field, comment }) => [field.name, comment ?? '']) ?? []);
    const description = state && {
      tableId: state.tableId,
      columns: state.columns.map(({ field }) => field),
      comments: new Map([...comments].filter(([, comment]) => comment !== '')),
      partitionColumns: [],
      properties: new Map<string, string>(),
    };
    const key = state?.primaryKey ?? null;
    const found = sourceTableOf({
      schema,
      table: relation.name,
      format: 'POSTGRESQL',
      location: null,
      description,
      primaryKey: key && { name: '', columns: key, timeseriesColumns: [] },
    });
    return { ...found, type: TYPES[relation.kind] ?? 'EXTERNAL', comment: relation.comment };
  };
  return {
    schemas: (page) =>
      withServer(server, `${catalog}.*.*`, async (client) => {
        const names = await listPostgresSchemas(client, page.token, page.size + 1);
        return pageOf(names, page, (name) => name, isSourceNamePart);
      }),
    hasSchema: (schema) =>
      withServer(server, `${catalog}.${schema}.*`, async (client) => {
        const { rows } = await client.query('select from pg_namespace where nspname = $1', [schema]);
        return rows.length > 0;
      }),
    tables: (schema, { columns, ...page }) =>
      withServer(server, `${catalog}.${schema}.*`, async (client) => {
        const listed = await listPostgresTables(client, schema, page.token, page.size + 1);
        const { items, next } = pageOf(
          listed,
          page,
          ({ name }) => name,
          ({ name }) => isSourceNamePart(name),
        );
        const found: SourceTable[] = [];
        for (const relation of items) {
          const state = columns ? await findState(client, { schema, table: relation.name }) : null;
          found.push(described(schema, relation, state));
        }
        return { items: found, next };
      }),
    table: (schema, table, wants) =>
      withServer(server, `${catalog}.${schema}.${table}`, async (client) => {
        const state = await findState(client, { schema, table });
        if (state === null) return null;
        const { rows } = await client.query<ListedRelation>(
          `select c.relname as name, c.relkind as kind, obj_description(c.oid, 'pg_class') as comment
             from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2`,
          [schema, table],
        );
        const [relation] = rows;
        if (relation === undefined)
          throw syncedTablesError('SOURCE_TABLE_CHANGED', { table: `${catalog}.${schema}.${table}` });
        const found = described(schema, relation, state);
        return wants.columns ? found : { ...found, columns: null };
      }),
  };
}

/** A page of what was asked for with one item more than it may have; items with names that no source can have are left out. */
function pageOf<Item>(
  items: readonly Item[],
  { size }: BrowsePage,
  nameOf: (item: Item) => string,
  isNamed: (item: Item) => boolean,
): Browsed<Item> {
  const page = items.slice(0, size);
  const last = page.at(-1);
  const next = items.length > size && last !== undefined ? nameOf(last) : null;
  return { items: page.filter(isNamed), next };
}
