import { type DuckDBConnection, VARCHAR } from '@duckdb/node-api';
import type { Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../../../core/names.js';
import { fileList } from '../../parquet/parquet-schema.js';
import { findColumn, type Projection, projectValue } from '../../parquet/project-column.js';
import type { IcebergSchema, SchemaField } from '../schema/iceberg-schema.js';
import { initialDefault, MalformedDefault } from '../schema/initial-default.js';
import { identityOf, type PartitionNumbers, partitionExpression, partitionText } from './partition-values.js';
import type { FileSet, PlacedFile } from './placed-file.js';

/** A field that is read, and the schema that says so. */
export interface WantedField {
  readonly field: SchemaField;
  readonly schema: IcebergSchema;
}

export interface FileRowsOptions {
  readonly connection: DuckDBConnection;
  readonly tableName: string;
  /** Name for a table of the engine with what the metadata says of each file. */
  readonly fileTable: string;
  readonly partitions: PartitionNumbers;
  /** Fields of which `value` will be asked. */
  readonly wanted: readonly WantedField[];
}

/** The rows of a set of files, as SQL of the engine. */
export interface FileRows {
  /** The files have the alias `f`; `p` has the columns file, seq and part of each. */
  readonly from: string;
  /** SQL of a field's value, in the canonical type. */
  value(wanted: WantedField): string;
}

/**
 * Makes the rows of a set of files readable (Iceberg specification, "Column Projection"): a column that files lack has
 * the value of their partition, or the initial default.
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE
 */
export async function openFileRows(set: FileSet, options: FileRowsOptions): Promise<FileRows> {
  const { tableName, fileTable, wanted } = options;
  refuseReservedColumns(set, tableName);
  const columnsOf = new Map(wanted.map(({ field }) => [columnOf(field).fieldId, columnOf(field)]));
  const [sample] = set.files;
  const inPartition = [...columnsOf.values()].filter((column) => {
    const isAbsent = findColumn(set.columns, column, 'id') === null;
    return isAbsent && sample && identityOf(sample.file.spec, column.fieldId) !== null;
  });
  await createFileTable(fileTable, set.files, inPartition, options);
  const files = fileList(set.files.map(({ data }) => data));
  const columnValue = (column: Field, schema: IcebergSchema): string => {
    const node = findColumn(set.columns, column, 'id');
    const absent = (field: Field) => defaultOf(field, schema, { tableName, file: sample?.file.path ?? '' });
    if (node) {
      const projection: Projection = { match: 'id', isVariantMarked: set.isVariantMarked, tableName, absent };
      return projectValue(column.type, node, `f.${quoteIdentifier(node.name)}`, projection);
    }
    const place = inPartition.findIndex(({ fieldId }) => fieldId === column.fieldId);
    return place >= 0 ? partitionExpression(column.type, `p.v${place}`) : absent(column);
  };
  return {
    from: `read_parquet(${files}, hive_partitioning = false) f join ${fileTable} p on p.file_index = f.file_index`,
    value({ field, schema }) {
      const [column, ...inner] = field.way;
      if (!column) throw new Error('a field is on no way');
      return inner.reduce(
        (outer, { name }) => `struct_extract(${outer}, ${quoteLiteral(name)})`,
        columnValue(column, schema),
      );
    },
  };
}

function columnOf(field: SchemaField): Field {
  return field.way[0] ?? field.field;
}

function defaultOf(
  field: Field,
  schema: IcebergSchema,
  { tableName, file }: { tableName: string; file: string },
): string {
  try {
    return initialDefault(field, schema);
  } catch (error) {
    if (!(error instanceof MalformedDefault)) throw error;
    throw syncedTablesError('ICEBERG_METADATA_CORRUPT', { file, table: tableName, reason: error.message }, error);
  }
}

/** `file_index` is the file's place in the set, `v0`, `v1` … are values of its partition as text. */
async function createFileTable(
  table: string,
  files: readonly PlacedFile[],
  columns: readonly Field[],
  { connection, partitions }: FileRowsOptions,
): Promise<void> {
  const values = columns.map((_, index) => `, v${index} varchar`).join('');
  await connection.run(`create table ${table} (file_index ubigint, file integer, seq bigint, part integer${values})`);
  const [schema, name] = table.split('.') as [string, string];
  const appender = await connection.createAppender(name, schema);
  for (const [place, { file, index }] of files.entries()) {
    appender.appendUBigInt(BigInt(place));
    appender.appendInteger(index);
    appender.appendBigInt(file.sequenceNumber);
    appender.appendInteger(partitions.of(file));
    for (const column of columns) {
      const value = file.partition.get(identityOf(file.spec, column.fieldId) ?? -1) ?? null;
      appender.appendValue(partitionText(column.type, value), VARCHAR);
    }
    appender.endRow();
  }
  appender.closeSync();
}

/** The engine tells rows of files apart by columns of these names, unless the file itself has them. */
function refuseReservedColumns({ columns, files }: FileSet, table: string): void {
  const taken = columns.find(({ name }) => ['file_index', 'file_row_number'].includes(name.toLowerCase()));
  if (!taken) return;
  const feature = `a column named "${taken.name}"`;
  throw syncedTablesError('ICEBERG_UNSUPPORTED_FEATURE', { file: files[0]?.file.path ?? '', table, feature });
}
