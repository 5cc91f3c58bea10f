import type { DuckDBConnection } from '@duckdb/node-api';
import { type AllowedFunctions, allowedFunctions } from './allowed-functions.js';
import { toEngineNode } from './lakehouse-functions.js';
import { engineText } from './lakehouse-text.js';
import {
  isNode,
  parseQuery,
  QuerySyntaxError,
  queryText,
  rewriteTree,
  type TreeNode,
  visitTree,
} from './query-tree.js';

/** Why a text is not a query that may be run; for a person. */
export class SourceQueryError extends Error {}

/** A table that a query names. */
export interface TableReference {
  /** As written, without `LIVE.`. */
  readonly parts: readonly string[];
  /** `STREAM(name)`: only what is new. `table_changes('name')`: its change feed. */
  readonly mode: 'all' | 'stream' | 'changes';
}

export interface SourceQuery {
  readonly references: readonly TableReference[];
  /** SQL of the engine, with the engine's name of each table in its place. */
  toSql(engineName: (reference: TableReference) => string): Promise<string>;
}

const QUERY_LENGTH_MAX = 200_000;
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set(['unnest', 'range', 'generate_series']);
const KNOWN_TABLES: ReadonlySet<unknown> = new Set([
  'EMPTY',
  'BASE_TABLE',
  'SUBQUERY',
  'JOIN',
  'EXPRESSION_LIST',
  'TABLE_FUNCTION',
]);

/**
 * Reads a query of the lakehouse's SQL. The rebuilt query names only tables listed in `references`, and calls no
 * function that reads anything but its arguments: files are out of reach.
 * @param numbers calls of `name()` to be replaced by a literal, such as `last_snapshot_version()`
 * @throws SourceQueryError
 */
export async function sourceQuery(
  connection: DuckDBConnection,
  text: string,
  literals: ReadonlyMap<string, TreeNode> = new Map(),
): Promise<SourceQuery> {
  if (text.length > QUERY_LENGTH_MAX) throw new SourceQueryError(`it is longer than ${QUERY_LENGTH_MAX} characters`);
  const statement = await parse(connection, streamsAsFunctions(engineText(text)));
  const functions = await allowedFunctions(connection);
  const references: TableReference[] = [];
  const marks = new Map<TreeNode, TableReference>();
  const commonTables = commonTableNames(statement);
  const rewritten = rewriteTree(statement, (node) => {
    const literal = node.class === 'FUNCTION' ? literals.get(String(node.function_name).toLowerCase()) : undefined;
    if (literal !== undefined) return { ...literal, alias: node.alias };
    const reference = referenceOf(node, commonTables);
    if (reference === null) return toEngineNode(node);
    references.push(reference);
    const marked = baseTable(node, reference);
    marks.set(marked, reference);
    return marked;
  }) as TreeNode;
  visitTree(rewritten, (node) => refuseForbidden(node, functions));
  return {
    references,
    toSql(engineName) {
      for (const [node, reference] of marks) node.table_name = engineName(reference);
      return queryText(connection, rewritten);
    },
  };
}

async function parse(connection: DuckDBConnection, sql: string): Promise<TreeNode> {
  try {
    return await parseQuery(connection, sql);
  } catch (error) {
    if (error instanceof QuerySyntaxError) throw new SourceQueryError(error.message);
    throw error;
  }
}

/** `from stream t` is `from stream(t)`. Strings and quoted names are left alone. */
function streamsAsFunctions(sql: string): string {
  const pattern =
    /'(?:''|[^'])*'|"(?:""|[^"])*"|\b(from|join|,)\s+stream\s+((?:\w+|"(?:""|[^"])*")(?:\s*\.\s*(?:\w+|"(?:""|[^"])*"))*)/gi;
  return sql.replace(pattern, (match, before: string | undefined, name: string) =>
    before === undefined ? match : `${before} stream(${name})`,
  );
}

