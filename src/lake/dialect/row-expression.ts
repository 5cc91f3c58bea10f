import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { allowedFunctions } from './allowed-functions.js';
import { engineText } from './lakehouse-text.js';
import { toEngineNode } from './lakehouse-functions.js';
import { isNode, parseQuery, QuerySyntaxError, queryText, rewriteTree, type TreeNode, visitTree } from './query-tree.js';

/** Why text given as an expression over one row is none; for a person. */
export class RowExpressionError extends Error {}

const EXPRESSION_LENGTH_MAX = 10_000;
/** Everything else (subqueries, stars, windows, parameters …) is more than one row, or nothing that a row has. */
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
 * apart; what is put together again can name nothing but the given columns and call nothing but pure functions, so it
 * reaches no file, no other table, no setting, and gives the same result whenever a row is read again.
 * @param columns what the expression may name
 * @throws RowExpressionError
 */
export async function rowExpression(
  connection: DuckDBConnection,
  text: string,
  columns: readonly Field[],
): Promise<string> {
  if (text.length > EXPRESSION_LENGTH_MAX) throw new RowExpressionError(`it is longer than ${EXPRESSION_LENGTH_MAX} characters`);
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
  const select = await queryText(connection, withExpression(statement, { ...rewritten, alias: 'value' }));
  return `(select * from (${select}))`.length > 0 ? expressionOf(select) : select;
}

async function parse(connection: DuckDBConnection, sql: string): Promise<TreeNode> {
  try {
    return await parseQuery(connection, `select ${sql}\n`);
  } catch (error) {
    if (error instanceof QuerySyntaxError) throw new RowExpressionError(error.message);
    throw error;
  }
}
