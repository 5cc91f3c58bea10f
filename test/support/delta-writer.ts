import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { quoteIdentifier, quoteLiteral } from '../../src/core/names.js';

/** A Delta type as it stands in a schemaString: a name, or the JSON of a nested type. */
type DeltaType =
  | string
  | { readonly type: 'struct'; readonly fields: readonly { readonly name: string; readonly type: DeltaType }[] }
  | { readonly type: 'array'; readonly elementType: DeltaType }
  | { readonly type: 'map'; readonly keyType: DeltaType; readonly valueType: DeltaType };

/** Column names with their types, in order. */
export type DeltaColumns = Readonly<Record<string, DeltaType>>;

/** A folder of Delta tables that tests write: `<root>/<schema>/<table>`. It goes with `await using`. */
export class TestLake implements AsyncDisposable {
  readonly root = mkdtempSync(path.join(tmpdir(), 'test-lake-'));
  readonly #instance: DuckDBInstance;

  private constructor(instance: DuckDBInstance) {
    this.#instance = instance;
  }

  static async create(): Promise<TestLake> {
    return new TestLake(await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '512MiB' }));
  }

  /**
   * Writes version 0 of a table.
   * @param name `schema.table`
   * @param rows a SELECT of DuckDB whose columns, by name, are cast to those of the table; none: no rows
   * @param properties such as delta.enableChangeDataFeed: commits of this writer have no change files of their own
   */
  async createTable(
    name: string,
    columns: DeltaColumns,
    rows?: string,
    properties: Readonly<Record<string, string>> = {},
  ): Promise<DeltaWriter> {
    const folder = path.join(this.root, ...name.split('.'));
    mkdirSync(path.join(folder, '_delta_log'), { recursive: true });
    const connection = await this.#instance.connect();
    await connection.run(`set TimeZone = 'UTC'`);
    const table = new DeltaWriter(connection, folder, columns, properties);
    await table.overwrite(rows ?? null, { columns });
    return table;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#instance.closeSync();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Writes versions of one Delta table: Parquet by DuckDB, commits by hand, none of it by the product's own code. */
export class DeltaWriter {
  /** Folder that holds `_delta_log`. */
  readonly folder: string;
  /** The newest version; -1 before the first. */
  version = -1;
  readonly #connection: DuckDBConnection;
  #columns: DeltaColumns;
  /** Live files, relative to the folder. */
  #files: string[] = [];
  readonly #stats = new Map<string, string>();
  #tableId: string = randomUUID();
  #configuration: Readonly<Record<string, string>>;

  constructor(
    connection: DuckDBConnection,
    folder: string,
    columns: DeltaColumns,
    properties: Readonly<Record<string, string>> = {},
  ) {
    this.#configuration = properties;
    this.#connection = connection;
    this.folder = folder;
    this.#columns = columns;
  }

  /** Adds rows in a file of their own. */
  async append(rows: string): Promise<void> {
    this.#commit([await this.#write(rows)]);
  }

  /** Replaces all rows, and the columns too if they are given. */
  async overwrite(rows: string | null, options: { columns?: DeltaColumns } = {}): Promise<void> {
    const removed = this.#files.map((file) => remove(file));
    this.#files = [];
    if (options.columns) this.#columns = options.columns;
    const header = this.version < 0 ? [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }] : [];
    const columns = options.columns ? [this.#metaData()] : [];
    const added = rows === null ? [] : [await this.#write(rows)];
    this.#commit([...header, ...columns, ...removed, ...added]);
  }

  /** Takes out every row for which `condition` holds, rewriting all files into one. */
  async deleteWhere(condition: string): Promise<void> {
    const rows = `select * from ${this.#live()} where (${condition}) is not true`;
    await this.overwrite(rows);
  }

  /**
   * Writes the newest file anew, and touches no other.
   * @param select columns and expressions over its rows
   * @param condition of the rows that stay
   */
  async rewriteNewestFile(select: string, condition = 'true'): Promise<void> {
    const file = this.#files.pop();
    if (file === undefined) throw new Error('there is no file');
    const rows = `select ${select} from read_parquet(${quoteLiteral(path.join(this.folder, file))}) where ${condition}`;
    this.#commit([remove(file), await this.#write(rows)]);
  }

  /**
   * Writes all rows anew, with a change file that may say anything.
   * @param changes a SELECT with the columns of the table and `_change_type`
   */
  async rewriteWithFeed(rows: string, changes: string): Promise<void> {
    // As Spark writes them: with the statistics of the files that go.
    const removed = this.#files.map((file) => remove(file, { stats: this.#stats.get(file) }));
    this.#files = [];
    const added = await this.#write(rows);
    const name = path.join('_change_data', `cdc-${randomUUID()}.parquet`);
    const file = path.join(this.folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    await this.#connection.run(
      `copy (select ${this.#values()}, _change_type from (${changes})) to ${quoteLiteral(file)} (format parquet)`,
    );
    const { size } = statSync(file);
    this.#commit([...removed, added, { cdc: { path: name, partitionValues: {}, size, dataChange: false } }]);
  }

  /** Removes all files that are no longer part of the table, as VACUUM does. */
  vacuum(): void {
    for (const name of readdirSync(this.folder)) {
      if (name.endsWith('.parquet') && !this.#files.includes(name)) rmSync(path.join(this.folder, name));
    }
  }

  /** Takes out the rows of the newest file by a commit that names no other file. */
  dropNewestFile(): void {
    const file = this.#files.pop();
    this.#commit(file === undefined ? [] : [remove(file)]);
  }

  /** Changes the columns without touching a file: those that old files lack are null there. */
  changeColumns(columns: DeltaColumns): void {
    this.#columns = columns;
    this.#commit([this.#metaData()]);
  }

  /** Declares that the table has a change feed from here on. */
  switchChangeFeedOn(): void {
    this.#configuration = { 'delta.enableChangeDataFeed': 'true' };
    this.#commit([this.#metaData()]);
  }

  /** A commit that changes nothing. */
  commitNothing(): void {
    this.#commit([]);
  }

  /** Puts other rows in place of those of the newest commit, an `append`: the same version then means something else. */
  async rewriteNewestAppend(rows: string): Promise<void> {
    this.#files.pop();
    const added = await this.#write(rows);
    this.version -= 1;
    this.#commit([added], { isReplaced: true });
  }

  /** Live files, relative to the folder, the oldest first. */
  get files(): readonly string[] {
    return this.#files;
  }

  /** The file of the newest commit. */
  get newestCommit(): string {
    return path.join(this.folder, '_delta_log', `${String(this.version).padStart(20, '0')}.json`);
  }

  /** Takes the table away and makes another one in its place, with version 0 again and an id of its own. */
  async recreate(rows: string, columns: DeltaColumns = this.#columns): Promise<void> {
    rmSync(this.folder, { recursive: true });
    mkdirSync(path.join(this.folder, '_delta_log'), { recursive: true });
    this.#files = [];
    this.version = -1;
    this.#tableId = randomUUID();
    await this.overwrite(rows, { columns });
  }

  /** Damages the newest data file. */
  truncateNewestFile(): void {
    const file = path.join(this.folder, this.#files.at(-1) ?? '');
    writeFileSync(file, Buffer.alloc(statSync(file).size));
  }

  removeNewestFile(): void {
    rmSync(path.join(this.folder, this.#files.at(-1) ?? ''));
  }

  /** Values of `expressions` over the live rows, as DuckDB prints them. */
  async query(select: string, rest = ''): Promise<(string | null)[][]> {
    const result = await this.#connection.runAndReadAll(`select ${select} from ${this.#live()} ${rest}`);
    return result.getRowsJson() as (string | null)[][];
  }

  #live(): string {
    const files = this.#files.map((file) => quoteLiteral(path.join(this.folder, file)));
    return `read_parquet([${files.join(', ')}], union_by_name = true)`;
  }

  async #write(rows: string): Promise<object> {
    const name = `part-${randomUUID()}.parquet`;
    const file = path.join(this.folder, name);
    const copied = await this.#connection.runAndReadAll(
      `copy (select ${this.#values()} from (${rows})) to ${quoteLiteral(file)} (format parquet)`,
    );
    this.#files.push(name);
    const { size } = statSync(file);
    const stats = await this.#statistics(file, Number(copied.getRows()[0]?.[0]));
    this.#stats.set(name, stats);
    return { add: { path: name, partitionValues: {}, size, modificationTime: Date.now(), dataChange: true, stats } };
  }

  /** As other writers state them, of those columns whose JSON is no matter of taste. */
  async #statistics(file: string, numRecords: number): Promise<string> {
    const columns = Object.entries(this.#columns).filter(([, type]) => STATED_TYPES.has(String(type)));
    const members = (value: (name: string) => string) =>
      `json_object(${columns.flatMap(([name]) => [quoteLiteral(name), value(quoteIdentifier(name))]).join(', ')})`;
    const result = await this.#connection.runAndReadAll(
      `select json_object('numRecords', ${numRecords}, 'minValues', ${members((name) => `min(${name})`)},
                          'maxValues', ${members((name) => `max(${name})`)},
                          'nullCount', ${members((name) => `count(*) - count(${name})`)})::varchar
         from read_parquet(${quoteLiteral(file)})`,
    );
    return String(result.getRows()[0]?.[0]);
  }

  /** The columns of the table, out of rows that have columns of these names. */
  #values(): string {
    return Object.entries(this.#columns)
      .map(([column, type]) => `cast(${quoteIdentifier(column)} as ${duckDbType(type)}) as ${quoteIdentifier(column)}`)
      .join(', ');
  }

  #metaData(): object {
    const fields = Object.entries(this.#columns).map(([name, type]) => field(name, type));
    return {
      metaData: {
        id: this.#tableId,
        format: { provider: 'parquet', options: {} },
        schemaString: JSON.stringify({ type: 'struct', fields }),
        partitionColumns: [],
        configuration: this.#configuration,
      },
    };
  }

  #commit(actions: readonly object[], { isReplaced = false } = {}): void {
    this.version += 1;
    const commitInfo = { commitInfo: { timestamp: Date.now(), operation: 'WRITE' } };
    const lines = [commitInfo, ...actions].map((action) => `${JSON.stringify(action)}\n`).join('');
    const file = isReplaced ? `${this.newestCommit}.tmp` : this.newestCommit;
    writeFileSync(file, lines, { flag: 'wx' });
    if (isReplaced) renameSync(file, this.newestCommit);
  }
}

const STATED_TYPES: ReadonlySet<string> = new Set(['long', 'integer', 'string', 'date']);

function remove(file: string, parts: { readonly stats?: string | undefined } = {}): object {
  return { remove: { path: file, deletionTimestamp: Date.now(), dataChange: true, ...parts } };
}

function field(name: string, type: DeltaType): object {
  return { name, type: schemaType(type), nullable: true, metadata: {} };
}

function schemaType(type: DeltaType): unknown {
  if (typeof type === 'string') return type;
  if (type.type === 'struct') return { type: 'struct', fields: type.fields.map((f) => field(f.name, f.type)) };
  if (type.type === 'array') return { ...type, elementType: schemaType(type.elementType), containsNull: true };
  return {
    ...type,
    keyType: schemaType(type.keyType),
    valueType: schemaType(type.valueType),
    valueContainsNull: true,
  };
}

const DUCKDB_TYPES: Readonly<Record<string, string>> = {
  string: 'varchar',
  long: 'bigint',
  integer: 'integer',
  short: 'smallint',
  byte: 'tinyint',
  float: 'float',
  double: 'double',
  boolean: 'boolean',
  binary: 'blob',
  date: 'date',
  timestamp: 'timestamptz',
  timestamp_ntz: 'timestamp',
};

function duckDbType(type: DeltaType): string {
  if (typeof type === 'string') return DUCKDB_TYPES[type] ?? type;
  if (type.type === 'struct') {
    return `struct(${type.fields.map((f) => `${quoteIdentifier(f.name)} ${duckDbType(f.type)}`).join(', ')})`;
  }
  if (type.type === 'array') return `${duckDbType(type.elementType)}[]`;
  return `map(${duckDbType(type.keyType)}, ${duckDbType(type.valueType)})`;
}
