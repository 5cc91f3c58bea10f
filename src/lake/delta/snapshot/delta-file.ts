import type { Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import { deletionVectorPath } from '../deletion-vectors/deletion-vector-path.js';
import type { DeletionVectorDescriptor, FileAction } from '../log/action.js';
import { isInside } from '../log/log-path.js';

/** A data file of a snapshot. */
export interface DeltaFile {
  /** Absolute, decoded path of the store. */
  readonly path: string;
  /** As the log says; null if it does not. */
  readonly sizeBytes: number | null;
  /**
   * Text of every partition column by physical name. Empty strings and missing keys of the log, which mean null, are
   * null here already (protocol: "Partition Value Serialization").
   */
  readonly partitionValues: ReadonlyMap<string, string | null>;
  readonly deletionVector: DeletionVectorDescriptor | null;
}

const NO_PARTITIONS: ReadonlyMap<string, string | null> = new Map();

/**
 * Translates an add action.
 * @param options.path canonical path of the file
 * @param options.partitionFields the partition columns
 * @throws DELTA_LOG_CORRUPT if a file of a partitioned table has no partition values at all
 */
export function toDeltaFile(options: {
  add: Pick<FileAction, 'sizeBytes' | 'partitionValues' | 'deletionVector'>;
  path: string;
  partitionFields: readonly Field[];
  tableName: string;
}): DeltaFile {
  const { add, path, partitionFields, tableName } = options;
  const { sizeBytes, deletionVector } = add;
  if (partitionFields.length === 0) return { path, sizeBytes, partitionValues: NO_PARTITIONS, deletionVector };
  const texts = add.partitionValues;
  if (texts === null) {
    const reason = `${path} has no partition values although the table is partitioned`;
    throw syncedTablesError('DELTA_LOG_CORRUPT', { table: tableName, reason });
  }
  const partitionValues = new Map(
    partitionFields.map(({ physicalName }) => [physicalName, texts.get(physicalName) || null]),
  );
  return { path, sizeBytes, partitionValues, deletionVector };
}

/**
 * Refuses a file whose data or deletion vector is outside the table's folder. Only for files that are read: what an old
 * commit added and a later one removed may have been anywhere.
 * @param options.root canonical
 * @throws SOURCE_PATH_OUTSIDE
 */
export function requireInside(options: { root: string; tableName: string; file: DeltaFile }): void {
  const { root, tableName, file } = options;
  const descriptor = file.deletionVector;
  const vectorPath = descriptor && deletionVectorPath({ root, tableName, descriptor });
  for (const path of [file.path, vectorPath]) {
    if (path !== null && !isInside(root, path))
      throw syncedTablesError('SOURCE_PATH_OUTSIDE', { table: tableName, path, folder: 'its own folder' });
  }
}
