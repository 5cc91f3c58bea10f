import type { DuckDBConnection } from '@duckdb/node-api';
import { fileList } from '../../parquet/parquet-schema.js';
import type { SpoolLimits } from '../../storage/fetch-ahead.js';
import type { FileStat, FileStore } from '../../storage/file-store.js';
import { SpoolFolder } from '../../storage/spool-folder.js';

export interface FooterOptions {
  readonly connection: DuckDBConnection;
  readonly store: FileStore;
  readonly tableName: string;
  readonly scratchFolder: string;
  readonly spool: SpoolLimits | undefined;
}

/** Footers that are read together. */
const FOOTERS_AT_ONCE = 64;

/**
 * Row counts of Parquet files by path, from their footers; dead rows count.
 * @param stats the store's status of each file
 */
export async function footerRows(
  options: FooterOptions,
  stats: ReadonlyMap<string, FileStat>,
): Promise<Map<string, bigint>> {
  const counts = new Map<string, bigint>();
  const files = [...stats];
  for (let next = 0; next < files.length; next += FOOTERS_AT_ONCE) {
    const batch = files.slice(next, next + FOOTERS_AT_ONCE);
    for (const [path, count] of await readFooters(options, batch)) counts.set(path, count);
  }
  return counts;
}

async function readFooters(
  { connection, store, scratchFolder, spool: limits, tableName }: FooterOptions,
  files: readonly (readonly [path: string, stat: FileStat])[],
): Promise<Map<string, bigint>> {
  if (!store.download) return countsOf(connection, new Map(files.map(([path]) => [path, path])));
  await using spool = await SpoolFolder.open({ store, scratchFolder, limits, tableName });
  const placed = files.map(([path, stat]) => spool.place(path, stat));
  return await spool.withFooters(placed, (footers) => {
    return countsOf(connection, new Map(footers.map((footer, index) => [footer, files[index]?.[0] ?? ''])));
  });
}

/** @param pathOf names of files by the place where their footer is */
async function countsOf(
  connection: DuckDBConnection,
  pathOf: ReadonlyMap<string, string>,
): Promise<Map<string, bigint>> {
  const result = await connection.runAndReadAll(
    `select file_name, num_rows::varchar from parquet_file_metadata(${fileList([...pathOf.keys()])})`,
  );
  return new Map(
    result.getRowsJson().map(([footer, rows]) => [pathOf.get(String(footer)) ?? '', BigInt(String(rows))]),
  );
}
