import { randomUUID } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../../core/data-type.js';
import { quoteIdentifier } from '../../../core/names.js';
import { namingDamagedFooter } from '../../data-files/name-damage.js';
import { ROW_NUMBER } from '../../data-files/row-slices.js';
import type { Engine } from '../../engine/duckdb-engine.js';
import { filesWithMarkedVariants } from '../../parquet/marked-variants.js';
import { fileList, groupByParquetSchema, type ParquetFileGroup } from '../../parquet/parquet-schema.js';
import { holdsVariant, nullOf } from '../../parquet/project-column.js';
import type { HintedCondition } from '../../read-hint.js';
import type { SpoolLimits } from '../../storage/fetch-ahead.js';
import type { FileStore } from '../../storage/file-store.js';
import type { DeltaFile, DeltaSnapshot } from '../snapshot/delta-snapshot.js';
import { createDeadRowTable } from './dead-row-table.js';
import { fileColumns, refuseReservedColumns } from './file-columns.js';
import { filesWithinBounds } from './files-within-bounds.js';
import { createPartitionTable } from './partition-table.js';
import { requireKnownColumns } from './require-known-columns.js';

interface DeltaScanOptions {
  readonly engine: Engine;
  readonly store: FileStore;
  readonly snapshot: DeltaSnapshot;
  /** The columns of the snapshot that are read. */
  readonly columns: readonly Field[];
  /** True if SELECTs have `ROW_NUMBER` as their last column. */
  readonly isNumbered?: boolean;
  /** Zone of timestamp partition values that name none; the log does not record it. */
  readonly partitionTimeZone: string;
}

export interface DeltaRelationOptions extends Omit<DeltaScanOptions, 'isNumbered'> {
  /** How many connections read; each gets separate SELECTs. */
  readonly parts: number;
  /** Read so few rows of a file at once; null for as many as the engine likes. */
  readonly rowsAtOnce: number | null;
  /** For stores whose files have to be fetched. */
  readonly spool?: SpoolLimits | undefined;
}

/** A data file, and where the engine finds it. */
export interface PlacedFile {
  readonly file: DeltaFile;
  /** Path on the local disk under which a SELECT reads it. */
  readonly data: string;
  /** Path on the local disk of a file with the same footer, available while SELECTs are built. */
  readonly footer: string;
}

/** Files that are read alike: same schema, and all or none of them with dead rows, or with marked variants. */
interface FileSet {
  readonly group: ParquetFileGroup;
  readonly files: readonly PlacedFile[];
  readonly hasDeadRows: boolean;
  readonly isVariantMarked: boolean;
}

/** Builds SELECTs over files of a snapshot; the tables they need besides the files are in a separate engine schema. */
export class DeltaScan implements AsyncDisposable {
  readonly #options: DeltaScanOptions;
  readonly #connection: DuckDBConnection;
  readonly #schema: string;
  #selects = 0;

  private constructor(options: DeltaScanOptions, connection: DuckDBConnection, schema: string) {
    this.#options = options;
    this.#connection = connection;
    this.#schema = schema;
  }

  static async open(options: DeltaScanOptions): Promise<DeltaScan> {
    const connection = await options.engine.connect();
    const schema = `scan_${randomUUID().replaceAll('-', '')}`;
    await connection.run(`create schema ${schema}`);
    return new DeltaScan(options, connection, schema);
  }