function commonTableNames(statement: TreeNode): ReadonlySet<string> {
  const names = new Set<string>();
  visitTree(statement, (node) => {
    if (!isNode(node.cte_map) || !Array.isArray(node.cte_map.map)) return;
    for (const entry of node.cte_map.map) {
      const name = isNode(entry) ? String(entry.key).toLowerCase() : '';
      // Out of scope, a name would be resolved by the engine, which takes some for files and system tables.
      if (!/^\w+$/.test(name) || /^(duckdb|pg|sqlite|information)_/.test(name)) {
        throw new SourceQueryError(`"${name}" cannot be the name of a subquery`);
      }
      names.add(name);
    }
  });
  return names;
}

function referenceOf(node: TreeNode, commonTables: ReadonlySet<string>): TableReference | null {
  if (node.type === 'BASE_TABLE') {
    if (node.at_clause !== null && node.at_clause !== undefined)
      throw new SourceQueryError('it asks for an older version of a table');
    const parts = [node.catalog_name, node.schema_name, node.table_name].map(String).filter((part) => part !== '');
    if (parts.length === 1 && commonTables.has(String(parts[0]).toLowerCase())) return null;
    return { parts: withoutLive(parts), mode: 'all' };
  }
  if (node.type !== 'TABLE_FUNCTION' || !isNode(node.function)) return null;
  const name = String(node.function.function_name).toLowerCase();
  if (name !== 'stream' && name !== 'table_changes') return null;
  const [argument, ...others] = Array.isArray(node.function.children) ? (node.function.children as TreeNode[]) : [];
  const parts = argument === undefined ? null : tableName(argument);
  if (parts === null || others.length > 0) throw new SourceQueryError(`${name} takes the name of a table`);
  return { parts: withoutLive(parts), mode: name === 'stream' ? 'stream' : 'changes' };
}

function tableName(argument: TreeNode): string[] | null {
  if (argument.class === 'COLUMN_REF' && Array.isArray(argument.column_names)) return argument.column_names.map(String);
  const text = argument.class === 'CONSTANT' && isNode(argument.value) ? argument.value.value : null;
  return typeof text === 'string' ? text.split('.') : null;
}

function withoutLive(parts: readonly string[]): readonly string[] {
  return parts.length > 1 && parts[0]?.toLowerCase() === 'live' ? parts.slice(1) : parts;
}

/** Named like the table it replaces, so that columns qualified with that name are found. */
function baseTable(node: TreeNode, reference: TableReference): TreeNode {
  const alias = node.alias === '' ? (reference.parts.at(-1) ?? '') : node.alias;
  return {
    type: 'BASE_TABLE',
    alias,
    sample: node.sample ?? null,
    query_location: 0,
    schema_name: '',
    table_name: '',
    column_name_alias: node.column_name_alias ?? [],
    catalog_name: '',
    at_clause: null,
  };
}

function refuseForbidden(node: TreeNode, functions: AllowedFunctions): void {
  if (node.class === 'PARAMETER') throw new SourceQueryError('it has a parameter');
  if (node.class === 'FUNCTION' || node.class === 'WINDOW') requireFunction(node, functions);
  if (isTableNode(node) && !KNOWN_TABLES.has(node.type)) {
    throw new SourceQueryError(`${String(node.type).toLowerCase()} is not possible here`);
  }
  if (node.type !== 'TABLE_FUNCTION' || !isNode(node.function)) return;
  const name = String(node.function.function_name).toLowerCase();
  if (!TABLE_FUNCTIONS.has(name)) throw new SourceQueryError(`table function ${name} may not be used`);
}

/** All kinds of tables in a FROM clause have these members. */
function isTableNode(node: TreeNode): boolean {
  return 'sample' in node && 'alias' in node && !('class' in node);
}

function requireFunction(node: TreeNode, { scalar, aggregate }: AllowedFunctions): void {
  const name = String(node.function_name).toLowerCase();
  if (scalar.has(name) || aggregate.has(name) || TABLE_FUNCTIONS.has(name)) return;
  if (
    node.class === 'WINDOW' &&
    /^(row_number|rank|dense_rank|rank_dense|percent_rank|cume_dist|ntile|lead|lag|first_value|last_value|nth_value|first|last)$/.test(
      name,
    )
  )
    return;
  throw new SourceQueryError(`there is no function ${name} whose result depends on its arguments alone`);
}
