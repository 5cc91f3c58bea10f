import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier } from '../../../core/names.js';
import { groupByParquetSchema, type ParquetNode } from '../../parquet/parquet-schema.js';
import { type FileStore, isSameFile } from '../../storage/file-store.js';
import type { Action } from './action.js';
import type { CheckpointReader } from './checkpoint-reader.js';
import { ActionFormatError, parseActions } from './parse-action.js';

/** What is read of each action, and the member whose absence means that a row does not hold that action. */
const WANTED = [
  { action: 'protocol', key: 'minReaderVersion', members: ['readerFeatures', 'writerFeatures'] },
  { action: 'metaData', key: 'id', members: ['format', 'schemaString', 'partitionColumns', 'configuration'] },
  { action: 'add', key: 'path', members: ['size', 'partitionValues', 'deletionVector', 'dataChange'] },
  { action: 'sidecar', key: 'path', members: [] },
] as const;
type WantedAction = (typeof WANTED)[number]['action'];

interface CheckpointSource {
  /** The store that holds the paths. */
  readonly store: FileStore;
  readonly scratchFolder: string;
  /** Other actions are skipped unread. Default: all. */
  readonly actions?: readonly WantedAction[];
  /** Whether to read how many rows each file has, which makes a large checkpoint slow to read. */
  readonly rowCounts?: boolean;
  /** Columns for which the statistics of files are read. */
  readonly statisticsOf?: readonly Field[];
}

/**
 * Reads Parquet checkpoints and sidecars with DuckDB, a chunk of rows at a time. Tombstones are not read, and
 * statistics only for their row counts. Rows are returned as JSON text shaped like that of commits, so that one parser checks both.
 * @param connection not to be used for anything else until the checkpoint is read
 */
export function duckDbCheckpointReader(connection: DuckDBConnection, source: CheckpointSource): CheckpointReader {
  return source.store.download
    ? (path) => readFetched(connection, path, source)
    : (path) => readInPlace(connection, path, source);
}

/** Through a copy on the local disk, one at a time. */
async function* readFetched(
  connection: DuckDBConnection,
  path: string,
  source: CheckpointSource,
): AsyncGenerator<Action> {
  const { store, scratchFolder } = source;
  const destination = join(scratchFolder, `${randomUUID()}.parquet`);
  if ((await store.download?.(path, { destination })) !== true) throw isMissing(path);
  try {
    yield* readParquetActions(connection, destination, source);
  } finally {
    await rm(destination, { force: true });
  }
}

/** DuckDB opens whatever it is told to, wherever a link leads: the store is asked first, and afterwards whether it stayed that. */
async function* readInPlace(
  connection: DuckDBConnection,
  path: string,
  source: CheckpointSource,
): AsyncGenerator<Action> {
  const { store } = source;
  const before = await store.stat(path);
  if (before === null) throw isMissing(path);
  yield* readParquetActions(connection, path, source);
  if (!isSameFile(before, await store.stat(path))) throw syncedTablesError('SOURCE_FILE_CHANGED', { file: path });
}

function isMissing(path: string): Error {
  return new Error(`there is no ${path}`);
}

async function* readParquetActions(
  connection: DuckDBConnection,
  path: string,
  source: CheckpointSource,
): AsyncGenerator<Action> {
  const pattern = escapeGlob(path);
  const { statisticsOf = [] } = source;
  const columns = await readColumns(connection, pattern);
  const stated = columns.get('add')?.has('stats_parsed') ? await statedSql(connection, path, statisticsOf) : null;
  const sql = checkpointSql(columns, { ...source, stated });
  if (sql === null) return;
  const result = await connection.stream(sql, [pattern]);
  let row = 0;
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    for (const json of chunk.getColumnValues(0)) {
      row++;
      yield* parseRow(String(json), row, statisticsOf);
    }
  }
}

function parseRow(json: string, row: number, statisticsOf: readonly Field[]): Action[] {
  try {
    return parseActions(json, statisticsOf);
  } catch (error) {
    if (error instanceof ActionFormatError) throw new ActionFormatError(`row ${row}: ${error.message}`);
    throw error;
  }
}

/**
 * DuckDB reads `*`, `?` and `[` in a path as a pattern; in brackets they are literal.
 * @internal exported for tests
 */
