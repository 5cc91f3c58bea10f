import { asSyncedTablesError } from '../../core/errors.js';
import type { SourceBrowser, SourceColumn, SourceKey, SourceTable } from '../../core/source-browser.js';
import type { UnityClient, UnityColumn, UnityTable } from './unity-client.js';

export interface UnityBrowserOptions {
  readonly client: UnityClient;
  /** Name of the catalog in the settings. */
  readonly catalog: string;
  /** Its name on the server. */
  readonly remoteName: string;
}

/** The maximum that the open-source server accepts. */
const TABLES_PER_PAGE = 50;

/** Browses a catalog of a Unity Catalog server, with the rights of the token in the settings. */
export function unityBrowser({ client, catalog, remoteName }: UnityBrowserOptions): SourceBrowser {
  return {
    async schemas(page) {
      const { names, next } = await client.listSchemas(remoteName, page, `${catalog}.*.*`);
      return { items: names, next };
    },
    hasSchema: (schema) => client.hasSchema(`${remoteName}.${schema}`, `${catalog}.${schema}.*`),
    async tables(schema, { columns, ...page }) {
      const place = { catalog: remoteName, schema };
      const wanted = { ...page, size: Math.min(page.size, TABLES_PER_PAGE) };
      const { tables, next } = await client.listTables(place, wanted, `${catalog}.${schema}.*`);
      const items = tables.flatMap((table) => (table.name ? [sourceTableOf(table, schema, table.name)] : []));
      return { items: columns ? items : items.map((table) => ({ ...table, columns: null })), next };
    },
    async table(schema, table) {
      try {
        const found = await client.getTable(`${remoteName}.${schema}.${table}`, `${catalog}.${schema}.${table}`);
        return sourceTableOf(found, schema, table);
      } catch (error) {
        if (asSyncedTablesError(error)?.code === 'SOURCE_TABLE_NOT_FOUND') return null;
        throw error;
      }
    },
  };
}

function sourceTableOf(found: UnityTable, schema: string, table: string): SourceTable {
  return {
    schema,
    table,
    type: found.table_type ?? 'EXTERNAL',
    format: found.data_source_format ?? null,
    location: found.storage_location ?? null,
    columns: found.columns ? found.columns.map(columnOf) : null,
    properties: found.properties ?? {},
    primaryKey: keyOf(found),
    id: found.table_id ?? null,
    owner: found.owner ?? null,
    comment: found.comment ?? null,
    createdAtMs: found.created_at ?? null,
    updatedAtMs: found.updated_at ?? null,
  };
}

function keyOf({ table_constraints: constraints }: UnityTable): SourceKey | null {
  const key = constraints?.find((constraint) => constraint.primary_key_constraint)?.primary_key_constraint;
  if (!key) return null;
  return { name: key.name ?? '', columns: key.child_columns, timeseriesColumns: key.timeseries_columns ?? [] };
}

function columnOf(found: UnityColumn): SourceColumn {
  const { name, type_precision: precision, type_scale: scale } = found;
  return {
    name,
    nullable: found.nullable ?? true,
    type: {
      name: found.type_name ?? 'USER_DEFINED_TYPE',
      text: found.type_text ?? '',
      json: sparkTypeOf(found),
      ...(precision ? { precision } : {}),
      ...(scale ? { scale } : {}),
    },
    comment: found.comment ?? null,
    partitionIndex: found.partition_index ?? null,
  };
}

/** `type_json` should hold Spark's whole field; some servers put only its type there. */
function sparkTypeOf({ type_json: text, type_text: words }: UnityColumn): unknown {
  try {
    const parsed: unknown = JSON.parse(text ?? '');
    const isField = typeof parsed === 'object' && parsed !== null && 'name' in parsed && 'type' in parsed;
    return isField ? parsed.type : parsed;
  } catch {
    return text || words || '';
  }
}
