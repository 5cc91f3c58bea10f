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

/** Groups Parquet files by schema. Reads only footers, and returns one row per distinct schema. */
export async function groupByParquetSchema(
  connection: DuckDBConnection,
  paths: readonly string[],
): Promise<ParquetFileGroup[]> {
  const result = await connection.runAndReadAll(`
    select nodes, list(file_name order by file_name) as files from (
      select file_name, list(json_array(name, type, repetition_type, num_children, converted_type,
                                        logical_type, field_id, duckdb_type) order by column_id) as nodes
      from parquet_schema(${fileList(paths)}) group by file_name)
    group by nodes order by min(file_name)`);
  return result.getRowsJson().map((row) => {
    const [nodes, files] = row as [string[], string[]];
    return { columns: readTree(nodes).children, paths: files };
  });
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
function readTree(nodes: readonly string[]): ParquetNode {
  let next = 0;
  const read = (): ParquetNode => {
    const text = nodes[next++];
    if (text === undefined) throw new Error('Parquet schema ends early');
    const [name, physicalType, repetition, childCount, convertedType, logicalType, fieldId, duckDbType] = JSON.parse(
      text,
    ) as FlatNode;
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
