import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { type AllowedFunctions, allowedFunctions } from './allowed-functions.js';
import { toEngineNode } from './lakehouse-functions.js';
import { engineText, lakehouseOffset } from './lakehouse-text.js';
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
export class RowExpressionError extends Error {
  /** Where in the text, in characters from 1; null if that is not known. */
  readonly position: number | null;

  constructor(message: string, position: number | null = null) {
    super(message);
    this.position = position;
  }
}

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

/** An expression of the engine. */
export interface RowExpression {
  readonly sql: string;
  /** The columns that it names, each once. */
  readonly columns: readonly Field[];
  /** Its syntax tree, and how to write a part of it. */
  readonly tree: TreeNode;
  textOf(part: TreeNode): Promise<string>;
  /** The name that a text ends in: `a = b name`. Expressions that are not part of a list have no use for one. */
  readonly alias: string;
}

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
  return (await readRowExpression(connection, text, columns)).sql;
}

/** Like `rowExpression`, with what is to be known of its parts. */
export async function readRowExpression(
  connection: DuckDBConnection,
  text: string,
  columns: readonly Field[],
): Promise<RowExpression> {
  if (text.length > EXPRESSION_LENGTH_MAX)
    throw new RowExpressionError(`it is longer than ${EXPRESSION_LENGTH_MAX} characters`);
  const statement = await parse(connection, text);
  const expression = soleExpression(statement);
  const rewritten = rewriteTree(expression, toEngineNode) as TreeNode;
  const functions = await allowedFunctions(connection);
  const parameters = lambdaParameters(rewritten);
  const fields = new Map(columns.map((column) => [column.name.toLowerCase(), column]));
  const named = new Set<Field>();
  visitTree(rewritten, (node) => {
    const position = positionOf(node, text);
    if (typeof node.class === 'string' && !ROW_CLASSES.has(node.class)) {
      throw new RowExpressionError(`${describeClass(node.class)} cannot be part of it`, position);
    }
    if (node.class === 'COLUMN_REF') {
      const field = fields.get(firstName(node));
      if (field) named.add(field);
      else requireParameter(node, parameters, position);
    }
    if (node.class === 'FUNCTION') requireFunction(node, functions, position);
  });
  const textOf = async (part: TreeNode) => {
    const select = await queryText(connection, withExpression(statement, { ...part, alias: '' }));
    return select.replace(/^SELECT /, '');
  };
  const sql = await textOf(rewritten);
  return { sql, columns: [...named], tree: rewritten, textOf, alias: String(expression.alias ?? '') };
}

/**
 * What an expression calls the columns that it names, in lower case: without knowing the columns that there are.
 * @throws RowExpressionError if it cannot be parsed
 */
export async function columnNamesOf(connection: DuckDBConnection, text: string): Promise<ReadonlySet<string>> {
  const expression = soleExpression(await parse(connection, text));
  const parameters = lambdaParameters(expression);
  const names = new Set<string>();
  visitTree(expression, (node) => {
    if (node.class === 'COLUMN_REF' && !parameters.has(firstName(node))) names.add(firstName(node));
  });
  return names;
}

const BEFORE_THE_TEXT = 'select ';

async function parse(connection: DuckDBConnection, text: string): Promise<TreeNode> {
  try {
    return await parseQuery(connection, `${BEFORE_THE_TEXT}${engineText(text)}`);
  } catch (error) {
    if (!(error instanceof QuerySyntaxError)) throw error;
    throw new RowExpressionError(error.message, error.offset === null ? null : placeIn(text, error.offset));
  }
}

/** What was rewritten has lost its place. */
function positionOf({ query_location: offset }: TreeNode, text: string): number | null {
  return typeof offset === 'number' && offset >= BEFORE_THE_TEXT.length ? placeIn(text, offset) : null;
}

function placeIn(text: string, engineOffset: number): number {
  return lakehouseOffset(text, engineOffset - BEFORE_THE_TEXT.length) + 1;
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

function requireParameter(node: TreeNode, parameters: ReadonlySet<string>, position: number | null): void {
  const name = firstName(node);
  if (!parameters.has(name)) throw new RowExpressionError(`the source has no column "${name}"`, position);
}

function requireFunction(node: TreeNode, { scalar, aggregate }: AllowedFunctions, position: number | null): void {
  const name = String(node.function_name).toLowerCase();
  if (scalar.has(name) && (node.schema === '' || node.schema === 'main')) return;
  if (aggregate.has(name)) throw new RowExpressionError(`${name} works on many rows`, position);
  throw new RowExpressionError(`there is no function ${name} whose result depends on its arguments alone`, position);
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
