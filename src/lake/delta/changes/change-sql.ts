import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../../../core/names.js';
import { CHANGE_TYPES, changeFields } from '../../changes/change-relation.js';
import { IS_NEW_ROW } from '../../changes/collapse-changes.js';
import { filesWithMarkedVariants } from '../../parquet/marked-variants.js';
import { fileList, groupByParquetSchema, type ParquetFileGroup } from '../../parquet/parquet-schema.js';
import { holdsVariant, nullOf } from '../../parquet/project-column.js';
import { fileColumns, refuseReservedColumns } from '../scan/file-columns.js';
import { type KnownFile, requireKnownColumns } from '../scan/require-known-columns.js';
import type { TableLayout } from '../schema/table-layout.js';
import type { LazySchema } from './lazy-schema.js';
import type { ChangeFile } from './plan-changes.js';
import {
  type ChangeEvent,
  type ChangeVectors,
  commitSql,
  createChangedRowTable,
  createEventTable,
  createUnchangedRowTable,
} from './side-tables.js';

export interface ChangeSqlOptions {
  readonly connection: DuckDBConnection;
  /** For tables; dropped with everything in it when the relation is disposed. */
  readonly schema: LazySchema;
  readonly layout: TableLayout;
  /** The columns of the layout that are read. */
  readonly columns: readonly Field[];
  readonly files: readonly ChangeFile[];
  readonly vectors: ChangeVectors;
  readonly partitionTimeZone: string;
  /** What the log calls a file that was fetched to another place. */
  readonly sourcePath?: (path: string) => string;
  /** True to leave what the change files record to `readRecorded`. */
  readonly isRecordedLater?: boolean;
}

export interface ChangeSql {
  /** All changes: the columns that are read, then `changeFields`. */
  readonly sql: string;
  /** Rows of changes that are single positions of a file; known without reading any file. */
  readonly positionRows: bigint;
  /** Inserted minus deleted rows of each version that has change files. */
  readonly recorded: ReadonlyMap<bigint, bigint>;
  /**
   * Reads `recorded` from the change files, unless that is done.
   * @throws CHANGE_TYPE_UNKNOWN
   */
  readonly readRecorded: () => Promise<void>;
}

/** Which rows of a file are meant: all, all except those of a vector, or only those of a difference of vectors. */
type RowChoice = 'all' | 'allBut' | 'only';

/**
 * Combines all changes of a range into one SELECT. Files that are read alike share one scan, however many commits they
 * come from: same Parquet schema, same kind of change, same choice of rows.
 */
export async function changeSql(options: ChangeSqlOptions): Promise<ChangeSql> {
  const { connection, columns, files } = options;
  const selects: string[] = [];
  const recorded = new Map<bigint, bigint>();
  const recordedSets: RecordedSet[] = [];
  let positionRows = 0n;
  const paths = [...new Set(files.map((change) => change.file.path))];
  const groups = paths.length === 0 ? [] : await groupByParquetSchema(connection, paths);
  const hasVariants = columns.some((field) => holdsVariant(field.type));
  const marked = hasVariants ? await filesWithMarkedVariants(connection, paths) : new Set<string>();
  const byPath = groupBy(files, (change) => change.file.path);
  for (const group of groups) {
    const changes = group.paths.flatMap((path) => byPath.get(path) ?? []);
    const isMarked = (change: ChangeFile) => marked.has(change.file.path);
    const kindOf = (change: ChangeFile) => `${change.change} ${rowChoice(change)} ${isMarked(change)}`;
    for (const alike of groupBy(changes, kindOf).values()) {
      const name = `${options.schema.name}.s${selects.length}`;
      const isVariantMarked = alike.every(isMarked);
      const set = await setSelect(options, { group, files: alike, isVariantMarked, name, recordedSets });
      selects.push(set.sql);
      positionRows += set.positionRows;
    }
  }
  const readRecorded = async () => {
    for (const set of recordedSets.splice(0)) await readRecordedTypes(options, set, recorded);
  };
  if (options.isRecordedLater !== true) await readRecorded();
  if (selects.length > 0) return { sql: selects.join('\nunion all\n'), positionRows, recorded, readRecorded };
  const nulls = [...columns, ...changeFields].map((field) => {
    return `${nullOf(field.type)} as ${quoteIdentifier(field.name)}`;
  });
  return { sql: `select ${nulls.join(', ')} where false`, positionRows, recorded, readRecorded };
}

function rowChoice(change: ChangeFile): RowChoice {
  if (change.difference) return 'only';
  return change.file.deletionVector ? 'allBut' : 'all';
}

interface ChangeSet {
  readonly group: ParquetFileGroup;
  /** Never empty, all of one kind. */
  readonly files: readonly ChangeFile[];
  readonly isVariantMarked: boolean;
  /** Prefix of its table names. */
  readonly name: string;
  /** Change files; the set adds its own. */
  readonly recordedSets: RecordedSet[];
}

/** Change files of one schema. */
interface RecordedSet {
  readonly events: readonly ChangeEvent[];
  /** By file index. */
  readonly paths: readonly string[];
}

