import { AsyncLocalStorage } from 'node:async_hooks';
import { syncedTablesError } from '../../core/errors.js';
import type { TableName } from '../../core/names.js';
import { parseSourceName } from '../../core/source-name.js';
import { SourceQueryError } from '../dialect/source-query.js';
import type { Engine } from '../engine/duckdb-engine.js';
import type { DeclaredTable, LakeTable } from '../lake-table.js';
import { tablesOfView } from '../views/view-scope.js';
import { openViewTable } from '../views/view-table.js';
import type { Catalog } from './catalog.js';
import { listedBrowser } from './listed-browser.js';

export interface ViewDefinition {
  readonly sql: string;
  readonly primaryKey?: readonly string[] | undefined;
  readonly comment?: string | undefined;
}

export interface ViewCatalogOptions {
  /** Name of the catalog in the settings. */
  readonly catalog: string;
  /** By `schema.view`. */
  readonly views: ReadonlyMap<string, ViewDefinition>;
  readonly engine: Engine;
  /** Opens a table of any catalog by its full name. */
  readonly openTable: (fullName: string) => Promise<LakeTable>;
}

/** The views that are being opened, each read by the one before it: a view that comes twice reads itself. */
const opening = new AsyncLocalStorage<readonly string[]>();

/** Opens a view whose tables may be views. @throws VIEW_INVALID if it reads itself, and what `openViewTable` throws */
export function openNestedView(options: Parameters<typeof openViewTable>[0]): Promise<LakeTable> {
  const { name } = options;
  const above = opening.getStore() ?? [];
  if (above.includes(name)) {
    const reason = `it reads itself, by way of ${[...above.slice(above.indexOf(name) + 1), name].join(', ')}`;
    throw syncedTablesError('VIEW_INVALID', { table: name, reason });
  }
  return opening.run([...above, name], () => openViewTable(options));
}

/** Names are those of queries in the settings. */
export function viewCatalog(options: ViewCatalogOptions): Catalog {
  const { catalog, views, engine, openTable } = options;
  const queryOf = (schema: string, view: string, { sql }: ViewDefinition) => ({
    name: `${catalog}.${schema}.${view}`,
    sql,
    resolve: (parts: readonly string[]) => resolveName(parts, { catalog, schema }),
  });
  const open = async (schema: string, view: string) => {
    const definition = views.get(`${schema}.${view}`);
    if (definition === undefined) {
      const reason = 'its catalog has no view of that name';
      throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table: `${catalog}.${schema}.${view}`, reason });
    }
    const declared = declaredView(definition);
    return openNestedView({ ...queryOf(schema, view, definition), engine, openTable, declared });
  };
  const listed = new Map(
    [...views].map(([name, { primaryKey = null, comment = null }]) => {
      return [name, { type: 'VIEW', format: null, location: null, comment, primaryKey }] as const;
    }),
  );
  return {
    open: ({ schema, table }: TableName) => open(schema, table),
    async probe() {
      for (const [name, definition] of views) {
        const [schema = '', view = ''] = name.split('.');
        await tablesOfView(engine, queryOf(schema, view, definition));
      }
    },
    browser: () => listedBrowser(listed, async (schema, view) => (await open(schema, view)).describe()),
  };
}

/**
 * The full name of a table that a view names by one, two or three parts: in its own schema, its own catalog, or any.
 * @throws SourceQueryError
 */
export function resolveName(
  parts: readonly string[],
  own: { readonly catalog: string; readonly schema: string },
): string {
  const full =
    parts.length === 1 ? [own.catalog, own.schema, ...parts] : parts.length === 2 ? [own.catalog, ...parts] : parts;
  try {
    const { catalog, schema, table } = parseSourceName(full.join('.'));
    return `${catalog}.${schema}.${table}`;
  } catch {
    throw new SourceQueryError(`"${parts.join('.')}" is not the name of a table`);
  }
}

function declaredView({ primaryKey }: ViewDefinition): DeclaredTable {
  return { primaryKey: primaryKey ?? null, timeseriesKey: null, properties: {}, columns: [] };
}
