import type { Field } from '../../../core/data-type.js';
import { asSyncedTablesError } from '../../../core/errors.js';
import type { FileBounds } from '../../data-files/stated-bounds.js';
import type { Engine } from '../../engine/duckdb-engine.js';
import { duckDbCheckpointReader } from '../log/duckdb-checkpoint-reader.js';
import { fileKey } from '../log/log-replay.js';
import type { DeltaFile } from './delta-file.js';
import { type DeltaSnapshot, type OpenDeltaSnapshotOptions, openTableState } from './delta-snapshot.js';

/** What the log states of some columns of files, in the order of the files; null where it states nothing. */
export type StatisticsReader = (
  snapshot: DeltaSnapshot,
  files: readonly DeltaFile[],
  fields: readonly Field[],
) => Promise<readonly (FileBounds | null)[]>;

/** The log may be cleaned up after a snapshot was read: then nothing is known of its files, which are still there. */
const GONE: ReadonlySet<string> = new Set([
  'DELTA_VERSION_NOT_FOUND',
  'DELTA_LOG_GAP',
  'SOURCE_FILE_MISSING',
  'SOURCE_FILE_CHANGED',
]);

/**
 * Reads statistics out of the log, which is read once more for them: most tables are read without, and what is stated of
 * all columns of all files would take more memory than all else that is known of a large table.
 */
export function logStatistics(
  engine: Engine,
  options: Pick<OpenDeltaSnapshotOptions, 'store' | 'root' | 'tableName'>,
): StatisticsReader {
  return async ({ version }, files, fields) => {
    const { store } = options;
    const connection = await engine.connect();
    try {
      const { scratchFolder } = engine;
      const readCheckpoint = duckDbCheckpointReader(connection, { store, scratchFolder, statisticsOf: fields });
      const state = await openTableState({ ...options, version, readCheckpoint, statisticsOf: fields });
      const stated = new Map(
        state.files.map(({ path, add }) => [fileKey(path, add.deletionVector), add.bounds ?? null]),
      );
      return files.map(({ path, deletionVector }) => stated.get(fileKey(path, deletionVector)) ?? null);
    } catch (error) {
      if (GONE.has(asSyncedTablesError(error)?.code ?? '')) return files.map(() => null);
      throw error;
    } finally {
      connection.closeSync();
    }
  };
}