export function escapeGlob(path: string): string {
  return path.replace(/[*?[]/g, '[$&]');
}

/** Members by name of each top-level group: columns that a writer did not need may be missing. */
async function readColumns(connection: DuckDBConnection, pattern: string): Promise<Map<string, Set<string>>> {
  const sql = 'select name, coalesce(num_children, 0)::integer from parquet_schema($1)';
  const nodes = (await connection.runAndReadAll(sql, [pattern])).getRows();
  const columns = new Map<string, Set<string>>();
  let next = 1;
  // The schema comes flattened, depth first; node 0 is its root.
  const skip = (): string => {
    const [name, childCount] = nodes[next++] ?? [];
    for (let i = 0; i < Number(childCount); i++) skip();
    return String(name);
  };
  while (next < nodes.length) {
    const [name, childCount] = nodes[next++] ?? [];
    const members = new Set<string>();
    for (let i = 0; i < Number(childCount); i++) members.add(skip());
    columns.set(String(name), members);
  }
  return columns;
}

/** The statistics of some columns that a checkpoint has as columns of its own; null if it has none of these. */
async function statedSql(connection: DuckDBConnection, path: string, fields: readonly Field[]): Promise<string | null> {
  if (fields.length === 0) return null;
  const [group] = await groupByParquetSchema(connection, [path]);
  const stats = memberOf(memberOf(group, 'add'), 'stats_parsed');
  const text = (kind: string, { physicalName }: Field) => {
    const values = memberOf(stats, kind);
    const node = memberOf(values, physicalName);
    if (node === null || node.physicalType === null) return 'null';
    const value = `"add"."stats_parsed".${quoteIdentifier(kind)}.${quoteIdentifier(physicalName)}`;
    // As the texts of statistics are; the engine shows the times of its zone, which is UTC.
    return node.duckDbType?.startsWith('TIMESTAMP')
      ? `strftime(make_timestamp(epoch_us(${value})), '%Y-%m-%dT%H:%M:%S.%fZ')`
      : `${value}::varchar`;
  };
  const columns = fields.map((field) => {
    const [least, greatest, nulls] = ['minValues', 'maxValues', 'nullCount'].map((kind) => text(kind, field));
    return `{'least': ${least}, 'greatest': ${greatest}, 'nulls': ${nulls}}`;
  });
  const rows = memberOf(stats, 'numRecords') === null ? 'null' : '"add"."stats_parsed"."numRecords"::varchar';
  return `{'rows': ${rows}, 'columns': [${columns.join(', ')}]}`;
}

function memberOf(
  node: { readonly columns: readonly ParquetNode[] } | ParquetNode | null | undefined,
  name: string,
): ParquetNode | null {
  const members = node ? ('columns' in node ? node.columns : node.children) : [];
  return members.find((member) => member.name === name) ?? null;
}

/** Of the statistics only the count: the rest holds row values. What is not JSON has none. */
const ROW_COUNT = `case when json_valid("add"."stats")
  then json_object('numRecords', json_extract("add"."stats", '$.numRecords'))::varchar end`;

/** Null if the file has none of the wanted columns. */
function checkpointSql(
  columns: ReadonlyMap<string, ReadonlySet<string>>,
  options: Pick<CheckpointSource, 'actions' | 'rowCounts' | 'statisticsOf'> & { readonly stated: string | null },
): string | null {
  const { actions, rowCounts = false, statisticsOf = [], stated } = options;
  const present = WANTED.flatMap(({ action, key, members }) => {
    const found = columns.get(action);
    if (!found || actions?.includes(action) === false) return [];
    if (!found.has(key)) throw new ActionFormatError(`column ${action} has no member ${key}`);
    const pairs = [key, ...members.filter((member) => found.has(member))].map(
      (name) => `'${name}': "${action}"."${name}"`,
    );
    if (action === 'add' && stated !== null) pairs.push(`'statedColumns': ${stated}`);
    else if (action === 'add' && found.has('stats') && statisticsOf.length > 0) pairs.push(`'stats': "add"."stats"`);
    else if (action === 'add' && found.has('stats') && rowCounts) pairs.push(`'stats': ${ROW_COUNT}`);
    // Tests the member: testing the whole struct would make DuckDB read its statistics.
    return [{ action, isPresent: `"${action}"."${key}" is not null`, json: `{${pairs.join(', ')}}` }];
  });
  if (present.length === 0) return null;
  const parts = present.map(({ action, isPresent, json }) => `'${action}': case when ${isPresent} then ${json} end`);
  return `select to_json({${parts.join(', ')}})::varchar
    from read_parquet($1, hive_partitioning = false, binary_as_string = true)
    where ${present.map(({ isPresent }) => isPresent).join(' or ')}`;
}
