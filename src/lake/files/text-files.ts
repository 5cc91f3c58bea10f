import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field } from '../../core/data-type.js';
import { asSyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import { engineSyntaxReason } from '../../core/reasons/engine-reason.js';
import { requireSameFiles } from '../data-files/check-files.js';
import { partitionText, partitionValueExpression } from '../delta/scan/partition-table.js';
import { dataTypeOfEngine } from '../dialect/engine-data-type.js';
import { duckDbType } from '../engine/duckdb-type.js';
import { fileList } from '../parquet/parquet-schema.js';
import type { Relation, SourceFile } from '../relation/relation.js';
import { holdWhole } from '../relation/relation-pass.js';
import { sourceFiles } from '../storage/fetch-ahead.js';
import { SpoolFolder } from '../storage/spool-folder.js';
import { type CsvOptions, type FilesSnapshot, type FilesTableOptions, isSameName } from './files-options.js';
import type { FoundFile } from './find-files.js';

/** The column that says from which file a row is. */
const FILE = '_synced_tables_file';

/**
 * The columns of CSV or JSON files; the types that all values of all files have, unless the settings state them.
 * @throws FILES_INVALID, SPOOL_TOO_SMALL
 */
export async function textColumns(options: FilesTableOptions, files: readonly FoundFile[]): Promise<Field[]> {
  const { engine, store, tableName, spool: limits } = options;
  const partitions = new Set([...(files[0]?.partitions.keys() ?? [])].map((name) => name.toLowerCase()));
  const connection = await engine.connect();
  try {
    if (!store.download) return await describe(connection, options, inPlace(files), partitions);
    await using spool = await SpoolFolder.open({ store, scratchFolder: engine.scratchFolder, limits, tableName });
    requireRoom(options, files);
    const spooled = files.map(({ path, stat }) => spool.place(path, stat));
    await using held = await holdWhole({ parts: [''], remote: spool.remoteParts([{ select: '', files: spooled }]) });
    return await describe(connection, options, held.files, partitions);
  } finally {
    connection.closeSync();
  }
}

async function describe(
  connection: DuckDBConnection,
  options: FilesTableOptions,
  files: readonly SourceFile[],
  partitions: ReadonlySet<string>,
): Promise<Field[]> {
  try {
    const typed = (options.columns ?? []).filter(({ name }) => !partitions.has(name.toLowerCase()));
    const prepared = await connection.prepare(`select * from ${reader(options, files, typed)} limit 0`);
    const fields = Array.from({ length: prepared.columnCount }, (_, at): Field => {
      const name = prepared.columnName(at);
      return { name, type: dataTypeOfEngine(prepared.columnType(at)), nullable: true, physicalName: name };
    });
    prepared.destroySync();
    return fields;
  } catch (error) {
    const reason = asSyncedTablesError(error) ? null : engineSyntaxReason(error);
    if (reason === null) throw error;
    throw syncedTablesError('FILES_INVALID', { table: options.tableName, reason }, error);
  }
}

/** One SELECT: what a file lacks, another may have, so all are read together. */
export async function openTextFiles(options: FilesTableOptions, snapshot: FilesSnapshot): Promise<Relation> {
  const { engine, store, tableName, spool: limits } = options;
  const { files } = snapshot;
  if (!store.download) {
    const stats = new Map(files.map(({ path, stat }) => [path, stat]));
    return {
      parts: [select(options, snapshot, inPlace(files))],
      rowCount: null,
      files: [inPlace(files)],
      requireUnchanged: () => requireSameFiles(store, stats),
      [Symbol.asyncDispose]: async () => {},
    };
  }
  requireRoom(options, files);
  const spool = await SpoolFolder.open({ store, scratchFolder: engine.scratchFolder, limits, tableName });
  const spooled = files.map(({ path, stat }) => ({ ...spool.place(path, stat), isText: true }) as const);
  const placed = sourceFiles(spooled);
  const parts = [{ select: select(options, snapshot, placed), files: spooled }];
  return {
    parts: parts.map((part) => part.select),
    rowCount: null,
    files: [placed],
    remote: spool.remoteParts(parts),
    [Symbol.asyncDispose]: () => spool[Symbol.asyncDispose](),
  };
}

function inPlace(files: readonly FoundFile[]): SourceFile[] {
  return files.map(({ path }) => ({ path, data: path, isText: true }));
}

function requireRoom({ tableName, spool }: FilesTableOptions, files: readonly FoundFile[]): void {
  const bytes = files.reduce((sum, { stat }) => sum + stat.sizeBytes, 0);
  if (bytes <= spool.bytesMax) return;
  throw syncedTablesError('SPOOL_TOO_SMALL', { table: tableName, bytes, limit: spool.bytesMax });
}

function select(options: FilesTableOptions, snapshot: FilesSnapshot, placed: readonly SourceFile[]): string {
  const { columns, partitionFields, files } = snapshot;
  const values = columns.map((field) => {
    const name = quoteIdentifier(field.name);
    const at = partitionFields.findIndex((partition) => isSameName(partition, field));
    const value =
      at >= 0
        ? partitionValueExpression(field, `p.v${at}`, options.partitionTimeZone)
        : `cast(f.${name} as ${duckDbType(field.type)})`;
    return `${value} as ${name}`;
  });
  const read = columns.filter((field) => !partitionFields.includes(field));
  const from = `${reader(options, placed, read, partitionFields.length > 0 ? FILE : undefined)} f`;
  if (partitionFields.length === 0) return `select ${values.join(', ')} from ${from}`;
  const rows = files.map(({ partitions }, at) => {
    const texts = partitionFields.map((field) => {
      const [, text] = [...partitions].find(([name]) => name.toLowerCase() === field.name.toLowerCase()) ?? [];
      return text ? quoteLiteral(partitionText(field, text)) : 'null';
    });
    return `(${quoteLiteral(placed[at]?.data ?? '')}, ${texts.join(', ')})`;
  });
  const names = partitionFields.map((_, at) => `v${at}`);
  return `select ${values.join(', ')} from ${from} join (values ${rows.join(', ')}) p(file, ${names.join(', ')}) on p.file = f.${FILE}`;
}

/** The engine's call that reads the files. Nothing is guessed from a sample: all rows decide about types. */
function reader(
  { format, csv }: FilesTableOptions,
  files: readonly SourceFile[],
  typed: readonly Field[],
  fileColumn?: string,
): string {
  const types = typed
    .filter(({ type }) => type.kind !== 'unsupported')
    .map(({ name, type }) => `${quoteLiteral(name)}: ${quoteLiteral(duckDbType(type))}`);
  const common = ['union_by_name = true', 'hive_partitioning = false', 'sample_size = -1'];
  if (fileColumn !== undefined) common.push(`filename = ${quoteLiteral(fileColumn)}`);
  const list = fileList(files.map(({ data }) => data));
  const given = format === 'csv' ? csvArguments(csv) : [];
  if (types.length > 0) given.push(`${format === 'csv' ? 'types' : 'columns'} = {${types.join(', ')}}`);
  // Without a header, names can only come from the settings.
  if (csv.header === false && typed.length > 0)
    given.push(`names = [${typed.map(({ name }) => quoteLiteral(name)).join(', ')}]`);
  return `${format === 'csv' ? 'read_csv' : 'read_json'}(${[list, ...common, ...given].join(', ')})`;
}

function csvArguments({ header, delimiter, quote, escape: escapeText, null: nullText }: CsvOptions): string[] {
  const texts = { delim: delimiter, quote, escape: escapeText, nullstr: nullText };
  const given = Object.entries(texts).flatMap(([name, text]) => {
    return text === undefined ? [] : [`${name} = ${quoteLiteral(text)}`];
  });
  return header === undefined ? given : [`header = ${header}`, ...given];
}
