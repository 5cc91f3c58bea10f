import type { DuckDBConnection } from '@duckdb/node-api';
import { damageReason, engineErrorClass, namedFile } from '../../core/reasons/engine-reason.js';
import { fileList } from '../parquet/parquet-schema.js';
import type { Relation, SourceFile } from './relation.js';
import { beginPass } from './relation-pass.js';

/** A file that the engine cannot decode. */
export interface DamagedFile {
  /** As the source names it. */
  readonly path: string;
  readonly reason: string;
}

/** How long files are searched for a damaged one: a late message is worse than one that names none. */
const SEARCH_MS_MAX = 20_000;

/** Classes of errors that a damaged file can cause. Those of files that cannot be opened are not among them. */
const CLASSES: ReadonlySet<string | null> = new Set([
  'Conversion',
  'INTERNAL',
  'Invalid',
  'Invalid Input',
  'Out of Range',
]);

/**
 * The file that is damaged, given the engine's error in reading the relation; null if its files can all be decoded, so
 * that the fault is in their values. The engine often names no file, and words errors of decoding like errors of
 * converting: only decoding alone tells them apart.
 */
export async function damagedFileOf(
  error: unknown,
  connection: DuckDBConnection,
  relation: Pick<Relation, 'parts' | 'remote' | 'files'>,
): Promise<DamagedFile | null> {
  if (!CLASSES.has(engineErrorClass(error))) return null;
  const named = namedFile(error);
  if (named !== null) {
    const file = relation.files?.flat().find(({ data }) => data === named);
    return { path: file?.path ?? named, reason: damageReason(error) };
  }
  const deadline = performance.now() + SEARCH_MS_MAX;
  const pass = beginPass(relation);
  try {
    for (let part = await pass.next(); part !== null; part = await pass.next()) {
      try {
        const damaged = await firstDamaged(connection, part.files, deadline);
        if (damaged !== null || performance.now() > deadline) return damaged;
      } finally {
        await part[Symbol.asyncDispose]();
      }
    }
  } finally {
    await pass[Symbol.asyncDispose]();
  }
  return null;
}

async function firstDamaged(
  connection: DuckDBConnection,
  files: readonly SourceFile[],
  deadline: number,
): Promise<DamagedFile | null> {
  for (const { path, data, isText } of files) {
    // What is wrong with a line of text, the error has said.
    if (isText) continue;
    const rows = `read_parquet(${fileList([data])}, hive_partitioning = false)`;
    const damaged = await decodingFailure(connection, path, `select bit_xor(hash(f)) from ${rows} f`);
    if (damaged !== null || performance.now() > deadline) return damaged;
  }
  return null;
}

/** The first of these files whose footer cannot be decoded, given the engine's error in reading them; else null. */
export async function damagedFooterOf(
  error: unknown,
  connection: DuckDBConnection,
  files: readonly SourceFile[],
): Promise<DamagedFile | null> {
  if (engineErrorClass(error) === null) return null;
  for (const { path, data } of files) {
    const footer = `select count(*) from parquet_schema(${fileList([data])}), parquet_file_metadata(${fileList([data])})`;
    const damaged = await decodingFailure(connection, path, footer);
    if (damaged !== null) return damaged;
  }
  return null;
}

async function decodingFailure(connection: DuckDBConnection, path: string, sql: string): Promise<DamagedFile | null> {
  return connection.run(sql).then(
    () => null,
    (error: unknown) => (CLASSES.has(engineErrorClass(error)) ? { path, reason: damageReason(error) } : null),
  );
}