  /**
   * The live rows of files as columns of the current schema.
   * @throws SOURCE_FILE_CORRUPT if a footer is damaged
   */
  async select(files: readonly PlacedFile[]): Promise<string> {
    const { columns } = this.#options;
    if (files.length === 0) {
      const nulls = columns.map((field) => `${nullOf(field.type)} as ${quoteIdentifier(field.name)}`);
      if (this.#options.isNumbered) nulls.push(`0 as ${ROW_NUMBER}`);
      return `select ${nulls.join(', ')} where false`;
    }
    const selects: string[] = [];
    for (const fileSet of await this.#namingDamage(files, () => this.#fileSets(files))) {
      selects.push(await this.#fileSetSelect(fileSet, `${this.#schema}.s${this.#selects++}`));
    }
    return selects.join('\nunion all\n');
  }

  /** Those of the files in which rows may fulfil a condition, as far as the statistics of their footers tell. */
  async possibleFiles<File extends PlacedFile>(
    files: readonly File[],
    condition: HintedCondition | null,
  ): Promise<readonly File[]> {
    const { snapshot } = this.#options;
    return this.#namingDamage(files, () => filesWithinBounds(this.#connection, { files, snapshot, condition }));
  }

  /** Rows of files minus those removed by deletion vectors. */
  async countRows(files: readonly PlacedFile[]): Promise<bigint> {
    if (files.length === 0) return 0n;
    const sql = `select sum(num_rows)::varchar from parquet_file_metadata(${fileList(files.map(({ footer }) => footer))})`;
    const result = await this.#namingDamage(files, () => this.#connection.runAndReadAll(sql));
    const total = BigInt(String(result.getRowsJson()[0]?.[0]));
    return files.reduce((rows, { file }) => rows - BigInt(file.deletionVector?.cardinality ?? 0), total);
  }

  /** Rows of the largest file, whether live or not. */
  async largestFile(files: readonly PlacedFile[]): Promise<number> {
    if (files.length === 0) return 0;
    const result = await this.#connection.runAndReadAll(
      `select max(num_rows)::varchar from parquet_file_metadata(${fileList(files.map(({ footer }) => footer))})`,
    );
    return Number(result.getRowsJson()[0]?.[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#connection.run(`drop schema ${this.#schema} cascade`);
    } finally {
      this.#connection.closeSync();
    }
  }

  async #namingDamage<Result>(files: readonly PlacedFile[], read: () => Promise<Result>): Promise<Result> {
    const footers = files.map(({ file, footer }) => ({ path: file.path, data: footer }));
    return namingDamagedFooter(this.#connection, this.#options.snapshot.tableName, footers, read);
  }

  async #fileSets(files: readonly PlacedFile[]): Promise<FileSet[]> {
    const connection = this.#connection;
    const byFooter = new Map(files.map((file) => [file.footer, file]));
    const footers = [...byFooter.keys()];
    const groups = await groupByParquetSchema(connection, footers);
    const hasVariants = this.#options.columns.some((field) => holdsVariant(field.type));
    const marked = hasVariants ? await filesWithMarkedVariants(connection, footers) : new Set<string>();
    return groups.flatMap((group) => {
      const members = group.paths.map((path) => {
        const file = byFooter.get(path);
        if (!file) throw new Error('the engine reported a file that was not asked for');
        return file;
      });
      return [true, false].flatMap((hasDeadRows) =>
        [true, false].flatMap((isVariantMarked) => {
          const matching = members.filter(
            ({ file, footer }) =>
              (file.deletionVector !== null) === hasDeadRows && marked.has(footer) === isVariantMarked,
          );
          return matching.length > 0 ? [{ group, files: matching, hasDeadRows, isVariantMarked }] : [];
        }),
      );
    });
  }

  async #fileSetSelect(fileSet: FileSet, tablePrefix: string): Promise<string> {
    const { snapshot, columns, store, partitionTimeZone } = this.#options;
    const connection = this.#connection;
    const { group, isVariantMarked } = fileSet;
    const files = fileSet.files.map(({ file }) => file);
    const partitionFields = snapshot.columns.filter((field) => snapshot.partitionColumns.includes(field.name));
    refuseReservedColumns(snapshot.tableName, group, {
      fileIndex: partitionFields.length > 0 || fileSet.hasDeadRows,
      rowNumber: fileSet.hasDeadRows || this.#options.isNumbered === true,
    });
    const layout = { ...snapshot, partitionFields };
    const known = fileSet.files.map(({ file, footer }) => {
      return { path: file.path, footer, deadRows: file.deletionVector?.cardinality ?? 0n };
    });
    await requireKnownColumns(connection, { layout, group, files: known });
    const values = fileColumns({ layout, columns, group, isVariantMarked, partitionTimeZone });
    if (this.#options.isNumbered) values.push(`f.file_row_number as ${ROW_NUMBER}`);
    let from = `read_parquet(${fileList(fileSet.files.map(({ data }) => data))}, hive_partitioning = false) f`;
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
}
