import type { DuckDBConnection } from '@duckdb/node-api';
import type { DataType, Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier } from '../../../core/names.js';
import {
  fileList,
  listElement,
  mapEntry,
  type ParquetFileGroup,
  type ParquetNode,
} from '../../parquet/parquet-schema.js';
import { type ColumnMatch, findColumn } from '../../parquet/project-column.js';
import type { TableLayout } from '../schema/table-layout.js';
import { columnMatch } from './file-columns.js';

/** A data file whose footer can be read. */
export interface KnownFile {
  /** What the log calls it. */
  readonly path: string;
  /** Where the engine finds its footer. */
  readonly footer: string;
  /** Rows that deletion vectors take out. */
  readonly deadRows: bigint;
}

/** Names that a message lists. */
const NAMES_MAX = 3;
/** Columns that belong to no schema: those of change files. */
const CHANGE_TYPE = '_change_type';

/**
 * Refuses files in which not one column of the table is found, or not one member of a struct. A column that a file lacks
 * is null, so their rows would be nothing but nulls: the sign that columns are looked for under wrong names. It is as it
 * should be for a file that holds no other columns, or no rows, or columns that may be those that the table dropped.
 * @param options.group files of one Parquet schema
 * @throws SOURCE_FILE_COLUMNS_UNKNOWN, SOURCE_FILE_CORRUPT
 */
export async function requireKnownColumns(
  connection: DuckDBConnection,
  options: { layout: TableLayout; group: ParquetFileGroup; files: readonly KnownFile[] },
): Promise<void> {
  const { layout, group, files } = options;
  const match = columnMatch(layout);
  if (match === 'id' && !group.columns.some((node) => node.fieldId !== null)) {
    const reason = 'it has no field ids, but the table maps its columns by id';
    throw syncedTablesError('SOURCE_FILE_CORRUPT', { file: files[0]?.path ?? '', table: layout.tableName, reason });
  }
  const stranger = findStranger(tableStruct(layout), { match, formerColumns: layout.formerColumns }, group.columns);
  if (stranger === null) return;
  const file = await firstWithRows(connection, files);
  if (file === null) return;
  const { where, found } = stranger;
  throw syncedTablesError('SOURCE_FILE_COLUMNS_UNKNOWN', { file, table: layout.tableName, where, found });
}

/** A struct of a file that holds none of the wanted members. */
interface Stranger {
  /** Continues a sentence: ` inside "a.b"`, or nothing for the table itself. */
  readonly where: string;
  /** What it holds instead. */
  readonly found: string;
}

interface Search {
  readonly match: ColumnMatch;
  readonly formerColumns: number;
}

interface Struct {
  readonly fields: readonly Field[];
  /** Members that may be in a file without being read from it. */
  readonly ignored: readonly Field[];
  readonly path: string;
}

function tableStruct({ columns, partitionFields }: TableLayout): Struct {
  const fields = columns.filter((field) => !partitionFields.includes(field));
  return { fields, ignored: partitionFields, path: '' };
}

function findStranger(struct: Struct, search: Search, nodes: readonly ParquetNode[]): Stranger | null {
  const { path, ignored } = struct;
  // Writers leave out columns of type void.
  const fields = struct.fields.filter(({ type }) => type.kind !== 'void');
  const known = fields.flatMap((field) => {
    const node = findColumn(nodes, field, search.match);
    return node ? [{ field, node }] : [];
  });
  if (fields.length > 0 && known.length === 0) {
    const expected = [...struct.fields, ...ignored].flatMap((field) => findColumn(nodes, field, search.match) ?? []);
    const others = nodes.filter((node) => !expected.includes(node) && node.name !== CHANGE_TYPE);
    if (others.length > search.formerColumns) return { where: path && ` inside ${path}`, found: namesOf(others) };
  }
  for (const { field, node } of known) {
    const name = quoteIdentifier(field.name);
    const stranger = findNestedStranger(field.type, node, search, path ? `${path}.${name}` : name);
    if (stranger) return stranger;
  }
  return null;
}

function findNestedStranger(type: DataType, node: ParquetNode, search: Search, path: string): Stranger | null {
  switch (type.kind) {
    case 'struct':
      return findStranger({ fields: type.fields, ignored: [], path }, search, node.children);
    case 'array':
      return findNestedStranger(type.element, listElement(node) ?? node, search, path);
    case 'map': {
      const entry = mapEntry(node);
      if (entry === null) return null;
      const key = findNestedStranger(type.key, entry.key, search, path);
      return key ?? (entry.value && findNestedStranger(type.value, entry.value, search, path));
    }
    default:
      return null;
  }
}

function namesOf(nodes: readonly ParquetNode[]): string {
  const names = nodes.slice(0, NAMES_MAX).map(({ name }) => quoteIdentifier(name));
  return [...names, ...(nodes.length > NAMES_MAX ? ['…'] : [])].join(', ');
}

async function firstWithRows(connection: DuckDBConnection, files: readonly KnownFile[]): Promise<string | null> {
  const footers = files.map(({ footer }) => footer);
  const result = await connection.runAndReadAll(
    `select file_name, num_rows::varchar from parquet_file_metadata(${fileList(footers)})`,
  );
  const rows = new Map(result.getRowsJson().map(([name, count]) => [String(name), BigInt(String(count))]));
  return files.find(({ footer, deadRows }) => (rows.get(footer) ?? 0n) > deadRows)?.path ?? null;
}
