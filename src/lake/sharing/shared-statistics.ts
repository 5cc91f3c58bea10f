import { asSyncedTablesError } from '../../core/errors.js';
import { fileKey } from '../delta/log/log-replay.js';
import type { StatisticsReader } from '../delta/snapshot/read-statistics.js';
import { liveFilesOf } from './shared-snapshot.js';
import type { SharedTableApi } from './shared-table-api.js';

/**
 * Reads what a server states of files, which is asked for their statistics once more, as the log of a table in its place is
 * read once more. Whatever version it answers with by now: a file that it still names, of the same table, with the same
 * deleted rows and of the same size, is the same file. Of others nothing is known.
 */
export function sharedStatistics(options: {
  readonly api: SharedTableApi;
  readonly root: string;
  readonly tableName: string;
}): StatisticsReader {
  return async ({ tableId }, files, fields) => {
    const unknown = files.map(() => null);
    const answer = await options.api.query({}, fields).catch((error: unknown) => {
      // Asked a moment ago, it gave files: whatever it minds now, reading the rows meets it or goes without.
      if (asSyncedTablesError(error)?.code === 'SHARING_REQUEST_REFUSED') return null;
      throw error;
    });
    if (answer === null || answer.metadata[0]?.action.id !== tableId) return unknown;
    const live = await liveFilesOf(answer, options);
    const stated = new Map(live.map(({ path, add }) => [fileKey(path, add.deletionVector), add]));
    return files.map(({ path, deletionVector, sizeBytes }) => {
      const add = stated.get(fileKey(path, deletionVector));
      return add?.sizeBytes === sizeBytes ? (add.bounds ?? null) : null;
    });
  };
}
