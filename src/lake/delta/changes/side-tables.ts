import { BIGINT, type DuckDBConnection, DuckDBTimestampTZValue, TIMESTAMPTZ, UBIGINT, VARCHAR } from '@duckdb/node-api';
import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import { appendPositions } from '../../deletion-vectors/append-positions.js';
import { DeletionVector } from '../../deletion-vectors/deletion-vector.js';
import type { FileStore } from '../../storage/file-store.js';
import { deletionVectorPath } from '../deletion-vectors/deletion-vector-path.js';
import { readDeletionVector } from '../deletion-vectors/deletion-vector-reader.js';
import type { DeletionVectorDescriptor } from '../log/action.js';
import { deletionVectorId } from '../log/log-replay.js';
import { partitionText } from '../scan/partition-table.js';
import type { TableLayout } from '../schema/table-layout.js';
import type { ChangeFile } from './plan-changes.js';

/** One change with its place in the list of files that the engine reads. A file may be part of many changes. */
export interface ChangeEvent {
  readonly file: ChangeFile;
  readonly fileIndex: number;
}

/** Version and time of the commit of a change, as SQL. */
export function commitSql({ version, committedAtMs }: ChangeFile): { version: string; committedAt: string } {
  return { version: `${version}::bigint`, committedAt: `make_timestamptz(${BigInt(committedAtMs) * 1000n})` };
}

const FEW_EVENTS = 64;

/**
 * Creates a table with a row for every change: `event` is its place in the list, `file_index` the file's; then version,
 * commit time, and the text of the partition values as `v0`, `v1` …
 */
export async function createEventTable(
  connection: DuckDBConnection,
  table: string,
  options: { readonly events: readonly ChangeEvent[]; readonly layout: TableLayout },
): Promise<void> {
  const { events, layout } = options;
  if (layout.partitionFields.length === 0 && events.length <= FEW_EVENTS) {
    // One statement costs a third of a table and an appender.
    const rows = events.map(({ file, fileIndex }, index) => {
      const { version, committedAt } = commitSql(file);
      return `(${index}::ubigint, ${fileIndex}::ubigint, ${version}, ${committedAt})`;
    });
    const columns = 'event, file_index, commit_version, commit_timestamp';
    await connection.run(`create table ${table} as select * from (values ${rows.join(', ')}) e(${columns})`);
    return;
  }
  const texts = layout.partitionFields.map((_, index) => `, v${index} varchar`);
  await connection.run(
    `create table ${table} (event ubigint, file_index ubigint, commit_version bigint, commit_timestamp timestamptz${texts.join('')})`,
  );
  const appender = await connection.createAppender(...tableParts(table));
  for (const [index, { file, fileIndex }] of events.entries()) {
    appender.appendValue(BigInt(index), UBIGINT);
    appender.appendValue(BigInt(fileIndex), UBIGINT);
    appender.appendValue(file.version, BIGINT);
    appender.appendValue(new DuckDBTimestampTZValue(BigInt(file.committedAtMs) * 1000n), TIMESTAMPTZ);
    for (const field of layout.partitionFields) {
      const text = file.file.partitionValues.get(field.physicalName);
      appender.appendValue(text ? partitionText(field, text) : null, VARCHAR);
    }
    appender.endRow();
  }
  appender.closeSync();
}

function tableParts(table: string): [name: string, schema: string] {
  const [schema, name] = table.split('.') as [string, string];
  return [name, schema];
}

/**
 * Reads the vectors needed for a range of versions. Commit after commit replaces a vector with a slightly larger one,
 * so each is needed twice in a row: the last ones are cached.
 */
export class ChangeVectors {
  readonly #source: { readonly store: FileStore; readonly root: string; readonly tableName: string };
  readonly #recent = new Map<string, DeletionVector>();

  constructor(source: { store: FileStore; root: string; tableName: string }) {
    this.#source = source;
  }

  /** Rows listed by a vector but not by the older one, if any. */
  async difference(file: ChangeFile): Promise<DeletionVector> {
    const { difference } = file;
    if (!difference) throw new Error('this change is not that of a deletion vector');
    const former = difference.former ? await this.read(file, difference.former) : DeletionVector.empty();
    return (await this.read(file, difference.added)).minus(former);
  }

  /** @throws DELTA_CHANGE_FILE_MISSING, SOURCE_FILE_CORRUPT, DELTA_LOG_CORRUPT */
  async read({ file, version }: ChangeFile, descriptor: DeletionVectorDescriptor): Promise<DeletionVector> {
    const { root, tableName } = this.#source;
    const key = deletionVectorId(descriptor);
    const known = this.#recent.get(key);
    if (known) return known;
    try {
      const vector = await readDeletionVector({ ...this.#source, dataFile: file.path, descriptor, version });
      this.#recent.set(key, vector);
      for (const [oldest] of this.#recent) if (this.#recent.size > VECTORS_KEPT) this.#recent.delete(oldest);
      return vector;
    } catch (error) {
      if (asSyncedTablesError(error)?.code !== 'SOURCE_FILE_MISSING') throw error;
      const path = deletionVectorPath({ root, tableName, descriptor }) ?? file.path;
      throw syncedTablesError('DELTA_CHANGE_FILE_MISSING', { file: path, table: tableName, version }, error);
    }
  }
}

/** Each takes at most one bit per row of its file. */
const VECTORS_KEPT = 8;

/** Creates a table with the rows that are not changes: `(event, position)`. */
export async function createUnchangedRowTable(
  connection: DuckDBConnection,
  table: string,
  options: { readonly events: readonly ChangeEvent[]; readonly vectors: ChangeVectors },
): Promise<void> {
  await connection.run(`create table ${table} (event ubigint, position bigint)`);
  const appender = await connection.createAppender(...tableParts(table));
  for (const [index, { file }] of options.events.entries()) {
    const descriptor = file.file.deletionVector;
    if (descriptor) appendPositions(appender, [index], await options.vectors.read(file, descriptor));
  }
  appender.closeSync();
}

/** Creates a table with the rows that alone are changes, `(event, file_index, position)`, and returns their number. */
export async function createChangedRowTable(
  connection: DuckDBConnection,
  table: string,
  options: { readonly events: readonly ChangeEvent[]; readonly vectors: ChangeVectors },
): Promise<bigint> {
  await connection.run(`create table ${table} (event ubigint, file_index ubigint, position bigint)`);
  const appender = await connection.createAppender(...tableParts(table));
  let rows = 0n;
  for (const [index, { file, fileIndex }] of options.events.entries()) {
    const difference = await options.vectors.difference(file);
    appendPositions(appender, [index, fileIndex], difference);
    rows += difference.cardinality;
  }
  appender.closeSync();
  return rows;
}
