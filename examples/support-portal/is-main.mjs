import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Whether the module of this address (import.meta.url) is the program that Node was started with. */
export function isMain(moduleUrl) {
  try {
    // The way to it may have links, as node_modules has.
    return realpathSync(process.argv[1] ?? '') === fileURLToPath(moduleUrl);
  } catch {
    return false; // no file: node -e
  }
}
