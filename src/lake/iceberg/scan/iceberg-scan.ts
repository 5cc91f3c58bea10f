import { randomUUID } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier } from '../../../core/names.js';
import { namingDamagedFooter } from '../../data-files/name-damage.js';
import { ROW_NUMBER } from '../../data-files/row-slices.js';
import type { Engine } from '../../engine/duckdb-engine.js';
import { fileList } from '../../parquet/parquet-schema.js';
import { holdsVariant, nullOf } from '../../parquet/project-column.js';
import type { FileStore } from '../../storage/file-store.js';
import { collectDeadRows, type DeadRows, type DeleteSource } from '../deletes/dead-rows.js';
import { collectEqualityDeletes, type EqualityDeletes, joinDeleted, mayConcern } from '../deletes/equality-deletes.js';
import { openFileRows, type WantedField } from '../files/file-rows.js';
import { PartitionNumbers } from '../files/partition-values.js';
import { type FileSet, fileSets, type PlacedFile } from '../files/placed-file.js';
import type { ContentFile } from '../manifests/content-file.js';
import type { IcebergSnapshot } from '../snapshot/iceberg-snapshot.js';

export interface IcebergScanOptions {
  readonly engine: Engine;
  readonly store: FileStore;
  readonly snapshot: IcebergSnapshot;
  readonly held: DeleteSource['held'];
  /** True if SELECTs have `ROW_NUMBER` as their last column. */
  readonly isNumbered: boolean;
}

/** Rows of some files. */
export interface RowCounts {
  /** Less those deleted; null if deletes by equality may concern some: how many only reading tells. */
  readonly live: bigint | null;
  /** Rows of the largest file, whether live or not. */
  readonly largestFile: number;
}

/** Builds SELECTs over data files of a snapshot; what is deleted in them is in tables of a separate engine schema. */
export class IcebergScan implements AsyncDisposable {
  readonly #options: IcebergScanOptions;
  readonly #connection: DuckDBConnection;
  readonly #schema: string;
  readonly #partitions = new PartitionNumbers();
  #dead: DeadRows = { table: '', counts: new Map() };
  #equality: readonly EqualityDeletes[] = [];
  #selects = 0;

  private constructor(options: IcebergScanOptions, connection: DuckDBConnection, schema: string) {
    this.#options = options;
    this.#connection = connection;
    this.#schema = schema;
  }

