import { setTimeout as sleep } from 'node:timers/promises';
import { asSyncedTablesError, syncedTablesError } from '../../../core/errors.js';
import { type FileStat, type FileStore, isSameFile } from '../../storage/file-store.js';
import { TextCutShort } from './parse-action.js';

/** What a commit file was when it was read. */
export interface CommitReading {
  readonly path: string;
  readonly stat: FileStat;
  /** True if it names no file and changes nothing: with a little bad luck all that was read is its first line. */
  readonly isEmpty: boolean;
}

/** A writer may be in the middle of the newest commit: pauses between the attempts to read it, 0.6 s in total. */
const RETRY_DELAYS_MS = [10, 20, 40, 80, 150, 300];
/** So long a commit without content is not written to before it is believed. Nobody waits for its rows. */
const QUIET_MS = 1_000;
/** So long a commit that breaks off counts as being written. */
const YOUNG_MS = 60_000;

/** Whether a commit may still be written: only on a disk is a file seen before it is whole, and only for a while. */
export function isYoung(stat: FileStat): boolean {
  return stat.mayGrow !== undefined && Math.abs(ageMs(stat)) < YOUNG_MS;
}

function ageMs(stat: FileStat): number {
  return Date.now() - stat.modifiedAtMs;
}

/**
 * Reads the newest commit until it is whole as far as one can see: a file of the disk may have its name before all of
 * its content, for example while a folder is copied.
 * @param read null if there is no such commit
 * @throws DELTA_COMMIT_INCOMPLETE if it breaks off and is young, otherwise what `read` throws
 */
export async function readUntilWhole<Reading extends CommitReading>(
  { store, path, tableName }: { readonly store: FileStore; readonly path: string; readonly tableName: string },
  read: () => Promise<Reading | null>,
): Promise<Reading | null> {
  for (let attempt = 0; ; attempt++) {
    try {
      const reading = await read();
      if (reading === null || (await isSettled(store, path, reading))) return reading;
      throw syncedTablesError('SOURCE_FILE_CHANGED', { file: path });
    } catch (error) {
      if (!isUnfinished(error)) throw error;
      const delayMs = RETRY_DELAYS_MS[attempt];
      if (delayMs === undefined) throw await explainUnfinished(store, path, { tableName, error });
      await sleep(delayMs);
    }
  }
}

/** Waits for what else may come where all that was read looks like a first line. */
async function isSettled(store: FileStore, path: string, { stat, isEmpty }: CommitReading): Promise<boolean> {
  if (!isEmpty || stat.mayGrow !== true || !isYoung(stat)) return true;
  await sleep(Math.min(QUIET_MS, Math.max(0, QUIET_MS - ageMs(stat))));
  return isSameFile(stat, await store.stat(path));
}

function isUnfinished(error: unknown): boolean {
  return asSyncedTablesError(error)?.code === 'SOURCE_FILE_CHANGED' || cutOf(error) !== null;
}

function cutOf(error: unknown): TextCutShort | null {
  const cause = asSyncedTablesError(error)?.cause;
  return cause instanceof TextCutShort ? cause : null;
}

async function explainUnfinished(
  store: FileStore,
  path: string,
  { tableName, error }: { readonly tableName: string; readonly error: unknown },
): Promise<unknown> {
  const cut = cutOf(error);
  const stat = cut === null ? null : await store.stat(path);
  if (cut === null || stat === null || !isYoung(stat)) return error;
  return syncedTablesError('DELTA_COMMIT_INCOMPLETE', { table: tableName, reason: cut.message }, error);
}
