import { type DuckDBConnection, VARCHAR } from '@duckdb/node-api';
import { syncedTablesError } from '../../../core/errors.js';
import { quoteIdentifier } from '../../../core/names.js';
import { appendPositions } from '../../deletion-vectors/append-positions.js';
import type { ParquetNode } from '../../parquet/parquet-schema.js';
import type { FileStore } from '../../storage/file-store.js';
import { openFileRows } from '../files/file-rows.js';
import type { PartitionNumbers } from '../files/partition-values.js';
import { fileSets, type PlacedFile } from '../files/placed-file.js';
import type { ContentFile } from '../manifests/content-file.js';
import type { IcebergSnapshot } from '../snapshot/iceberg-snapshot.js';
import { readPuffinVector } from './puffin-vector.js';

/** Ids of the columns of position deletes (Iceberg specification, "Reserved Field IDs"). */
const FILE_PATH = { id: 2147483546, name: 'file_path' };
const POSITION = { id: 2147483545, name: 'pos' };

/** Where deletes are read from. */
export interface DeleteSource {
  readonly connection: DuckDBConnection;
  /** Of the engine, for tables. */
  readonly schema: string;
  readonly store: FileStore;
  readonly snapshot: IcebergSnapshot;
  readonly partitions: PartitionNumbers;
  /** Passes over files in groups that are on the local disk together. */
  readonly held: (files: readonly ContentFile[]) => AsyncIterable<readonly PlacedFile[]>;
}

/** Rows that are deleted by their positions. */
export interface DeadRows {
  /** Table of the engine with the columns file, the place of the data file in the snapshot, and position. */
  readonly table: string;
  /** How many rows of each data file are dead, by its place; none of files without any. */
  readonly counts: ReadonlyMap<number, bigint>;
}

/**
 * Collects the rows that deletion vectors and position deletes take out. A file's vector stands for all of them: where
 * there is one, position deletes are none of its business (Iceberg specification, "Scan Planning").
 * @throws SOURCE_FILE_CORRUPT, SOURCE_FILE_MISSING
 */
export async function collectDeadRows(source: DeleteSource): Promise<DeadRows> {
  const { connection, schema, snapshot } = source;
  const table = `${schema}.dead`;
  const positional = snapshot.deleteFiles.filter(({ content }) => content === 'positionDeletes');
  if (positional.length === 0) return { table, counts: new Map() };
  await connection.run(`create table ${schema}.marked (file ubigint, position bigint)`);
  const withVector = await appendVectors(source, positional.filter(isVector));
  await insertPositions(
    source,
    positional.filter((file) => !isVector(file)),
    withVector,
  );
  // Two files may delete the same row.
  await connection.run(
    `create table ${table} as select distinct file::integer as file, position from ${schema}.marked`,
  );
  await connection.run(`drop table ${schema}.marked`);
  const counted = await connection.runAndReadAll(`select file, count(*)::varchar from ${table} group by file`);
  const counts = counted.getRowsJson().map(([file, count]) => [Number(file), BigInt(String(count))] as const);
  return { table, counts: new Map(counts) };
}

function isVector({ format }: ContentFile): boolean {
  return format === 'PUFFIN';
}

/** Returns the places of the files that have a vector. */
async function appendVectors(source: DeleteSource, vectors: readonly ContentFile[]): Promise<ReadonlySet<number>> {
  const { connection, schema, store, snapshot } = source;
  const { tableName, version, dataFiles } = snapshot;
  const places = new Map(dataFiles.map(({ statedPath }, index) => [statedPath, index]));
  const done = new Set<number>();
  const appender = await connection.createAppender('marked', schema);
  for (const vector of vectors) {
    const place = places.get(vector.referencedDataFile ?? '');
    const data = place === undefined ? undefined : dataFiles[place];
    // A vector may outlive its file, until the next time that its manifest is written.
    if (place === undefined || data === undefined || data.sequenceNumber > vector.sequenceNumber) continue;
    if (done.has(place)) {
      const reason = `there are two deletion vectors of ${vector.referencedDataFile}`;
      throw syncedTablesError('SOURCE_FILE_CORRUPT', { file: vector.path, table: tableName, reason });
    }
    done.add(place);
    appendPositions(appender, [place], await readPuffinVector(vector, { store, tableName, version }));
  }
  appender.closeSync();
  return done;
}

async function insertPositions(
  source: DeleteSource,
  files: readonly ContentFile[],
  withVector: ReadonlySet<number>,
): Promise<void> {
  if (files.length === 0) return;
  const { connection, schema, snapshot } = source;
  await connection.run(`create table ${schema}.targets (path varchar, file ubigint, seq bigint)`);
  const appender = await connection.createAppender('targets', schema);
  for (const [index, { statedPath, sequenceNumber }] of snapshot.dataFiles.entries()) {
    if (withVector.has(index)) continue;
    appender.appendValue(statedPath, VARCHAR);
    appender.appendUBigInt(BigInt(index));
    appender.appendBigInt(sequenceNumber);
    appender.endRow();
  }
  appender.closeSync();
  let sets = 0;
  for await (const placed of source.held(files)) {
    for (const set of await fileSets(connection, placed, { ...NAMED_POSITIONS, tableName: snapshot.tableName })) {
      const [first] = set.files;
      if (!first) continue;
      const { tableName } = snapshot;
      const fileTable = `${schema}.positions${sets++}`;
      const rows = await openFileRows(set, { ...source, tableName, fileTable, wanted: [] });
      const column = (wanted: typeof POSITION) => {
        return `f.${quoteIdentifier(columnName(set.columns, wanted, first, tableName))}`;
      };
      await connection.run(
        `insert into ${schema}.marked select t.file, ${column(POSITION)} from ${rows.from}
           join ${schema}.targets t on t.path = ${column(FILE_PATH)} and t.seq <= p.seq`,
      );
    }
  }
}

/** The files of a writer that gives no field ids name their columns as the format does. */
const NAMED_POSITIONS = {
  nameMapping: [FILE_PATH, POSITION].map(({ id, name }) => ({ fieldId: id, names: [name], fields: [] })),
  hasVariants: false,
  mark: () => '',
};

function columnName(
  columns: readonly ParquetNode[],
  { id, name }: typeof POSITION,
  { file }: PlacedFile,
  table: string,
): string {
  const found = columns.find((node) => node.fieldId === id) ?? columns.find((node) => node.name === name);
  if (found) return found.name;
  const reason = `it is said to hold position deletes, but has no column ${name}`;
  throw syncedTablesError('SOURCE_FILE_CORRUPT', { file: file.path, table, reason });
}
