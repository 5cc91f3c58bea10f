import type { DuckDBConnection } from '@duckdb/node-api';
import { asSyncedTablesError } from '../../../core/errors.js';
import { IS_NEW_ROW } from '../../changes/collapse-changes.js';
import { namingDamagedFile, namingDamagedFooter } from '../../data-files/name-damage.js';
import type { SourceFile } from '../../relation/relation.js';
import { sourceFiles } from '../../storage/fetch-ahead.js';
import type { FileStat } from '../../storage/file-store.js';
import { SpoolFolder } from '../../storage/spool-folder.js';
import { type ChangeSqlOptions, changeSql, IS_UNKNOWN_TYPE } from './change-sql.js';
import { type FooterOptions, footerRows } from './footer-rows.js';
import { LazySchema } from './lazy-schema.js';
import type { ChangeFile } from './plan-changes.js';

/** The changes of a range, on the local disk or to be fetched. */
export interface ChangeFiles {
  /** SELECT of all changes; to be run after `fetch`. */
  readonly sql: string;
  /** The files that `sql` reads; none if they are loaded. */
  readonly files: readonly SourceFile[];
  fetch(): Promise<void>;
  /** Fetches, and gives a SELECT of all changes that may be run several times at little cost. */
  unpack(): Promise<string>;
  /** Fetches no more than it has to. */
  countRows(): Promise<bigint>;
  /** True if `sql` can be run at once and reads few bytes. */
  readonly isFew: boolean;
  /** Inserted minus deleted rows of each version that has change files; known after `unpack`. */
  readonly recorded: ReadonlyMap<bigint, bigint>;
}

export interface ChangeFilesOptions extends ChangeSqlOptions, FooterOptions {
  readonly connection: DuckDBConnection;
  /** What the store says of the files, by path. */
  readonly stats: ReadonlyMap<string, FileStat>;
}

/** Each file once. */
function changeFiles(changes: readonly ChangeFile[]): SourceFile[] {
  return [...new Set(changes.map(({ file }) => file.path))].map((path) => ({ path, data: path }));
}

/**
 * Opening a file takes longer than reading some thousand rows, and collapsing reads the changes several times: small ones
 * are loaded into the engine once. Of more bytes, reading each time only what is needed costs half, unless there are many
 * files. Beyond the larger number, memory matters more.
 */
const FEW_BYTES = 64 * 1024;
const MANY_FILES = 16;
const MANY_FILES_BYTES_MAX = 16 * 1024 * 1024;

/**
 * What everything that is loaded may hold of the engine's memory: a few bytes may be many once they are unpacked, and those
 * who come later need room too. Of many files, opening each several times would cost more than that.
 */
const HELD_BYTES_MAX = 16n * 1024n * 1024n;

/**
 * Changes whose files the engine reads where they are.
 * @throws SOURCE_FILE_CORRUPT if a footer is damaged
 */
export async function localChangeFiles(options: ChangeFilesOptions): Promise<ChangeFiles> {
  const { connection, layout } = options;
  const files = changeFiles(options.files);
  const bytes = files.reduce((sum, { path }) => sum + statOf(options, path).sizeBytes, 0);
  const isUnpacked = bytes <= (files.length > MANY_FILES ? MANY_FILES_BYTES_MAX : FEW_BYTES);
  const read = await namingDamagedFooter(connection, layout.tableName, files, () =>
    changeSql({ ...options, isRecordedLater: isUnpacked }),
  );
  const { sql, positionRows, readRecorded } = read;
  if (!isUnpacked) {
    const countAll = () => countRows(options, positionRows);
    const unfetched = { fetch: async () => {}, unpack: async () => sql, isFew: false };
    return { sql, files, ...unfetched, countRows: countAll, recorded: read.recorded };
  }
  const recorded = new Map<bigint, bigint>();
  const table = `${options.schema.name}.unpacked`;
  let loaded: Promise<bigint | null> | null = null;
  // Few bytes may be many once they are unpacked, and a value may fail: then they are read where they are, which tells.
  const load = () => {
    loaded ??= loadAndCount(options, { table, sql, recorded, readRecorded }).catch(async (error: unknown) => {
      if (asSyncedTablesError(error)) throw error;
      await connection.run(`drop table if exists ${table}`);
      return null;
    });
    return loaded;
  };
  return {
    sql,
    files,
    // Whoever reads only some columns is spared the others.
    fetch: readRecorded,
    async unpack() {
      if ((await load()) !== null) return `select * from ${table}`;
      await namingDamagedFile(connection, layout.tableName, files, readRecorded);
      for (const [version, balance] of read.recorded) recorded.set(version, balance);
      return sql;
    },
    // Whether changes are too many to be applied is asked first: many files are not loaded for that.
    countRows: async () => (files.length > MANY_FILES ? null : await load()) ?? countRows(options, positionRows),
    recorded,
    isFew: files.length > 0 && files.length <= MANY_FILES,
  };
}

/** Where to load changes, and where to tell what they record. */
interface Loading {
  readonly table: string;
  readonly sql: string;
  readonly recorded: Map<bigint, bigint>;
  readonly readRecorded: () => Promise<void>;
}

/**
 * Loads changes into the engine, and adds what they record to `recorded`, as reading their change files does.
 * @returns the number of all changes
 * @throws CHANGE_TYPE_UNKNOWN
 */
