import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';

const NO_ROOM_ON_DISK = /failed to offload|max_temp_directory_size|No space left on device/;

/** ENGINE_OUT_OF_MEMORY or ENGINE_DISK_FULL, if that is what the engine's error says; else null. */
export function explainEngineLimit(error: unknown, source: string): SyncedTablesError | null {
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
