import type { SourceDetails } from '../../source-details.js';
import type { SourceDescription } from '../../source-snapshot.js';
import type { ContentFile } from '../manifests/content-file.js';
import { ancestry, positionOf, type TableMetadata } from '../metadata/table-metadata.js';
import { type IcebergSnapshot, toSnapshot } from './iceberg-snapshot.js';
import { currentSchema, type StateOptions, withState } from './table-state.js';

const COMMITS_MAX = 10;

/** What the metadata of an Iceberg table says about it, apart from its files. */
export interface IcebergDescription extends SourceDescription {
  /** Columns whose own values partition the table. */
  readonly partitionColumns: readonly string[];
  /** Comments by column. */
  readonly comments: ReadonlyMap<string, string>;
  /** Columns that are said to identify a row; none if nothing is said. */
  readonly identifierColumns: readonly string[];
  /** Table properties. */
  readonly properties: ReadonlyMap<string, string>;
}

/**
 * Describes the newest state of a table by one file, its metadata.
 * @throws what `withState` throws
 */
export function describeIcebergTable(options: StateOptions): Promise<IcebergDescription> {
  return withState(options, undefined, async ({ metadata }) => describeMetadata(metadata, options.tableName));
}

/**
 * What metadata says of the newest state of a table.
 * @throws ICEBERG_METADATA_CORRUPT, ICEBERG_UNSUPPORTED_FEATURE
 */
export function describeMetadata(metadata: TableMetadata, tableName: string): IcebergDescription {
  const schema = currentSchema(metadata, tableName);
  const partitioned = metadata.defaultSpec.fields.flatMap(({ sourceId, transform }) => {
    return transform === 'identity' ? schema.columns.filter(({ fieldId }) => fieldId === sourceId) : [];
  });
  return {
    tableName,
    tableId: metadata.tableId,
    columns: schema.columns,
    partitionColumns: partitioned.map(({ name }) => name),
    comments: schema.comments,
    identifierColumns: schema.identifierColumns,
    properties: metadata.properties,
  };
}

/**
 * Reads what the metadata of a table tells people of its newest snapshot; no data file is touched.
 * @throws what `openIcebergSnapshot` throws
 */
export function readIcebergDetails(options: StateOptions): Promise<SourceDetails> {
  return withState(options, undefined, async (state) => {
    const snapshot = await toSnapshot(state, options);
    const { partitionColumns, comments, properties } = describeMetadata(state.metadata, options.tableName);
    const { snapshots, current } = state.metadata;
    return {
      snapshot: withoutFiles(snapshot),
      format: 'ICEBERG',
      location: options.root,
      positionWord: 'version' as const,
      statedRowCount: statedRowCount(snapshot),
      fileCount: snapshot.dataFiles.length,
      features: featuresOf(snapshot),
      properties,
      partitionColumns,
      comments,
      commits: ancestry(snapshots, current)
        .slice(0, COMMITS_MAX)
        .map((entry) => ({
          version: positionOf(entry),
          committedAtMs: entry.committedAtMs,
          operation: entry.operation,
        })),
    };
  });
}

/** Details are kept for a while; of a table with a million files, those would be most of them. */
function withoutFiles({ dataFiles, deleteFiles, state, ...snapshot }: IcebergSnapshot) {
  return snapshot;
}

/** Rows of the files less those deleted by their positions; null if others are deleted by equality. */
function statedRowCount({ dataFiles, deleteFiles }: IcebergSnapshot): bigint | null {
  if (deleteFiles.some(({ content }) => content === 'equalityDeletes')) return null;
  const total = (files: readonly ContentFile[]) => files.reduce((sum, file) => sum + file.recordCount, 0n);
  return total(dataFiles) - total(deleteFiles);
}

function featuresOf({ state, deleteFiles }: IcebergSnapshot): string[] {
  const kinds = deleteFiles.map(({ content, blob }) => {
    if (content === 'equalityDeletes') return 'equalityDeletes';
    return blob === null ? 'positionDeletes' : 'deletionVectors';
  });
  return [`format version ${state.metadata.formatVersion}`, ...[...new Set(kinds)].sort()];
}