async function loadAndCount(
  { connection, files, schema }: ChangeFilesOptions,
  { table, sql, recorded, readRecorded }: Loading,
): Promise<bigint> {
  await schema.make();
  const counted = await connection.runAndReadAll(
    `create table ${table} as ${sql};
     select _commit_version, count(*), 2 * count(*) filter (${IS_NEW_ROW}) - count(*), count(*) filter (${IS_UNKNOWN_TYPE}),
       (select coalesce(sum(memory_usage_bytes), 0) from duckdb_memory() where tag in ('IN_MEMORY_TABLE', 'OVERFLOW_STRINGS'))
     from ${table} group by 1`,
  );
  const paths = new Set(files.map(({ file }) => file.path));
  const versions = new Set(files.flatMap(({ change, version }) => (change === 'cdc' ? version : [])));
  for (const version of versions) recorded.set(version, 0n);
  let rows = 0n;
  for (const [version, count, balance, unknown, held] of counted
    .getRowsJson()
    .map((row) => row.map(String).map(BigInt))) {
    if (paths.size <= MANY_FILES && (held ?? 0n) > HELD_BYTES_MAX)
      throw new Error('loaded changes take too much memory');
    rows += count ?? 0n;
    if (versions.has(version ?? -1n)) recorded.set(version ?? -1n, balance ?? 0n);
    // The files tell which of them it is.
    if (unknown !== 0n) await readRecorded();
  }
  return rows;
}

/** Files that are fetched, unpacked and deleted together. */
const FILES_AT_ONCE = 64;

/**
 * Changes whose files are fetched, loaded into an engine table and deleted, a few at a time. The table spills to disk;
 * it is small compared to the source, because large change sets are not applied: the table is copied instead.
 */
export async function fetchedChangeFiles(options: ChangeFilesOptions): Promise<ChangeFiles> {
  const { connection, files } = options;
  const table = `${options.schema.name}.fetched`;
  const none = await changeSql({ ...options, files: [] });
  await options.schema.make();
  await connection.run(`create table ${table} as ${none.sql}`);
  const recorded = new Map<bigint, bigint>();
  let fetched: Promise<void> | null = null;
  const fetch = () => {
    fetched ??= unpack(options, table, recorded);
    return fetched;
  };
  const sql = `select * from ${table}`;
  return {
    sql,
    files: [],
    fetch,
    async unpack() {
      await fetch();
      return sql;
    },
    async countRows() {
      let positionRows = 0n;
      for (const change of files) {
        if (change.difference) positionRows += (await options.vectors.difference(change)).cardinality;
      }
      return countRows(options, positionRows);
    },
    recorded,
    isFew: false,
  };
}

async function unpack(options: ChangeFilesOptions, table: string, recorded: Map<bigint, bigint>): Promise<void> {
  const { connection, files } = options;
  await using spool = await SpoolFolder.open({ ...options, limits: options.spool });
  const paths = batches([...new Set(files.map((change) => change.file.path))], options);
  const parts = paths.map((batch) => ({
    select: '',
    files: batch.map((path) => spool.place(path, statOf(options, path))),
  }));
  await using pass = spool.remoteParts(parts).begin();
  for (const [index, part] of parts.entries()) {
    await using _ = await pass.next();
    const places = new Map(part.files.map(({ path, destination }) => [path, destination]));
    const sources = new Map(part.files.map(({ path, destination }) => [destination, path]));
    const placed = files.flatMap((change) => {
      const path = places.get(change.file.path);
      return path === undefined ? [] : [{ ...change, file: { ...change.file, path } }];
    });
    // Keeps the tables of different batches apart.
    await using schema = new LazySchema(connection, `${options.schema.name}_${index}`);
    const sourcePath = (path: string) => sources.get(path) ?? path;
    await namingDamagedFile(connection, options.layout.tableName, sourceFiles(part.files), async () => {
      const { sql, recorded: batch } = await changeSql({ ...options, schema, files: placed, sourcePath });
      await connection.run(`insert into ${table} ${sql}`);
      for (const [version, rows] of batch) recorded.set(version, (recorded.get(version) ?? 0n) + rows);
    });
  }
}

function statOf({ stats }: ChangeFilesOptions, path: string): FileStat {
  const stat = stats.get(path);
  if (!stat) throw new Error('a file was not looked at');
  return stat;
}

/** Files in which all rows are changes, or all but those of a vector; each listed once. */
function wholeFiles(files: readonly ChangeFile[]): string[] {
  return [...new Set(files.filter((change) => change.difference === null).map(({ file }) => file.path))];
}

/** Small enough that the spool has room for the next batch while one is unpacked. */
function batches(paths: readonly string[], options: ChangeFilesOptions): string[][] {
  const bytesMax = (options.spool?.bytesMax ?? Number.POSITIVE_INFINITY) / 2;
  const found: string[][] = [];
  let bytes = 0;
  for (const path of paths) {
    const { sizeBytes } = statOf(options, path);
    const current = found.at(-1);
    bytes += sizeBytes;
    if (current && bytes <= bytesMax && current.length < FILES_AT_ONCE) {
      current.push(path);
    } else {
      found.push([path]);
      bytes = sizeBytes;
    }
  }
  return found;
}

/** Rows of whole files minus those removed by vectors, plus the single positions. */
async function countRows(options: ChangeFilesOptions, positionRows: bigint): Promise<bigint> {
  const { files } = options;
  const rows = await footerRows(options, new Map(wholeFiles(files).map((path) => [path, statOf(options, path)])));
  const whole = files.filter((change) => change.difference === null);
  return whole.reduce((sum, { file }) => {
    return sum + (rows.get(file.path) ?? 0n) - (file.deletionVector?.cardinality ?? 0n);
  }, positionRows);
}
