import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { explainOpenFiles } from '../../core/reasons/open-files.js';
import { isSystemError } from '../../core/reasons/safe-reason.js';
import { isAboutScratch } from '../../lake/engine/scratch-folder.js';

const NO_ROOM_ON_DISK = /failed to offload|max_temp_directory_size|No space left on device/;

/** OPEN_FILES_LIMIT, ENGINE_OUT_OF_MEMORY, ENGINE_DISK_FULL or ENGINE_FOLDER_UNUSABLE, if that is what the error is about; else null. */
export function explainEngineLimit(error: unknown, source: string): SyncedTablesError | null {
  const files = explainOpenFiles(error);
  if (files !== null) return files;
  if (isSystemError(error) && isAboutScratch(error)) {
    const code = error.code === 'ENOSPC' ? 'ENGINE_DISK_FULL' : 'ENGINE_FOLDER_UNUSABLE';
    return syncedTablesError(code, { table: source, reason: error.message }, error);
  }
  const [message = ''] = (error instanceof Error ? error.message : '').split('\n');
  const isMemory = message.startsWith('Out of Memory Error: ');
  if (NO_ROOM_ON_DISK.test(message) && (isMemory || message.startsWith('IO Error: '))) {
    return syncedTablesError('ENGINE_DISK_FULL', { table: source, reason: reasonOf(message) }, error);
  }
  if (!isMemory) return null;
  return syncedTablesError('ENGINE_OUT_OF_MEMORY', { table: source, reason: reasonOf(message) }, error);
}

/** True if the engine had too little memory, whether or not the error was explained already. */
export function isOutOfMemory(error: unknown): boolean {
  return (asSyncedTablesError(error) ?? explainEngineLimit(error, ''))?.code === 'ENGINE_OUT_OF_MEMORY';
}

/** The engine's words without their class and the advice that may follow. */
function reasonOf(message: string): string {
  return message.replace(/^[\w ]+ Error: /, '').replace(/\.$/, '');
}
