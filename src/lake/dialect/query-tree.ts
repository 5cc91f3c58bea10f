import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteLiteral } from '../../core/names.js';

/** A node of the engine's own syntax tree, as `json_serialize_sql` returns it. */
export interface TreeNode {
  [member: string]: unknown;
}

/** Text that the engine's parser refuses; `message` is the parser's. */
export class QuerySyntaxError extends Error {
  /** Where, in bytes from 0; null if the parser does not say. */
  readonly offset: number | null;

  constructor(message: string, offset: number | null = null) {
    super(message);
    this.offset = offset;
  }
}

/** Numbers that JavaScript would round stay text: `"\u0000#123"`. */
const LONG_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const KEPT_NUMBER = /"\\u0000#([^"]+)"/g;

/**
 * Parses one SELECT; nothing is bound or run.
 * @throws QuerySyntaxError for anything but a single SELECT
 */
export async function parseQuery(connection: DuckDBConnection, sql: string): Promise<TreeNode> {
  const result = await connection.runAndReadAll(`select json_serialize_sql(${quoteLiteral(sql)})`);
  const json = String(result.getRowsJson()[0]?.[0]);
  const protectedJson = json.replace(LONG_NUMBER, (token) => (token.startsWith('"') ? token : `"\\u0000#${token}"`));
  const tree = JSON.parse(protectedJson) as {
    error: boolean;
    error_message?: string;
    position?: string;
    statements?: TreeNode[];
  };
  if (tree.error) {
    throw new QuerySyntaxError(tree.error_message ?? 'it is not a query', byteOffset(sql, tree.position));
  }
  const [statement, ...others] = tree.statements ?? [];
  if (statement === undefined || others.length > 0) throw new QuerySyntaxError('it must be one query');
  return statement;
}

/** The parser counts characters, unlike its trees, which count bytes. */
function byteOffset(sql: string, position: string | undefined): number | null {
  return position === undefined ? null : Buffer.byteLength([...sql].slice(0, Number(position)).join(''));
}

/** The SQL text of a tree from `parseQuery`. */
export async function queryText(connection: DuckDBConnection, statement: TreeNode): Promise<string> {
  const json = JSON.stringify({ error: false, statements: [statement] }).replace(KEPT_NUMBER, '$1');
  const result = await connection.runAndReadAll(`select json_deserialize_sql(${quoteLiteral(json)}::json)`);
  return String(result.getRowsJson()[0]?.[0]);
}

export function isNode(value: unknown): value is TreeNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Rebuilds a tree from its leaves: `change` receives every object after its members and returns its replacement. */
export function rewriteTree(value: unknown, change: (node: TreeNode) => TreeNode): unknown {
  if (Array.isArray(value)) return value.map((item) => rewriteTree(item, change));
  if (!isNode(value)) return value;
  const rebuilt: TreeNode = {};
  for (const [member, content] of Object.entries(value)) rebuilt[member] = rewriteTree(content, change);
  return change(rebuilt);
}

/** Calls `visit` for every object of a tree, parents first. */
export function visitTree(value: unknown, visit: (node: TreeNode) => void): void {
  if (Array.isArray(value)) for (const item of value) visitTree(item, visit);
  if (!isNode(value)) return;
  visit(value);
  for (const content of Object.values(value)) visitTree(content, visit);
}

export function functionNode(name: string, children: readonly TreeNode[], alias: unknown = ''): TreeNode {
  return {
    class: 'FUNCTION',
    type: 'FUNCTION',
    alias,
    query_location: 0,
    function_name: name,
    schema: '',
    children,
    filter: null,
    order_bys: { type: 'ORDER_MODIFIER', orders: [] },
    distinct: false,
    is_operator: false,
    export_state: false,
    catalog: '',
  };
}

export function castNode(child: TreeNode, type: string, alias: unknown = ''): TreeNode {
  const castType = { id: type, type_info: null };
  return {
    class: 'CAST',
    type: 'OPERATOR_CAST',
    alias,
    query_location: 0,
    child,
    cast_type: castType,
    try_cast: false,
  };
}
