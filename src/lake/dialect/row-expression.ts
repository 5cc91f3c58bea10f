import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { allowedFunctions } from './allowed-functions.js';
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

/** Why a text is not a valid expression over one row; for a person. */
export class RowExpressionError extends Error {}

const EXPRESSION_LENGTH_MAX = 10_000;
/**
 * Everything else (subqueries, stars, windows, parameters …) involves more than one row, or something a row does not
 * have.
 */
const ROW_CLASSES: ReadonlySet<unknown> = new Set([
  'COLUMN_REF',
  'CONSTANT',
  'COMPARISON',
  'CONJUNCTION',
  'OPERATOR',
  'FUNCTION',
  'CAST',
  'CASE',
  'BETWEEN',
  'LAMBDA',
]);

/**
 * Turns an expression of the lakehouse's SQL over one row into one of the engine. The engine's own parser takes it
 * apart; the rebuilt expression can name only the given columns and call only pure functions, so it reaches no file,
 * other table or setting, and gives the same result whenever a row is read again.
 * @param columns what the expression may name
 * @throws RowExpressionError
 */
export async function rowExpression(
  connection: DuckDBConnection,
  text: string,
  columns: readonly Field[],
): Promise<string> {
  if (text.length > EXPRESSION_LENGTH_MAX)
    throw new RowExpressionError(`it is longer than ${EXPRESSION_LENGTH_MAX} characters`);
  const statement = await parse(connection, engineText(text));
  const expression = soleExpression(statement);
  const rewritten = rewriteTree(expression, toEngineNode) as TreeNode;
  const functions = await allowedFunctions(connection);
  const parameters = lambdaParameters(rewritten);
  const names = new Set(columns.map((column) => column.name.toLowerCase()));
  visitTree(rewritten, (node) => {
    if (typeof node.class === 'string' && !ROW_CLASSES.has(node.class)) {
      throw new RowExpressionError(`${describeClass(node.class)} cannot be part of it`);
    }
    if (node.class === 'COLUMN_REF') requireColumn(node, names, parameters);
    if (node.class === 'FUNCTION') requireFunction(node, functions.scalar, functions.aggregate);
  });
  const select = await queryText(connection, withExpression(statement, { ...rewritten, alias: '' }));
  return select.replace(/^SELECT /, '');
}

async function parse(connection: DuckDBConnection, sql: string): Promise<TreeNode> {
  try {
    return await parseQuery(connection, `select ${sql}`);
  } catch (error) {
    if (error instanceof QuerySyntaxError) throw new RowExpressionError(error.message);
    throw error;
  }
}

/** The one expression of `select …`; anything that makes it a query is refused. */
function soleExpression(statement: TreeNode): TreeNode {
  const { node } = statement;
  if (!isNode(node) || node.type !== 'SELECT_NODE') throw new RowExpressionError('it is a query');
  const list = Array.isArray(node.select_list) ? (node.select_list as TreeNode[]) : [];
  const [expression, ...others] = list;
  if (expression === undefined || others.length > 0) throw new RowExpressionError('it is more than one expression');
  const { from_table: from, where_clause: where, having, qualify, sample, modifiers, cte_map: ctes } = node;
  const isPlain =
    isNode(from) && from.type === 'EMPTY' && where === null && having === null && qualify === null && sample === null;
  const hasMore =
    isEmptyList(modifiers) && isEmptyList(node.group_expressions) && isNode(ctes) && isEmptyList(ctes.map);
  if (!isPlain || !hasMore) throw new RowExpressionError('it is a query');
  return expression;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function withExpression(statement: TreeNode, expression: TreeNode): TreeNode {
  const { node } = statement;
  return { ...statement, node: { ...(isNode(node) ? node : {}), select_list: [expression] } };
}

function lambdaParameters(expression: TreeNode): ReadonlySet<string> {
  const names = new Set<string>();
  visitTree(expression, (node) => {
    if (node.class !== 'LAMBDA') return;
    visitTree(node.lhs, (side) => {
      if (side.class === 'COLUMN_REF') names.add(firstName(side));
    });
  });
  return names;
}

function firstName(reference: TreeNode): string {
  const names = Array.isArray(reference.column_names) ? reference.column_names : [];
  return String(names[0] ?? '').toLowerCase();
}

function requireColumn(node: TreeNode, columns: ReadonlySet<string>, parameters: ReadonlySet<string>): void {
  const name = firstName(node);
  if (!columns.has(name) && !parameters.has(name)) throw new RowExpressionError(`the source has no column "${name}"`);
}

function requireFunction(node: TreeNode, scalar: ReadonlySet<string>, aggregate: ReadonlySet<string>): void {
  const name = String(node.function_name).toLowerCase();
  if (scalar.has(name) && (node.schema === '' || node.schema === 'main')) return;
  if (aggregate.has(name)) throw new RowExpressionError(`${name} works on many rows`);
  throw new RowExpressionError(`there is no function ${name} whose result depends on its arguments alone`);
}

function describeClass(nodeClass: string): string {
  const known: Readonly<Record<string, string>> = {
    SUBQUERY: 'a subquery',
    STAR: '*',
    WINDOW: 'a window function',
    PARAMETER: 'a parameter',
  };
  return known[nodeClass] ?? nodeClass.toLowerCase();
}
