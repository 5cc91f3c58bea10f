import { castNode, functionNode, isNode, type TreeNode } from './query-tree.js';

/** Types that the lakehouse names differently or defines differently: its TIMESTAMP is an instant. */
const TYPES: Readonly<Record<string, string>> = {
  TIMESTAMP: 'TIMESTAMP WITH TIME ZONE',
  TIMESTAMP_LTZ: 'TIMESTAMP WITH TIME ZONE',
  TIMESTAMP_NTZ: 'TIMESTAMP',
  BYTE: 'TINYINT',
  SHORT: 'SMALLINT',
};

/** Functions that are casts in the lakehouse. */
const CASTS: Readonly<Record<string, string>> = {
  string: 'VARCHAR',
  boolean: 'BOOLEAN',
  tinyint: 'TINYINT',
  smallint: 'SMALLINT',
  int: 'INTEGER',
  bigint: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  date: 'DATE',
  timestamp: 'TIMESTAMP WITH TIME ZONE',
  to_date: 'DATE',
  to_timestamp: 'TIMESTAMP WITH TIME ZONE',
  binary: 'BLOB',
};

/** Functions with another name and the same meaning. */
const RENAMED: Readonly<Record<string, string>> = {
  nvl: 'coalesce',
  size: 'len',
  timestamp_millis: 'epoch_ms',
  get_json_object: 'json_extract_string',
  array: 'list_value',
  char: 'chr',
};

/** Gives a node of the lakehouse's SQL the meaning it has there. */
export function toEngineNode(node: TreeNode): TreeNode {
  if (node.class === 'CAST' && isNode(node.cast_type)) return { ...node, cast_type: engineType(node.cast_type) };
  if (node.class !== 'FUNCTION' || typeof node.function_name !== 'string' || node.is_operator === true) return node;
  const children = Array.isArray(node.children) ? (node.children as TreeNode[]) : [];
  const name = node.function_name.toLowerCase();
  const { alias } = node;
  if (name === 'struct') return structNode(children, alias);
  if (name === 'named_struct') return namedStructNode(node, children);
  const cast = CASTS[name];
  const [only] = children;
  if (cast !== undefined && only !== undefined && children.length === 1) return castNode(only, cast, alias);
  if ((name === 'isnull' || name === 'isnotnull') && children.length === 1) {
    const type = name === 'isnull' ? 'OPERATOR_IS_NULL' : 'OPERATOR_IS_NOT_NULL';
    return { class: 'OPERATOR', type, alias, query_location: 0, children };
  }
  if (name === 'concat' && children.length > 0) return concatNode(children, alias);
  const renamed = RENAMED[name];
  if (renamed === 'coalesce')
    return { class: 'OPERATOR', type: 'OPERATOR_COALESCE', alias, query_location: 0, children };
  return renamed === undefined ? node : functionNode(renamed, children, alias);
}

function engineType(type: TreeNode): TreeNode {
  const info = type.type_info;
  const given = type.id === 'UNBOUND' && isNode(info) ? String(info.name) : String(type.id);
  const known = TYPES[given.toUpperCase()];
  return known === undefined ? type : { id: known, type_info: null };
}

/** Columns give the members their names; others are called col1, col2 … by position. */
function structNode(children: readonly TreeNode[], alias: unknown): TreeNode {
  const members = children.map((child, index) => ({ ...child, alias: memberName(child, index) }));
  return functionNode('struct_pack', members, alias);
}

function memberName(child: TreeNode, index: number): string {
  if (typeof child.alias === 'string' && child.alias !== '') return child.alias;
  const names = child.class === 'COLUMN_REF' && Array.isArray(child.column_names) ? child.column_names : [];
  return String(names.at(-1) ?? `col${index + 1}`);
}

function namedStructNode(node: TreeNode, children: readonly TreeNode[]): TreeNode {
  const members: TreeNode[] = [];
  for (let index = 0; index + 1 < children.length; index += 2) {
    const name = children[index]?.value;
    const member = children[index + 1];
    if (!isNode(name) || typeof name.value !== 'string' || member === undefined) return node;
    members.push({ ...member, alias: name.value });
  }
  return functionNode('struct_pack', members, node.alias);
}

/** The engine's concat skips nulls; the lakehouse's returns null. */
function concatNode(children: readonly TreeNode[], alias: unknown): TreeNode {
  const joined = children
    .map((child) => castNode({ ...child, alias: '' }, 'VARCHAR'))
    .reduce((left, right) => ({ ...functionNode('||', [left, right]), is_operator: true }));
  return { ...joined, alias };
}
