import { fileList } from '../../parquet/parquet-schema.js';
import type { SourceFile } from '../../relation/relation.js';
import { type SpoolLimits, sourceFiles } from '../../storage/fetch-ahead.js';
import type { FileStat, FileStore } from '../../storage/file-store.js';
import { SpoolFolder } from '../../storage/spool-folder.js';
import { namingDamagedFile, namingDamagedFooter } from '../scan/name-damage.js';
import { type ChangeSqlOptions, changeSql } from './change-sql.js';
import type { ChangeFile } from './plan-changes.js';

/** The changes of a range, on the local disk or to be fetched. */
export interface ChangeFiles {
  /** SELECT of all changes; to be run after `fetch`. */
  readonly sql: string;
  /** True if `fetch` loads the changes into the engine; otherwise they are read from files each time. */
  readonly isUnpacked: boolean;
  /** The files that `sql` reads; none if they are loaded. */
  readonly files: readonly SourceFile[];
  fetch(): Promise<void>;
  countRows(): Promise<bigint>;
}

/** Each file once. */
function changeFiles(changes: readonly ChangeFile[]): SourceFile[] {
  return [...new Set(changes.map(({ file }) => file.path))].map((path) => ({ path, data: path }));
}

/**
 * Changes whose files the engine reads where they are.
 * @throws SOURCE_FILE_CORRUPT if a footer is damaged
 */
export async function localChangeFiles(options: ChangeSqlOptions): Promise<ChangeFiles> {
  const { connection, layout, files } = options;
  const { sql, positionRows } = await namingDamagedFooter(connection, layout.tableName, changeFiles(files), () =>
    changeSql(options),
  );
  return {
    sql,
    isUnpacked: false,
    files: changeFiles(options.files),
    fetch: async () => {},
    countRows: async () => {
      const paths = wholeFiles(options.files);
      return countRows(options, { positionRows, rows: await footerRows(options, new Map(paths.map((p) => [p, p]))) });
    },
  };
}

export interface FetchedChangeFilesOptions extends ChangeSqlOptions {
  readonly store: FileStore;
  /** What the store says of the files, by path. */
  readonly stats: ReadonlyMap<string, FileStat>;
  readonly scratchFolder: string;
  readonly spool: SpoolLimits | undefined;
}

/** Files that are fetched, unpacked and deleted together. */
const FILES_AT_ONCE = 64;

/**
 * Changes whose files are fetched, loaded into an engine table and deleted, a few at a time. The table spills to disk;
 * it is small compared to the source, because large change sets are not applied: the table is copied instead.
 */
export async function fetchedChangeFiles(options: FetchedChangeFilesOptions): Promise<ChangeFiles> {
  const { connection, files } = options;
  const table = `${options.schema}.fetched`;
  const none = await changeSql({ ...options, files: [] });
  await connection.run(`create table ${table} as ${none.sql}`);
  let fetched: Promise<void> | null = null;
  return {
    sql: `select * from ${table}`,
    isUnpacked: true,
    files: [],
    fetch() {
      fetched ??= unpack(options, table);
      return fetched;
    },
    async countRows() {
      const rows = new Map<string, bigint>();
      for (const paths of batches(wholeFiles(files), options)) {
        await using spool = await SpoolFolder.open({ ...options, limits: options.spool, ...named(options) });
        const placed = paths.map((path) => spool.place(path, statOf(options, path)));
        await spool.withFooters(placed, async (footers) => {
          const byFooter = new Map(footers.map((footer, index) => [footer, paths[index] ?? '']));
          for (const [path, count] of await footerRows(options, byFooter)) rows.set(path, count);
        });
      }
      let positionRows = 0n;
      for (const change of files) {
        if (change.difference) positionRows += (await options.vectors.difference(change)).cardinality;
      }
      return countRows(options, { positionRows, rows });
    },
  };
}

async function unpack(options: FetchedChangeFilesOptions, table: string): Promise<void> {
  const { connection, files } = options;
  await using spool = await SpoolFolder.open({ ...options, limits: options.spool, ...named(options) });
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
    const schema = `${options.schema}_${index}`;
    await connection.run(`create schema ${schema}`);
    try {
      const sourcePath = (path: string) => sources.get(path) ?? path;
      await namingDamagedFile(connection, options.layout.tableName, sourceFiles(part.files), async () => {
        const { sql } = await changeSql({ ...options, schema, files: placed, sourcePath });
        await connection.run(`insert into ${table} ${sql}`);
      });
    } finally {
      await connection.run(`drop schema ${schema} cascade`);
    }
  }
}

function named({ layout }: FetchedChangeFilesOptions): { tableName: string } {
  return { tableName: layout.tableName };
}

function statOf({ stats }: FetchedChangeFilesOptions, path: string): FileStat {
  const stat = stats.get(path);
  if (!stat) throw new Error('a file was not looked at');
  return stat;
}

/** Files in which all rows are changes, or all but those of a vector; each listed once. */
function wholeFiles(files: readonly ChangeFile[]): string[] {
  return [...new Set(files.filter((change) => change.difference === null).map(({ file }) => file.path))];
}

/** Small enough that the spool has room for the next batch while one is unpacked. */
function batches(paths: readonly string[], options: FetchedChangeFilesOptions): string[][] {
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

/** Row counts from file footers, under the names that files have in `pathOf`. */
async function footerRows(
  { connection }: ChangeSqlOptions,
  pathOf: ReadonlyMap<string, string>,
): Promise<Map<string, bigint>> {
  if (pathOf.size === 0) return new Map();
  const result = await connection.runAndReadAll(
    `select file_name, num_rows::varchar from parquet_file_metadata(${fileList([...pathOf.keys()])})`,
  );
  return new Map(
    result.getRowsJson().map(([footer, rows]) => [pathOf.get(String(footer)) ?? '', BigInt(String(rows))]),
  );
}

/** Rows of whole files minus those removed by vectors, plus the single positions. */
function countRows(
  { files }: ChangeSqlOptions,
  known: { readonly positionRows: bigint; readonly rows: ReadonlyMap<string, bigint> },
): bigint {
  const whole = files.filter((change) => change.difference === null);
  return whole.reduce((sum, { file }) => {
    return sum + (known.rows.get(file.path) ?? 0n) - (file.deletionVector?.cardinality ?? 0n);
  }, known.positionRows);
}
