// A small writer of one Delta table with its change data feed on: DuckDB writes the Parquet files, commits are written
// by hand. It stands in for the job of the lakehouse that produces the table; a synced table does not need it.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

/** DuckDB type by Delta type. */
const duckDbTypes = { string: 'varchar', double: 'double', timestamp: 'timestamptz' };

export const quote = (text) => `'${String(text).replaceAll("'", "''")}'`;

/**
 * One table in a folder. All its rows are in memory, in the DuckDB table `rows`, and each version is one file: enough for
 * hundreds of rows. One process may write at a time.
 */
export class DeltaTable {
  #connection;
  #folder;
  #columns;
  #key;
  #keepVersions;
  #checkpointEvery;
  #tableId = randomUUID();
  #file = null;

  /** The newest version; -1 before the first. */
  version = -1;

  constructor(connection, { folder, columns, key, keepVersions, checkpointEvery }) {
    this.#connection = connection;
    this.#folder = folder;
    this.#columns = columns;
    this.#key = key;
    this.#keepVersions = keepVersions;
    this.#checkpointEvery = checkpointEvery;
  }

  /**
   * Opens a table, which has no version yet if the folder is new.
   * @param options.columns Delta types by name
   * @param options.key column that identifies a row
   * @param options.keepVersions older ones are removed at each checkpoint, so that the folder does not grow for ever
   */
  static async open({ keepVersions = 500, checkpointEvery = 100, ...options }) {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '128MiB' });
    const connection = await instance.connect();
    await connection.run("set TimeZone = 'UTC'");
    const table = new DeltaTable(connection, { ...options, keepVersions, checkpointEvery });
    await table.#load();
    return table;
  }

  close() {
    this.#connection.closeSync();
  }

  /** Runs a query on the newest rows; times are texts. */
  async query(sql) {
    return (await this.#connection.runAndReadAll(sql)).getRowObjectsJson();
  }

  /** Runs statements of DuckDB on the table `rows` and commits what they changed as the next version. */
  async commit(...statements) {
    await this.#connection.run('create or replace table earlier as from rows');
    for (const statement of statements) await this.#connection.run(statement);
    const rows = await this.#writeFile('', 'from rows');
    const changes = await this.#writeFile('_change_data', this.#changedRows());
    const header = this.version < 0 ? this.#header() : [];
    const removed = this.#file === null ? [] : [{ remove: removal(this.#file) }];
    const feed = this.version < 0 ? [] : [{ cdc: { ...changes, dataChange: false } }];
    this.#file = { ...rows, modificationTime: Date.now(), dataChange: true };
    this.#writeCommit(['WRITE', ...header, ...removed, { add: this.#file }, ...feed]);
    if (this.version > 0 && this.version % this.#checkpointEvery === 0) await this.#tidyUp();
  }

  async #load() {
    mkdirSync(this.#log(), { recursive: true });
    const columns = Object.entries(this.#columns).map(([name, type]) => `${name} ${duckDbTypes[type]}`);
    await this.#connection.run(`create table rows (${columns.join(', ')})`);
    const versions = readdirSync(this.#log()).flatMap((name) => /^(\d{20})\.json$/.exec(name)?.[1] ?? []);
    if (versions.length === 0) return;
    this.version = Math.max(...versions.map(Number));
    this.#tableId = this.#readCommit(0).find((action) => action.metaData).metaData.id;
    // Each of our commits names the one file that holds all rows.
    this.#file = this.#readCommit(this.version).find((action) => action.add).add;
    const file = quote(path.join(this.#folder, this.#file.path));
    await this.#connection.run(`insert into rows by name from read_parquet(${file})`);
  }

  /** The rows of a change file: what was inserted and deleted, and changed rows before and after. */
  #changedRows() {
    const key = this.#key;
    const changed = `earlier e join rows r on e.${key} = r.${key} where e is distinct from r`;
    return `select *, 'insert' as _change_type from rows anti join earlier using (${key})
      union all select *, 'delete' from earlier anti join rows using (${key})
      union all select e.*, 'update_preimage' from ${changed}
      union all select r.*, 'update_postimage' from ${changed}`;
  }

  /** Writes a Parquet file and returns what Delta records of it. */
  async #writeFile(folder, query) {
    const name = path.posix.join(folder, `${folder ? 'cdc' : 'part'}-${randomUUID()}.parquet`);
    const file = path.join(this.#folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    await this.#connection.run(`copy (${query}) to ${quote(file)} (format parquet)`);
    return { path: name, partitionValues: {}, size: statSync(file).size };
  }

  #writeCommit([operation, ...actions]) {
    const info = { commitInfo: { timestamp: Date.now(), operation } };
    const lines = [info, ...actions].map((action) => `${JSON.stringify(action)}\n`).join('');
    const file = this.#commitFile(this.version + 1);
    // Renamed, so that nobody reads half a commit.
    writeFileSync(`${file}.tmp`, lines);
    renameSync(`${file}.tmp`, file);
    this.version += 1;
  }

  #readCommit(version) {
    const lines = readFileSync(this.#commitFile(version), 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line));
  }

  #header() {
    const fields = Object.entries(this.#columns).map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
    const metaData = {
      id: this.#tableId,
      format: { provider: 'parquet', options: {} },
      schemaString: JSON.stringify({ type: 'struct', fields }),
      partitionColumns: [],
      configuration: { 'delta.enableChangeDataFeed': 'true' },
      createdTime: Date.now(),
    };
    return [{ protocol: { minReaderVersion: 1, minWriterVersion: 4 } }, { metaData }];
  }

  #log() {
    return path.join(this.#folder, '_delta_log');
  }

  #commitFile(version) {
    return path.join(this.#log(), `${String(version).padStart(20, '0')}.json`);
  }

  /** Writes a checkpoint of the newest version and removes older ones than are kept, but for the first, with their files. */
  async #tidyUp() {
    await this.#writeCheckpoint();
    for (const name of readdirSync(this.#log())) {
      const [, digits, kind] = /^(\d{20})\.(json|checkpoint\.parquet)$/.exec(name) ?? [];
      const version = Number(digits);
      if (!(version > 0 && version < this.version - this.#keepVersions)) continue;
      if (kind === 'json') this.#removeFilesOf(version);
      rmSync(path.join(this.#log(), name));
    }
  }

  /** Removes the files that a commit took out of the table, and its change file. */
  #removeFilesOf(version) {
    for (const { remove, cdc } of this.#readCommit(version)) {
      const file = (remove ?? cdc)?.path;
      if (file !== undefined) rmSync(path.join(this.#folder, file), { force: true });
    }
  }

  async #writeCheckpoint() {
    const [{ protocol }, { metaData }] = this.#header();
    const actions = [{ protocol }, { metaData }, { add: this.#file }];
    const json = path.join(this.#log(), 'checkpoint.tmp.json');
    const file = this.#commitFile(this.version).replace(/json$/, 'checkpoint.parquet');
    writeFileSync(json, actions.map((action) => `${JSON.stringify(action)}\n`).join(''));
    await this.#connection.run(`copy (from read_json(${quote(json)}, format = 'newline_delimited', columns = {
        protocol: 'struct("minReaderVersion" integer, "minWriterVersion" integer)',
        metaData: 'struct(id varchar, format struct(provider varchar, options map(varchar, varchar)), "schemaString" varchar,
          "partitionColumns" varchar[], configuration map(varchar, varchar), "createdTime" bigint)',
        "add": 'struct(path varchar, "partitionValues" map(varchar, varchar), size bigint, "modificationTime" bigint,
          "dataChange" boolean)' })) to ${quote(`${file}.tmp`)} (format parquet)`);
    renameSync(`${file}.tmp`, file);
    rmSync(json);
  }
}

function removal({ path: file }) {
  return { path: file, deletionTimestamp: Date.now(), dataChange: true };
}