  /**
   * Reads all deletes of the snapshot.
   * @throws what `collectDeadRows` and `collectEqualityDeletes` throw
   */
  static async open(options: IcebergScanOptions): Promise<IcebergScan> {
    const connection = await options.engine.connect();
    const schema = `iceberg_${randomUUID().replaceAll('-', '')}`;
    const scan = new IcebergScan(options, connection, schema);
    try {
      await connection.run(`create schema ${schema}`);
      const source = { ...options, connection, schema, partitions: scan.#partitions };
      scan.#dead = await collectDeadRows(source);
      scan.#equality = await collectEqualityDeletes(source);
      return scan;
    } catch (error) {
      await scan[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * The live rows of files as columns of the snapshot.
   * @param only table of the engine with the columns file and position: those rows, whether live or not
   * @throws SOURCE_FILE_CORRUPT if a footer is damaged
   */
  async select(files: readonly PlacedFile[], only: string | null = null): Promise<string> {
    const { columns } = this.#options.snapshot;
    if (files.length === 0) {
      const nulls = columns.map((field) => `${nullOf(field.type)} as ${quoteIdentifier(field.name)}`);
      if (this.#options.isNumbered) nulls.push(`0 as ${ROW_NUMBER}`);
      return `select ${nulls.join(', ')} where false`;
    }
    const selects: string[] = [];
    const hasVariants = columns.some(({ type }) => holdsVariant(type));
    for (const set of await this.#sets(files, hasVariants)) selects.push(await this.#setSelect(set, only));
    return selects.join('\nunion all\n');
  }

  /** How many rows of a file, by its place in the snapshot, are deleted by their positions. */
  deadRows(index: number): bigint {
    return this.#dead.counts.get(index) ?? 0n;
  }

  /** Whether deletes by equality may concern rows of a file. */
  isConcerned(file: ContentFile): boolean {
    return this.#concerned(file).length > 0;
  }

  /**
   * Copies to a table of the engine what is deleted by position in the first files of the snapshot.
   * @param table with the columns file and position
   */
  async copyDead(table: string, files: number): Promise<void> {
    if (this.#dead.counts.size === 0) return;
    await this.#connection.run(
      `insert into ${table} select file, position from ${this.#dead.table} where file < ${files}`,
    );
  }

  /**
   * Adds the rows that are deleted by equality; only the columns are read that the deletes compare.
   * @param table with the columns file and position
   * @throws SOURCE_FILE_CORRUPT if a footer is damaged
   */
  async findDeadByEquality(files: readonly PlacedFile[], table: string): Promise<void> {
    for (const set of await this.#sets(files, false)) {
      const { rows, concerned } = await this.#openSet(set, []);
      for (const deletes of concerned) {
        const from = `${rows.from}${joinDeleted('semi', deletes, rows, 'e')}`;
        await this.#connection.run(`insert into ${table} select p.file, f.file_row_number from ${from}`);
      }
    }
  }

  /**
   * Counts rows by footers alone, and holds these against the metadata: a file that is not the one that was written
   * does not go unnoticed.
   * @throws SOURCE_FILE_CORRUPT
   */
  async countRows(files: readonly PlacedFile[]): Promise<RowCounts> {
    const inFiles = await this.#footerRows(files);
    const dead = files.reduce((sum, { index }) => sum + (this.#dead.counts.get(index) ?? 0n), 0n);
    const isUnknown = files.some((file) => this.#concerned(file.file).length > 0);
    const total = inFiles.reduce((sum, rows) => sum + rows, 0n);
    return {
      live: isUnknown ? null : total - dead,
      largestFile: inFiles.reduce((most, rows) => Math.max(most, Number(rows)), 0),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#connection.run(`drop schema if exists ${this.#schema} cascade`);
    } finally {
      this.#connection.closeSync();
    }
  }

  #concerned(file: ContentFile): EqualityDeletes[] {
    return this.#equality.filter((deletes) => mayConcern(deletes, file, this.#partitions));
  }

  /** Files of a set have the same deletes by equality. */
  #sets(files: readonly PlacedFile[], hasVariants: boolean): Promise<FileSet[]> {
    const { tableName, state } = this.#options.snapshot;
    return fileSets(this.#connection, files, {
      tableName,
      nameMapping: state.nameMapping,
      hasVariants,
      mark: ({ file, index }) => `${this.#dead.counts.has(index)} ${this.#concerned(file).map(({ table }) => table)}`,
    });
  }

  async #openSet(set: FileSet, wanted: readonly WantedField[]) {
    const [first] = set.files;
    const concerned = first ? this.#concerned(first.file) : [];
    const rows = await openFileRows(set, {
      connection: this.#connection,
      tableName: this.#options.snapshot.tableName,
      fileTable: `${this.#schema}.s${this.#selects++}`,
      partitions: this.#partitions,
      wanted: [...wanted, ...concerned.flatMap(({ keys }) => keys)],
    });
    return { first, concerned, rows };
  }

  async #footerRows(files: readonly PlacedFile[]): Promise<bigint[]> {
    if (files.length === 0) return [];
    const { tableName: table } = this.#options.snapshot;
    const footers = files.map(({ file, footer }) => ({ path: file.path, data: footer }));
    const list = fileList(files.map(({ footer }) => footer));
    const sql = `select file_name, num_rows::varchar from parquet_file_metadata(${list})`;
    const result = await namingDamagedFooter(this.#connection, table, footers, () =>
      this.#connection.runAndReadAll(sql),
    );
    const rows = new Map(result.getRowsJson().map(([name, count]) => [String(name), BigInt(String(count))]));
    return files.map(({ file: { path, recordCount }, footer }) => {
      const found = rows.get(footer) ?? 0n;
      if (found === recordCount) return found;
      const reason = `it has ${found} rows, the table says ${recordCount}`;
      throw syncedTablesError('SOURCE_FILE_CORRUPT', { file: path, table, reason });
    });
  }

  async #setSelect(set: FileSet, only: string | null): Promise<string> {
    const { snapshot, isNumbered } = this.#options;
    const { state } = snapshot;
    const wanted = snapshot.columns.map((column) => ({ column, read: wantedColumn(snapshot, column.fieldId) }));
    const { first, concerned, rows } = await this.#openSet(
      set,
      wanted.map(({ read }) => read),
    );
    const values = wanted.map(({ column, read }) => `${rows.value(read)} as ${quoteIdentifier(column.name)}`);
    if (isNumbered) values.push(`f.file_row_number as ${ROW_NUMBER}`);
    let from = rows.from;
    if (only !== null) {
      from += ` semi join ${only} o on o.file = p.file and o.position = f.file_row_number`;
      return `select ${values.join(', ')} from ${from}`;
    }
    if (first && this.#dead.counts.has(first.index)) {
      from += ` anti join ${this.#dead.table} d on d.file = p.file and d.position = f.file_row_number`;
    }
    for (const [place, deletes] of concerned.entries()) from += joinDeleted('anti', deletes, rows, `e${place}`);
    return `select ${values.join(', ')} from ${from}`;

    function wantedColumn({ state: { schema } }: IcebergSnapshot, fieldId = -1): WantedField {
      const field = schema.fields.get(fieldId);
      if (!field) throw new Error(`${state.metadata.file} has no column ${fieldId}`);
      return { field, schema };
    }
  }
}
