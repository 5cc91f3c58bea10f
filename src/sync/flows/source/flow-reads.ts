import type { DuckDBConnection } from '@duckdb/node-api';
import type { FlowSource, ViewDeclaration } from '../../../core/flows/pipeline-declaration.js';
import { sourceQuery } from '../../../lake/dialect/source-query.js';
import type { Engine } from '../../../lake/engine/duckdb-engine.js';
import { findView, queryError } from './open-flow-source.js';

/** The tables that a flow reads: news in them is news for the flow. */
export interface FlowReads {
  /** Full names, catalog.schema.table. */
  readonly lakeTables: readonly string[];
  readonly postgresTables: readonly { readonly schema: string; readonly table: string }[];
}

/**
 * Finds what a flow reads, also through views of its pipeline. Problems with a source are reported when it is opened.
 * @throws FLOW_QUERY_INVALID
 */
export async function flowReads(
  engine: Engine,
  source: FlowSource,
  views: readonly ViewDeclaration[],
): Promise<FlowReads> {
  if (source.kind === 'function') return { lakeTables: [], postgresTables: [] };
  if (source.kind === 'name') {
    const [first = '', second = ''] = source.parts;
    const view = source.parts.length === 1 ? findView(views, first) : undefined;
    if (view !== undefined) return queryReads(engine, `view ${view.name}`, view.query, views);
    const isLake = source.parts.length === 3;
    return {
      lakeTables: isLake ? [source.parts.join('.')] : [],
      postgresTables: source.parts.length === 2 ? [{ schema: first, table: second }] : [],
    };
  }
  return queryReads(engine, 'its source', source.query, views);
}

async function queryReads(
  engine: Engine,
  name: string,
  query: string,
  views: readonly ViewDeclaration[],
): Promise<FlowReads> {
  const connection = await engine.connect();
  try {
    const found = new Set<string>();
    await collectTables(connection, query, views, new Set(), found);
    return { lakeTables: [...found], postgresTables: [] };
  } catch (error) {
    throw queryError(error, name);
  } finally {
    connection.closeSync();
  }
}

async function collectTables(
  connection: DuckDBConnection,
  query: string,
  views: readonly ViewDeclaration[],
  seen: Set<string>,
  found: Set<string>,
): Promise<void> {
  const { references } = await sourceQuery(connection, query);
  for (const { parts } of references) {
    const view = parts.length === 1 ? findView(views, parts[0] ?? '') : undefined;
    if (view === undefined) {
      if (parts.length === 3) found.add(parts.join('.'));
    } else if (!seen.has(view.name)) {
      seen.add(view.name);
      await collectTables(connection, view.query, views, seen, found);
    }
  }
}
