import type { DuckDBConnection } from '@duckdb/node-api';
import { fileList } from './parquet-schema.js';

/**
 * The files in which the engine recognises variants as VARIANT, because they carry Parquet's annotation. Only the
 * column types of a single file tell: when files are read together, the first decides, and the others are cast to it, a
 * pair of blobs to an object with two members.
 */
export async function filesWithMarkedVariants(
  connection: DuckDBConnection,
  paths: readonly string[],
): Promise<ReadonlySet<string>> {
  const marked = new Set<string>();
  for (const path of paths) {
    const described = await connection.runAndReadAll(
      `select column_type from (describe select * from read_parquet(${fileList([path])}, hive_partitioning = false))`,
    );
    const types = described.getRowsJson().map(([type]) => String(type).replace(/"(?:[^"]|"")*"/g, ''));
    if (types.some((type) => /\bVARIANT\b/.test(type))) marked.add(path);
  }
  return marked;
}