async function setSelect(options: ChangeSqlOptions, set: ChangeSet): Promise<Pick<ChangeSql, 'sql' | 'positionRows'>> {
  const { connection, layout, columns, vectors, partitionTimeZone } = options;
  const { group, isVariantMarked, name } = set;
  const [first] = set.files;
  if (!first) throw new Error('a set without files');
  const choice = rowChoice(first);
  refuseReservedColumns(layout.tableName, group, { fileIndex: true, rowNumber: choice !== 'all' });
  const paths = [...new Set(set.files.map((change) => change.file.path))];
  const indexes = new Map(paths.map((path, index) => [path, index]));
  const events: ChangeEvent[] = set.files.map((file) => ({ file, fileIndex: indexes.get(file.file.path) ?? 0 }));
  // What a table would hold of a single file can be said in the statement, which needs no join then.
  const isSingle = events.length === 1 && choice === 'all' && layout.partitionFields.length === 0;
  if (!isSingle) {
    await options.schema.make();
    await createEventTable(connection, `${name}_events`, { events, layout });
  }

  await requireKnownColumns(connection, { layout, group, files: set.files.map((file) => knownFile(options, file)) });
  const values = fileColumns({ layout, columns, group, isVariantMarked, partitionTimeZone });
  let from = `read_parquet(${fileList(paths)}, hive_partitioning = false) f`;
  let positionRows = 0n;
  if (choice === 'only') {
    positionRows = await createChangedRowTable(connection, `${name}_rows`, { events, vectors });
    from += ` join ${name}_rows d on d.file_index = f.file_index and d.position = f.file_row_number`;
    from += ` join ${name}_events p on p.event = d.event`;
  } else if (!isSingle) {
    from += ` join ${name}_events p on p.file_index = f.file_index`;
  }
  if (choice === 'allBut') {
    await createUnchangedRowTable(connection, `${name}_rows`, { events, vectors });
    from += ` anti join ${name}_rows d on d.event = p.event and d.position = f.file_row_number`;
  }
  const { change } = first;
  if (change === 'cdc') {
    requireChangeType(layout.tableName, group, paths);
    set.recordedSets.push({ events, paths });
  }
  const changeType = change === 'cdc' ? 'f."_change_type"' : quoteLiteral(change);
  const commit = isSingle ? commitSql(first) : { version: 'p.commit_version', committedAt: 'p.commit_timestamp' };
  const fields = [
    `${changeType} as "_change_type"`,
    `${commit.version} as "_commit_version"`,
    `${commit.committedAt} as "_commit_timestamp"`,
  ];
  return { sql: `select ${[...values, ...fields].join(', ')} from ${from}`, positionRows };
}

function knownFile({ sourcePath }: ChangeSqlOptions, { file, difference }: ChangeFile): KnownFile {
  const { path, deletionVector } = file;
  const deadRows = difference ? 0n : (deletionVector?.cardinality ?? 0n);
  return { path: sourcePath?.(path) ?? path, footer: path, deadRows };
}

/** What the column of change types of a file says. */
interface RecordedTypes {
  /** Inserted minus deleted rows. */
  readonly balance: bigint;
  /** A type that is none, as it may be shown: null if all are known. */
  readonly unknownType: string | null;
}

/** Longer ones, and ones with other characters, are described: they may hold anything. */
const SHOWN_TYPE = /^\w{1,40}$/;

/** @throws SOURCE_FILE_CORRUPT */
function requireChangeType(tableName: string, group: ParquetFileGroup, paths: readonly string[]): void {
  if (group.columns.some((node) => node.name === '_change_type')) return;
  const reason = 'it is a change data file without a column _change_type';
  throw syncedTablesError('SOURCE_FILE_CORRUPT', { file: paths[0] ?? '', table: tableName, reason });
}

/** SQL that is true for a change type that is none. */
export const IS_UNKNOWN_TYPE = `(_change_type in (${CHANGE_TYPES.map(quoteLiteral).join(', ')})) is not true`;

/** Adds what change files record to `recorded`. */
async function readRecordedTypes(
  { connection, layout: { tableName: table }, sourcePath }: ChangeSqlOptions,
  { events, paths }: RecordedSet,
  recorded: Map<bigint, bigint>,
): Promise<void> {
  const counted = await countRecorded(connection, paths);
  for (const { file, fileIndex } of events) {
    const { balance, unknownType } = counted.get(fileIndex) ?? { balance: 0n, unknownType: null };
    if (unknownType !== null) {
      const details = { file: sourcePath?.(file.file.path) ?? file.file.path, version: file.version };
      throw syncedTablesError('CHANGE_TYPE_UNKNOWN', { table, ...details, type: unknownType });
    }
    recorded.set(file.version, (recorded.get(file.version) ?? 0n) + balance);
  }
}

/** Reads the change types of change files, which take little space, by place in `paths`. */
async function countRecorded(
  connection: DuckDBConnection,
  paths: readonly string[],
): Promise<Map<number, RecordedTypes>> {
  const counted = await connection.runAndReadAll(
    `select f.file_index::integer, (2 * count(*) filter (${IS_NEW_ROW}) - count(*))::varchar,
       min(coalesce(_change_type, 'null')) filter (${IS_UNKNOWN_TYPE})
     from read_parquet(${fileList(paths)}, hive_partitioning = false) f group by 1`,
  );
  return new Map(
    counted.getRowsJson().map(([file, balance, unknown]) => {
      const unknownType = typeof unknown !== 'string' || SHOWN_TYPE.test(unknown) ? unknown : 'that is no word';
      return [Number(file), { balance: BigInt(String(balance)), unknownType: unknownType as string | null }];
    }),
  );
}

function groupBy<Value>(values: readonly Value[], keyOf: (value: Value) => string): Map<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
