import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The folder of lakehouse tables that other writers made, kept beside the repository; null where it is missing, and
 * tests that need it are then skipped with a note.
 */
export function sharedData(): string | null {
  const folder = path.resolve(import.meta.dirname, '../../../shared/data');
  return existsSync(folder) ? folder : null;
}
