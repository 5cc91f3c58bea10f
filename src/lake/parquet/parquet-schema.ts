import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteLiteral } from '../../core/names.js';

/** A column or a nested part of a Parquet file, as its footer declares it. */
export interface ParquetNode {
  readonly name: string;
  /** Physical type such as INT32, INT96; null for groups. */
  readonly physicalType: string | null;
  /** The type that DuckDB reads a leaf as; null for groups. */
  readonly duckDbType: string | null;
  readonly repetition: string | null;
  readonly convertedType: string | null;
  readonly logicalType: string | null;
  readonly fieldId: number | null;
  readonly children: readonly ParquetNode[];
}

/** Files that share one schema, identified by their index in the requested list. */
export interface ParquetFileGroup {
  readonly columns: readonly ParquetNode[];
  readonly paths: readonly string[];
}

/** SQL list of file names, safe from DuckDB's wildcards: a bracket class matches one literal character. */
export function fileList(paths: readonly string[]): string {
  const escaped = paths.map((path) => quoteLiteral(path.replace(/[*?[]/g, '[$&]')));
  return `[${escaped.join(', ')}]`;
}

const NODE =
  'name, type, repetition_type, num_children::integer, converted_type, logical_type, field_id::integer, duckdb_type';

/** Of so few files the engine would take longer to group their schemas than to hand them over. */
const FEW_FILES = 16;

/** Groups Parquet files by schema. Reads only footers; of many files, one row per distinct schema is all that is fetched. */
export async function groupByParquetSchema(
  connection: DuckDBConnection,
  paths: readonly string[],
): Promise<ParquetFileGroup[]> {
  const grouped =
    paths.length <= FEW_FILES ? await groupHere(connection, paths) : await groupInEngine(connection, paths);
  return grouped.map(({ nodes, files }) => ({ columns: readTree(nodes).children, paths: files }));
}

/** Files with the same nodes, in the order of the first of their names. */
interface Grouped {
  readonly nodes: readonly FlatNode[];
  readonly files: string[];
}

async function groupHere(connection: DuckDBConnection, paths: readonly string[]): Promise<Grouped[]> {
  const result = await connection.runAndReadAll(
    `select file_name, column_id::integer, ${NODE} from parquet_schema(${fileList(paths)})`,
  );
  const byFile = new Map<string, [place: number, node: FlatNode][]>();
  for (const [file, place, ...node] of result.getRowsJson()) {
    const nodes = byFile.get(String(file)) ?? [];
    nodes.push([Number(place), node as FlatNode]);
    byFile.set(String(file), nodes);
  }
  const groups = new Map<string, Grouped>();
  for (const [file, placed] of [...byFile].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const nodes = placed.sort(([a], [b]) => a - b).map(([, node]) => node);
    const key = JSON.stringify(nodes);
    const group = groups.get(key);
    if (group) group.files.push(file);
    else groups.set(key, { nodes, files: [file] });
  }
  return [...groups.values()];
}

/** The engine keeps some 25 kB for each file whose nodes it puts in order. */
const FILES_AT_ONCE = 500;

async function groupInEngine(connection: DuckDBConnection, paths: readonly string[]): Promise<Grouped[]> {
  const groups = new Map<string, Grouped>();
  for (let from = 0; from < paths.length; from += FILES_AT_ONCE) {
    const result = await connection.runAndReadAll(`
      select nodes, list(file_name) as files from (
        select file_name, list(json_array(${NODE}) order by column_id) as nodes
        from parquet_schema(${fileList(paths.slice(from, from + FILES_AT_ONCE))}) group by file_name)
      group by nodes`);
    for (const [nodes, files] of result.getRowsJson() as [string[], string[]][]) {
      const key = JSON.stringify(nodes);
      const group = groups.get(key) ?? { nodes: nodes.map((node) => JSON.parse(node) as FlatNode), files: [] };
      group.files.push(...files);
      groups.set(key, group);
    }
  }
  for (const { files } of groups.values()) files.sort();
  return [...groups.values()].sort(({ files: [a = ''] }, { files: [b = ''] }) => (a < b ? -1 : 1));
}

type FlatNode = [
  name: string,
  type: string | null,
  repetition: string | null,
  childCount: number | null,
  convertedType: string | null,
  logicalType: string | null,
  fieldId: number | null,
  duckDbType: string | null,
];

/** The footer lists nodes in pre-order, each group with its number of children. */
function readTree(nodes: readonly FlatNode[]): ParquetNode {
  let next = 0;
  const read = (): ParquetNode => {
    const node = nodes[next++];
    if (node === undefined) throw new Error('Parquet schema ends early');
    const [name, physicalType, repetition, childCount, convertedType, logicalType, fieldId, duckDbType] = node;
    const children = Array.from({ length: childCount ?? 0 }, read);
    return { name, physicalType, duckDbType, repetition, convertedType, logicalType, fieldId, children };
  };
  return read();
}

const isRepeated = (node: ParquetNode): boolean => node.repetition === 'REPEATED';

/**
 * The element of a list node in all three layouts that occur: three levels, two levels, and a bare repeated field
 * (Parquet format, "Lists", backward-compatibility rules).
 */
export function listElement(list: ParquetNode): ParquetNode | null {
  const [repeated] = list.children;
  if (!repeated || !isRepeated(repeated)) return null;
  const isWrapper =
    repeated.children.length === 1 && repeated.name !== 'array' && repeated.name !== `${list.name}_tuple`;
  return isWrapper ? (repeated.children[0] ?? null) : repeated;
}

/** Key and value of a map node: the children of its one repeated group. */
export function mapEntry(map: ParquetNode): { key: ParquetNode; value: ParquetNode | null } | null {
  const [repeated] = map.children;
  const [key, value] = repeated?.children ?? [];
  return key ? { key, value: value ?? null } : null;
}
