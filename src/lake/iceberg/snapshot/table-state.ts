import { createHash } from 'node:crypto';
import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import type { IcebergTableOptions } from '../iceberg-table-options.js';
import { filePaths } from '../metadata/file-paths.js';
import {
  ancestry,
  positionOf,
  type SchemaJson,
  type SnapshotEntry,
  type TableMetadata,
} from '../metadata/table-metadata.js';
import {
  type IcebergSchema,
  MalformedSchema,
  parseIcebergSchema,
  UnsupportedSchema,
} from '../schema/iceberg-schema.js';
import { type MappedField, NAME_MAPPING, parseNameMapping } from '../schema/name-mapping.js';

/** What the metadata of a table says at one snapshot. */
export interface IcebergState {
  readonly metadata: TableMetadata;
  /** Null for a table that was never written to. */
  readonly entry: SnapshotEntry | null;
  readonly schema: IcebergSchema;
  /** Which columns those of files without field ids are; null if the table does not say. */
  readonly nameMapping: readonly MappedField[] | null;
  /** Path of the store for what the metadata calls a file. */
  readonly pathOf: (stated: string) => string;
  /** `SourceSnapshot.bookmark` */
  readonly bookmark: string;
}

/** How often the metadata is looked up again because a file of it has gone meanwhile. */
const READS_LIMIT = 3;

export type StateOptions = Omit<IcebergTableOptions, 'engine' | 'rowsAtOnce' | 'spool' | 'commitsByFile'>;

/**
 * Reads the newest metadata of a table and hands it to `use`, again if what it names vanishes meanwhile: snapshots
 * expire while they are read.
 * @param position of a snapshot that is wanted; by default the current one
 * @throws SOURCE_TABLE_NOT_FOUND, ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE, ICEBERG_SNAPSHOT_NOT_FOUND,
 *   SOURCE_FILE_MISSING
 */
export async function withState<Result>(
  options: StateOptions,
  position: bigint | undefined,
  use: (state: IcebergState) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await use(stateAt(await options.load(), position, options));
    } catch (error) {
      const isGone = asSyncedTablesError(error)?.code === 'SOURCE_FILE_MISSING';
      if (!isGone || attempt === READS_LIMIT) throw error;
    }
  }
}

/**
 * The columns that the current schema declares.
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE
 */
export function currentSchema({ currentSchema: json, file }: TableMetadata, tableName: string): IcebergSchema {
  return naming({ file, tableName }, () => parseIcebergSchema(json));
}

function stateAt(metadata: TableMetadata, position: bigint | undefined, options: StateOptions): IcebergState {
  const { root, tableName, allowOutsidePaths } = options;
  const { location, file } = metadata;
  const entry = position === undefined ? metadata.current : snapshotAt(metadata, position, tableName);
  const json = schemaOf(metadata, entry);
  const schema = naming({ file, tableName }, () => parseIcebergSchema(json));
  const mappingText = metadata.properties.get(NAME_MAPPING);
  const nameMapping = mappingText === undefined ? null : parseNameMapping(mappingText);
  if (mappingText !== undefined && nameMapping === null) {
    const reason = `its property ${NAME_MAPPING} is no name mapping`;
    throw syncedTablesError('ICEBERG_METADATA_CORRUPT', { file, table: tableName, reason });
  }
  return {
    metadata,
    entry,
    schema,
    nameMapping,
    pathOf: filePaths({ root, location, tableName, allowOutsidePaths }),
    bookmark: bookmarkOf(entry, json, mappingText ?? ''),
  };
}

/** The current snapshot shows the current columns, which may be newer; an earlier one its own. */
function schemaOf(metadata: TableMetadata, entry: SnapshotEntry | null): SchemaJson {
  if (entry === null || entry === metadata.current || entry.schemaId === null) return metadata.currentSchema;
  return metadata.schemas.get(entry.schemaId) ?? metadata.currentSchema;
}

function snapshotAt(metadata: TableMetadata, position: bigint, table: string): SnapshotEntry | null {
  const { current, snapshots } = metadata;
  if (current === null && position === NO_SNAPSHOT) return null;
  const line = ancestry(snapshots, current);
  const found = [...line, ...snapshots].find((entry) => positionOf(entry) === position);
  if (found) return found;
  const latest = current === null ? 'none' : positionOf(current);
  throw syncedTablesError('ICEBERG_SNAPSHOT_NOT_FOUND', { table, version: position, latest });
}

/** The position of a table that was never written to. */
export const NO_SNAPSHOT = 0n;

/** The id of the snapshot that a bookmark is of; null for that of a table that was never written to. */
export function bookmarkedSnapshot(bookmark: string): bigint | null {
  const [, id = 'empty'] = bookmark.split(' ');
  return id === 'empty' ? null : BigInt(id);
}

/**
 * The columns of a bookmark, which may have been changed later than its snapshot was made.
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE
 * @returns null if no schema of the table has them under the names that files have now
 */
export function bookmarkedSchema(
  bookmark: string,
  entry: SnapshotEntry | null,
  { metadata }: IcebergState,
  tableName: string,
): IcebergSchema | null {
  const { schemas, currentSchema, properties, file } = metadata;
  const mapping = properties.get(NAME_MAPPING) ?? '';
  const found = [currentSchema, ...schemas.values()].find((json) => bookmarkOf(entry, json, mapping) === bookmark);
  return found === undefined ? null : naming({ file, tableName }, () => parseIcebergSchema(found));
}

/**
 * The columns that a snapshot was made with, as far as it says so; else the current ones.
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE
 */
export function schemaAt(metadata: TableMetadata, entry: SnapshotEntry | null, tableName: string): IcebergSchema {
  const json = schemaOf(metadata, entry);
  return naming({ file: metadata.file, tableName }, () => parseIcebergSchema(json));
}

/** Columns can change, and their names in files too, without a new snapshot. */
function bookmarkOf(entry: SnapshotEntry | null, schema: SchemaJson, nameMapping: string): string {
  const hash = createHash('sha256').update(JSON.stringify(schema)).update('\0').update(nameMapping).digest('hex');
  return `iceberg ${entry?.id ?? 'empty'} ${hash.slice(0, 32)}`;
}

/** @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE in place of what a schema throws */
export function naming<Result>(named: { file: string; tableName: string }, parse: () => Result): Result {
  const { file, tableName: table } = named;
  try {
    return parse();
  } catch (error) {
    if (error instanceof MalformedSchema) {
      throw syncedTablesError('ICEBERG_METADATA_CORRUPT', { file, table, reason: error.message }, error);
    }
    if (!(error instanceof UnsupportedSchema)) throw error;
    throw syncedTablesError('ICEBERG_UNSUPPORTED_FEATURE', { file, table, feature: error.message }, error);
  }
}
