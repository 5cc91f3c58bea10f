import { asSyncedTablesError } from '../../core/errors.js';
import { quoteIdentifier, quoteLiteral, type TableName } from '../../core/names.js';
import type { SourceBrowser, SourceTable } from '../../core/source-browser.js';
import { isSourceNamePart } from '../../core/source-name.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { StatementClient, type StatementClientOptions } from '../remote/databricks/statement-client.js';
import { quoteName } from '../remote/databricks/warehouse-columns.js';
import { warehouseSource } from '../remote/databricks/warehouse-source.js';
import { openRemoteTable } from '../remote/remote-table.js';
import type { RemoteState, RowSource } from '../remote/row-source.js';
import { TrinoClient, type TrinoClientOptions } from '../remote/trino/trino-client.js';
import { trinoSource } from '../remote/trino/trino-source.js';
import type { Catalog } from './catalog.js';
import { sourceTableOf } from './described-table.js';
import { withoutColumns } from './table-fault.js';

/** A SQL engine with an information schema. */
export interface SqlServer {
  /** TRINO, DATABRICKS. */
  readonly format: string;
  /** Name of the catalog there, quoted. */
  readonly catalog: string;
  /** The rows of a short statement, as texts. */
  rows(statement: string, table: string): Promise<(string | null)[][]>;
  source(place: { readonly schema: string; readonly table: string; readonly tableName: string }): RowSource;
}

/** A catalog of a Trino. */
export function trinoServer(options: TrinoClientOptions, catalog: string): SqlServer {
  const client = new TrinoClient(options);
  const { uri } = options;
  return {
    format: 'TRINO',
    catalog: quoteIdentifier(catalog),
    rows: (statement, table) => client.rows(statement, table),
    source: (place) => trinoSource({ client, uri, catalog, catalogName: options.catalog, ...place }),
  };
}

/** A catalog of Databricks, read by a SQL warehouse. */
export function warehouseServer(options: StatementClientOptions, catalog: string): SqlServer {
  const client = new StatementClient(options);
  const { uri } = options;
  return {
    format: 'DATABRICKS',
    catalog: quoteName(catalog),
    rows: (statement, table) => client.rows(statement, table),
    source: (place) => warehouseSource({ client, uri, catalog, catalogName: options.catalog, ...place }),
  };
}

export interface SqlCatalogOptions {
  readonly server: SqlServer;
  readonly engine: Engine;
  readonly spoolBytesMax: number;
}

/** Asking for the columns of each table takes a query: a page ends once those have taken this long. */
const LOOKS_MS_MAX = 5_000;

/** Names are those of schemas and tables of one catalog of a SQL engine. */
export function sqlCatalog({ server, engine, spoolBytesMax }: SqlCatalogOptions): Catalog {
  return {
    open({ catalog, schema, table }: TableName) {
      const tableName = `${catalog}.${schema}.${table}`;
      const source = server.source({ schema, table, tableName });
      return openRemoteTable({ tableName, catalog, source, engine, spoolBytesMax });
    },
    async probe(name) {
      await server.rows(`select schema_name from ${server.catalog}.information_schema.schemata limit 1`, `${name}.*.*`);
    },
    browser: (name) => sqlBrowser(server, name),
  };
}

function sqlBrowser(server: SqlServer, catalog: string): SourceBrowser {
  const information = `${server.catalog}.information_schema`;
  const after = (column: string, token: string | null) =>
    token === null ? '' : ` and ${column} > ${quoteLiteral(token)}`;
  const stateOf = (schema: string, table: string) =>
    server.source({ schema, table, tableName: `${catalog}.${schema}.${table}` }).state();
  const described = (schema: string, table: string, type: string | null, state: RemoteState | null): SourceTable => {
    const description = state && {
      tableId: state.tableId,
      columns: state.columns.map(({ field }) => field),
      comments: new Map<string, string>(),
      partitionColumns: [],
      properties: new Map<string, string>(),
    };
    const found = sourceTableOf({ schema, table, format: server.format, location: null, description });
    return { ...found, type: type === null || type === 'BASE TABLE' ? 'EXTERNAL' : type };
  };
  return {
    async schemas({ size, token }) {
      const rows = await server.rows(
        `select schema_name from ${information}.schemata where schema_name <> 'information_schema'${after('schema_name', token)} order by schema_name limit ${size + 1}`,
        `${catalog}.*.*`,
      );
      const names = rows.flatMap(([name]) => name ?? []);
      const page = names.slice(0, size);
      return { items: page.filter(isSourceNamePart), next: names.length > size ? (page.at(-1) ?? null) : null };
    },
    async hasSchema(schema) {
      const rows = await server.rows(
        `select schema_name from ${information}.schemata where schema_name = ${quoteLiteral(schema)}`,
        `${catalog}.${schema}.*`,
      );
      return rows.length > 0;
    },
    async tables(schema, { columns, size, token }) {
      const rows = await server.rows(
        `select table_name, table_type from ${information}.tables where table_schema = ${quoteLiteral(schema)}${after('table_name', token)} order by table_name limit ${size + 1}`,
        `${catalog}.${schema}.*`,
      );
      const page = rows.slice(0, size);
      const startedAt = performance.now();
      const items: SourceTable[] = [];
      for (const [name, type] of page) {
        if (!name || !isSourceNamePart(name)) continue;
        const isInTime = performance.now() - startedAt < LOOKS_MS_MAX;
        const state = columns && isInTime ? await stateOf(schema, name).catch(withoutColumns) : null;
        items.push(described(schema, name, type ?? null, state));
      }
      return { items, next: rows.length > size ? (page.at(-1)?.[0] ?? null) : null };
    },
    async table(schema, table, wants) {
      try {
        const state = await stateOf(schema, table);
        return described(schema, table, null, wants.columns ? state : null);
      } catch (error) {
        if (asSyncedTablesError(error)?.code === 'SOURCE_TABLE_NOT_FOUND') return null;
        throw error;
      }
    },
  };
}
