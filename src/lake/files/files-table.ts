import { createHash } from 'node:crypto';
import type { Field } from '../../core/data-type.js';
import { syncedTablesError } from '../../core/errors.js';
import { watchedEngine } from '../engine/watched-engine.js';
import type { LakeTable } from '../lake-table.js';
import type { Relation } from '../relation/relation.js';
import type { SourceDetails } from '../source-details.js';
import { type FilesDefinition, type FilesSnapshot, type FilesTableOptions, isSameName } from './files-options.js';
import { type FoundFile, findFiles } from './find-files.js';
import { openParquetFiles, parquetColumns } from './parquet-files.js';
import { openTextFiles, textColumns } from './text-files.js';

/**
 * A table that is nothing but files: its rows are those that the files have when they are listed. Its version is the time
 * in milliseconds of the file that changed last, and its bookmark what tells the same files from others.
 */
export function openFilesTable(given: FilesTableOptions): LakeTable {
  const { whileAnswering } = given.store;
  const options = whileAnswering ? { ...given, engine: watchedEngine(given.engine, whileAnswering) } : given;
  const { tableName, engine, declared, format } = options;

  async function snapshotNow(): Promise<FilesSnapshot> {
    const files = await findFiles(options);
    const committedAtMs = Math.floor(Math.max(...files.map(({ stat }) => stat.modifiedAtMs)));
    const found = format === 'parquet' ? await parquetColumns(options, files) : await textColumns(options, files);
    const partitionFields = partitionFieldsOf(options, files, found);
    const partitionOf = (field: Field) => partitionFields.find((partition) => isSameName(partition, field));
    const columns = options.columns?.map((field) => partitionOf(field) ?? field) ?? [
      ...found.filter((field) => !partitionOf(field)),
      ...partitionFields,
    ];
    requireNamed(options, columns, [...found, ...partitionFields]);
    return {
      tableName,
      version: BigInt(committedAtMs),
      committedAtMs,
      tableId: identify([options.root, options.path, format, JSON.stringify(options.csv), JSON.stringify(columns)]),
      columns,
      rowCount: null,
      sizeBytes: files.reduce((bytes, { stat }) => bytes + BigInt(stat.sizeBytes), 0n),
      bookmark: identify(files.map(fingerprint)),
      files,
      partitionFields: columns.filter(partitionOf),
    };
  }

  return {
    name: tableName,
    engine,
    changeFeed: null,
    ...(whileAnswering ? { whileAnswering } : {}),
    ...(declared === undefined ? {} : { declared }),
    // An older one is gone: whether these files are the same, their bookmark says.
    snapshot: () => snapshotNow(),
    async describe() {
      const { tableId, columns } = await snapshotNow();
      return { tableName, tableId, columns };
    },
    async details(): Promise<SourceDetails> {
      const { files, partitionFields, ...snapshot } = await snapshotNow();
      return {
        snapshot,
        format: format.toUpperCase(),
        location: `${options.root}/${options.path}`,
        positionWord: null,
        statedRowCount: null,
        fileCount: files.length,
        features: [],
        properties: new Map(),
        partitionColumns: partitionFields.map(({ name }) => name),
        comments: new Map(),
        commits: [],
      };
    },
    openRelation(snapshot, parts, hint): Promise<Relation> {
      // Callers pass back only snapshots of this same table.
      const files = snapshot as FilesSnapshot;
      return format === 'parquet' ? openParquetFiles(options, files, parts, hint) : openTextFiles(options, files);
    },
    readBy: (other, rowsAtOnce) => openFilesTable({ ...given, engine: other, rowsAtOnce }),
  };
}

/** Values of folders are texts, unless the settings give them a type. */
function partitionFieldsOf(
  { columns }: FilesDefinition,
  files: readonly FoundFile[],
  found: readonly Field[],
): Field[] {
  const names = [...(files[0]?.partitions.keys() ?? [])];
  return names.map((name) => {
    const field: Field = { name, type: { kind: 'string' }, nullable: true, physicalName: name };
    const given = columns?.find((column) => isSameName(column, field));
    // Where files hold the column as well, its type is known.
    const type = given?.type ?? found.find((column) => isSameName(column, field))?.type ?? field.type;
    return { ...field, name: given?.name ?? name, type };
  });
}

function requireNamed(
  { tableName, columns }: FilesTableOptions,
  wanted: readonly Field[],
  found: readonly Field[],
): void {
  const unknown = columns && wanted.find((field) => !found.some((column) => isSameName(column, field)));
  if (!unknown) return;
  const names = found.map(({ name }) => name).join(', ');
  const reason = `none has the column "${unknown.name}" of the settings; they have ${names}`;
  throw syncedTablesError('FILES_INVALID', { table: tableName, reason });
}

function fingerprint({ path, stat }: FoundFile): string {
  return `${path} ${stat.sizeBytes} ${stat.modifiedAtMs} ${stat.etag ?? ''}`;
}

function identify(texts: readonly string[]): string {
  return createHash('sha256').update(texts.join('\n')).digest('base64url');
}
