import { randomUUID } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteIdentifier } from '../../core/names.js';
import type { Engine } from '../engine/duckdb-engine.js';
import { filesWithMarkedVariants } from '../parquet/marked-variants.js';
import { fileList, groupByParquetSchema, type ParquetFileGroup } from '../parquet/parquet-schema.js';
import { holdsVariant, nullOf } from '../parquet/project-column.js';
import type { Relation } from '../relation.js';
import type { FileStore } from '../storage/file-store.js';
import { checkFileSizes } from './check-file-sizes.js';
import { createDeadRowTable } from './dead-row-table.js';
import type { DeltaFile, DeltaSnapshot } from './delta-snapshot.js';
import { fileColumns, refuseReservedColumns } from './file-columns.js';
import { createPartitionTable } from './partition-table.js';

export interface DeltaRelationOptions {
  readonly engine: Engine;
  readonly store: FileStore;
  readonly snapshot: DeltaSnapshot;
  /** How many SELECTs to spread the files over. */
  readonly parts: number;
  /** Zone of partition values of type timestamp that name none; the log does not record it. */
  readonly partitionTimeZone: string;
}

/** Files that are read alike: same schema, and all or none of them with dead rows, or with marked variants. */
interface FileSet {
  readonly group: ParquetFileGroup;
  readonly files: readonly DeltaFile[];
  readonly hasDeadRows: boolean;
  readonly isVariantMarked: boolean;
}

/** Makes the rows of a snapshot readable: live files, less their deleted rows, as columns of the current schema. */
export async function openDeltaRelation(options: DeltaRelationOptions): Promise<Relation> {
  const { engine, store, snapshot } = options;
  await checkFileSizes(store, snapshot);
  const schema = `scan_${randomUUID().replaceAll('-', '')}`;
  const connection = await engine.connect();
  try {
    await connection.run(`create schema ${schema}`);
    const partCount = Math.max(1, Math.min(options.parts, snapshot.files.length));
    const parts: string[] = [];
    for (const files of spread(snapshot.files, partCount)) {
      parts.push(await partSelect(options, connection, files, `${schema}.p${parts.length}`));
    }
    return {
      parts,
      rowCount: await countRows(connection, snapshot),
      async [Symbol.asyncDispose]() {
        try {
          await connection.run(`drop schema ${schema} cascade`);
        } finally {
          connection.closeSync();
        }
      },
    };
  } catch (error) {
    await connection.run(`drop schema if exists ${schema} cascade`);
    connection.closeSync();
    throw error;
  }
}

/** Deals the files out so that every part gets about the same number of bytes: largest first, to the smallest part. */
function spread(files: readonly DeltaFile[], partCount: number): DeltaFile[][] {
  const parts = Array.from({ length: partCount }, () => ({ bytes: 0, files: [] as DeltaFile[] }));
  for (const file of [...files].sort((a, b) => (b.sizeBytes ?? 0) - (a.sizeBytes ?? 0))) {
    const smallest = parts.reduce((least, part) => (part.bytes < least.bytes ? part : least));
    smallest.files.push(file);
    smallest.bytes += file.sizeBytes ?? 1;
  }
  return parts.map((part) => part.files);
}

async function partSelect(
  options: DeltaRelationOptions,
  connection: DuckDBConnection,
  files: readonly DeltaFile[],
  tablePrefix: string,
): Promise<string> {
  const { snapshot } = options;
  if (files.length === 0) {
    const nulls = snapshot.columns.map((field) => `${nullOf(field.type)} as ${quoteIdentifier(field.name)}`);
    return `select ${nulls.join(', ')} where false`;
  }
  const selects: string[] = [];
  for (const fileSet of await fileSets(connection, snapshot, files)) {
    selects.push(await fileSetSelect(options, connection, fileSet, `${tablePrefix}_s${selects.length}`));
  }
  return selects.join('\nunion all\n');
}

async function fileSets(
  connection: DuckDBConnection,
  snapshot: DeltaSnapshot,
  files: readonly DeltaFile[],
): Promise<FileSet[]> {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const groups = await groupByParquetSchema(connection, [...byPath.keys()]);
  const hasVariants = snapshot.columns.some((field) => holdsVariant(field.type));
  const marked = hasVariants ? await filesWithMarkedVariants(connection, [...byPath.keys()]) : new Set<string>();
  return groups.flatMap((group) => {
    const members = group.paths.map((path) => {
      const file = byPath.get(path);
      if (!file) throw new Error('the engine reported a file that was not asked for');
      return file;
    });
    return [true, false].flatMap((hasDeadRows) =>
      [true, false].flatMap((isVariantMarked) => {
        const matching = members.filter(
          (file) => (file.deletionVector !== null) === hasDeadRows && marked.has(file.path) === isVariantMarked,
        );
        return matching.length > 0 ? [{ group, files: matching, hasDeadRows, isVariantMarked }] : [];
      }),
    );
  });
}

async function fileSetSelect(
  options: DeltaRelationOptions,
  connection: DuckDBConnection,
  fileSet: FileSet,
  tablePrefix: string,
): Promise<string> {
  const { snapshot, store, partitionTimeZone } = options;
  const { group, files } = fileSet;
  const partitionFields = snapshot.columns.filter((field) => snapshot.partitionColumns.includes(field.name));
  refuseReservedColumns(snapshot.tableName, group, {
    fileIndex: partitionFields.length > 0 || fileSet.hasDeadRows,
    rowNumber: fileSet.hasDeadRows,
  });
  const layout = { ...snapshot, partitionFields };
  const { isVariantMarked } = fileSet;
  const values = fileColumns({ layout, group, isVariantMarked, partitionTimeZone });
  let from = `read_parquet(${fileList(files.map((file) => file.path))}, hive_partitioning = false) f`;
  if (partitionFields.length > 0) {
    await createPartitionTable(connection, `${tablePrefix}_partitions`, partitionFields, files);
    from += ` join ${tablePrefix}_partitions p on p.file_index = f.file_index`;
  }
  if (fileSet.hasDeadRows) {
    await createDeadRowTable(connection, `${tablePrefix}_dead`, { store, snapshot, files });
    from += ` anti join ${tablePrefix}_dead d on d.file_index = f.file_index and d.position = f.file_row_number`;
  }
  return `select ${values.join(', ')} from ${from}`;
}

/** Rows of all files less the rows that deletion vectors take out. */
async function countRows(connection: DuckDBConnection, snapshot: DeltaSnapshot): Promise<bigint> {
  if (snapshot.files.length === 0) return 0n;
  const result = await connection.runAndReadAll(
    `select sum(num_rows)::varchar from parquet_file_metadata(${fileList(snapshot.files.map((file) => file.path))})`,
  );
  const total = BigInt(String(result.getRowsJson()[0]?.[0]));
  return snapshot.files.reduce((rows, file) => rows - BigInt(file.deletionVector?.cardinality ?? 0), total);
}
