import { type DuckDBConnection, DuckDBTypeId } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { boundsCondition } from './bounds-condition.js';
import { isNode, type TreeNode } from './query-tree.js';
import { RowExpressionError, readRowExpression } from './row-expression.js';

/** A condition of the engine that a row fulfils or not; null counts as not. */
export interface RowCondition {
  readonly sql: string;
  /** The columns that it names. */
  readonly columns: readonly Field[];
  /** Conditions that a row fulfils all of if it fulfils the whole. */
  readonly conjuncts: readonly Conjunct[];
}

/** One of the conditions that `and` joins. */
interface Conjunct {
  readonly sql: string;
  /** Names of the columns that it is about. */
  readonly columns: readonly string[];
  /** See `boundsCondition`. */
  readonly bounds: string | null;
}

/**
 * Reads a condition in the lakehouse's SQL, with all that is checked of `rowExpression`.
 * @param options.columns what it may name
 * @param options.nullRow a SELECT of one row with a null in each of these columns, of its type
 * @throws RowExpressionError if it is no such expression, or gives anything but true and false
 */
export async function rowCondition(
  connection: DuckDBConnection,
  text: string,
  options: { readonly columns: readonly Field[]; readonly nullRow: (columns: readonly Field[]) => string },
): Promise<RowCondition> {
  const { sql, columns, tree, textOf, alias } = await readRowExpression(connection, text, options.columns);
  if (alias !== '') throw new RowExpressionError(`"${alias}" behind it belongs to nothing`);
  // One row is computed, so that constants of a wrong form show now.
  const tried = await connection.runAndReadAll(`select (${sql}) as value from (${options.nullRow(columns)}) r`);
  const [type] = tried.columnTypes();
  if (type?.typeId !== DuckDBTypeId.BOOLEAN) {
    throw new RowExpressionError(`it gives ${String(type).toLowerCase()}, not true or false`);
  }
  const conjuncts: Conjunct[] = [];
  for (const part of conjunctsOf(tree)) {
    const named = columns.filter((column) => names(part, column));
    const bounds = await boundsCondition(part, named, textOf);
    conjuncts.push({ sql: await textOf(part), columns: named.map(({ name }) => name), bounds });
  }
  return { sql, columns, conjuncts };
}

function conjunctsOf(node: TreeNode): TreeNode[] {
  if (node.type !== 'CONJUNCTION_AND' || !Array.isArray(node.children)) return [node];
  return (node.children as TreeNode[]).flatMap(conjunctsOf);
}

/** Whether a part of an expression may name a column; a parameter of a lambda of the same name counts too. */
function names(part: unknown, column: Field): boolean {
  if (Array.isArray(part)) return part.some((item) => names(item, column));
  if (!isNode(part)) return false;
  const isNamed =
    part.class === 'COLUMN_REF' &&
    Array.isArray(part.column_names) &&
    String(part.column_names[0]).toLowerCase() === column.name.toLowerCase();
  return isNamed || Object.values(part).some((content) => names(content, column));
}
