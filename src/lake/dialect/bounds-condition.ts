import type { Field } from '../../core/data-type.js';
import { BOUNDED_ROWS, boundNames } from '../read-hint.js';
import { isNode, type TreeNode, visitTree } from './query-tree.js';

/**
 * SQL over bounds of columns that is false if no row within them can fulfil a condition, and null or true otherwise; null if
 * bounds say nothing of it. Where a bound is null it is not known.
 * @param condition a part of an expression
 * @param textOf see `RowExpression`
 */
export async function boundsCondition(
  condition: TreeNode,
  columns: readonly Field[],
  textOf: (part: TreeNode) => Promise<string>,
): Promise<string | null> {
  const children = Array.isArray(condition.children) ? (condition.children as TreeNode[]) : [];
  switch (condition.type) {
    case 'CONJUNCTION_AND': {
      const parts = await Promise.all(children.map((child) => boundsCondition(child, columns, textOf)));
      return parts.filter((part) => part !== null).join(' and ') || null;
    }
    case 'CONJUNCTION_OR': {
      const parts = await Promise.all(children.map((child) => boundsCondition(child, columns, textOf)));
      return parts.includes(null) ? null : `(${parts.map((part) => `(${part})`).join(' or ')})`;
    }
    case 'COMPARE_BETWEEN':
      return within(columnOf(condition.input, columns), [condition.lower, condition.upper], textOf);
    case 'COMPARE_IN': {
      const [input, ...values] = children;
      const column = columnOf(input, columns);
      const each = await Promise.all(values.map((value) => within(column, [value, value], textOf)));
      return each.includes(null) || each.length === 0 ? null : `(${each.join(' or ')})`;
    }
    case 'OPERATOR_IS_NULL': {
      const column = columnOf(children[0], columns);
      return column && `${boundNames(column.name).nulls} > 0`;
    }
    case 'OPERATOR_IS_NOT_NULL': {
      const column = columnOf(children[0], columns);
      return column && `${boundNames(column.name).nulls} < ${BOUNDED_ROWS}`;
    }
    default:
      return comparison(condition, columns, textOf);
  }
}

/** The same said from the right side. */
const TURNED: Readonly<Record<string, string>> = {
  COMPARE_EQUAL: 'COMPARE_EQUAL',
  COMPARE_LESSTHAN: 'COMPARE_GREATERTHAN',
  COMPARE_GREATERTHAN: 'COMPARE_LESSTHAN',
  COMPARE_LESSTHANOREQUALTO: 'COMPARE_GREATERTHANOREQUALTO',
  COMPARE_GREATERTHANOREQUALTO: 'COMPARE_LESSTHANOREQUALTO',
};

async function comparison(
  { type, left, right }: TreeNode,
  columns: readonly Field[],
  textOf: (part: TreeNode) => Promise<string>,
): Promise<string | null> {
  const turned = TURNED[String(type)];
  if (turned === undefined) return null;
  const isTurned = columnOf(left, columns) === null;
  const column = columnOf(isTurned ? right : left, columns);
  const value = isTurned ? left : right;
  switch (isTurned ? turned : type) {
    case 'COMPARE_EQUAL':
      return within(column, [value, value], textOf);
    case 'COMPARE_LESSTHAN':
    case 'COMPARE_LESSTHANOREQUALTO':
      return within(column, [null, value], textOf);
    default:
      return within(column, [value, null], textOf);
  }
}

/** True if a value from the first to the second is possible. At the ends it may say so of one that is not. */
async function within(
  column: Field | null,
  [low, high]: readonly [unknown, unknown],
  textOf: (part: TreeNode) => Promise<string>,
): Promise<string | null> {
  if (column === null || !isConstant(low) || !isConstant(high)) return null;
  const { least, greatest } = boundNames(column.name);
  const compared = async (bound: string, operator: string, constant: TreeNode) => {
    const text = await textOf(constant);
    // The engine equates texts with numbers, but does not order them; bounds of texts say nothing of numbers anyway.
    return column.type.kind === 'string'
      ? `case when typeof(${text}) = 'VARCHAR' then ${bound} ${operator} (${text})::varchar end`
      : `${bound} ${operator} (${text})`;
  };
  const above = isNode(low) ? [`(${await compared(greatest, '>=', low)})`] : [];
  const below = isNode(high) ? [`(${await compared(least, '<=', high)})`] : [];
  return `(${[...above, ...below].join(' and ')})`;
}

/** Kinds whose bounds a file states in a form that can be read back; of floats it leaves out what is no number. */
const BOUNDED: ReadonlySet<string> = new Set([
  'long',
  'integer',
  'short',
  'byte',
  'decimal',
  'string',
  'date',
  'timestamp',
  'timestamp_ntz',
]);

/** The column that a part of an expression is; null if it is anything else. */
function columnOf(part: unknown, columns: readonly Field[]): Field | null {
  if (!isNode(part) || part.class !== 'COLUMN_REF' || !Array.isArray(part.column_names)) return null;
  const [name, ...members] = part.column_names.map((each) => String(each).toLowerCase());
  const column = members.length > 0 ? undefined : columns.find((each) => each.name.toLowerCase() === name);
  return column && BOUNDED.has(column.type.kind) ? column : null;
}

/** Whether it names no column; nothing at all counts as well. */
function isConstant(part: unknown): boolean {
  let isFound = false;
  visitTree(part, (node) => {
    if (node.class === 'COLUMN_REF') isFound = true;
  });
  return !isFound;
}
