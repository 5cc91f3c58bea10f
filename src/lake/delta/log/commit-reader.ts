import { TextDecoder } from 'node:util';
import type { Field } from '../../../core/data-type.js';
import { syncedTablesError } from '../../../core/errors.js';
import type { FileStore } from '../../storage/file-store.js';
import type { Action } from './action.js';
import { readLines } from './log-lines.js';
import { ActionFormatError, parseActions, TextCutShort } from './parse-action.js';

/**
 * The actions of a newline-delimited JSON file of the log (commit, compaction, v2 checkpoint), line by line. A file
 * without lines is refused: every writer puts something into a commit, so this one was truncated.
 * @param options.name the file's name in `_delta_log`, for messages
 * @throws DELTA_LOG_CORRUPT naming file and line, caused by TextCutShort if the end of the file may be missing;
 *   LogFileVanished if there is no such file
 */
export async function* readJsonActions(options: {
  store: FileStore;
  path: string;
  name: string;
  tableName: string;
  /** The result of `readBeginning`, if it was called earlier. */
  beginning?: Promise<Buffer | null>;
  /** Columns for which the statistics of files are read. */
  statisticsOf?: readonly Field[];
}): AsyncGenerator<Action> {
  const { store, path, name, tableName, beginning, statisticsOf } = options;
  const corrupt = (reason: string, isCutShort: boolean) =>
    syncedTablesError(
      'DELTA_LOG_CORRUPT',
      { table: tableName, reason },
      isCutShort ? new TextCutShort(reason) : undefined,
    );
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let lastLine = 0;
  let isEnded = true;
  try {
    for await (const line of readLines(store, path, beginning)) {
      lastLine = line.number;
      isEnded = line.isEnded;
      yield* parseActions(decodeText(decoder, line.bytes), statisticsOf);
    }
  } catch (error) {
    if (!(error instanceof ActionFormatError)) throw error;
    // A line with an end is whole: what is wrong with it stays wrong.
    const isCutShort = !isEnded && error instanceof TextCutShort;
    throw corrupt(`line ${lastLine} of ${name} cannot be read: ${error.message}`, isCutShort);
  }
  if (lastLine === 0) throw corrupt(`${name} is empty`, true);
}

function decodeText(decoder: TextDecoder, bytes: Buffer): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new TextCutShort('it is not UTF-8 text');
  }
}
