import { realpath } from 'node:fs/promises';
import { syncedTablesError } from '../../core/errors.js';

/** The folder that files of the local disk must really be in, wherever links lead (docs/decisions/0019). */
export interface Confinement {
  /** May be reached by links itself. */
  readonly folder: string;
  /** For messages. */
  readonly tableName: string;
}

/**
 * Makes a function that finds the real path of a file or folder.
 * @returns throws SOURCE_PATH_OUTSIDE, and what the system says if there is none
 */
export function confine({ folder, tableName }: Confinement): (path: string) => Promise<string> {
  // The folder may be a link that comes to lead elsewhere: looked at again before anything is refused.
  let root: string | null = null;
  return async (path) => {
    for (let attempt = 1; attempt <= 2; attempt++) {
      const real = await realpath(path);
      if (root !== null && isWithin(root, real)) return real;
      root = await realpath(folder);
      if (isWithin(root, real)) return real;
    }
    const real = await realpath(path);
    const reached = real === path ? path : `${path}, a link to ${real}`;
    throw syncedTablesError('SOURCE_PATH_OUTSIDE', { table: tableName, path: reached, folder });
  };
}

function isWithin(root: string, real: string): boolean {
  return root === '/' || real === root || real.startsWith(`${root}/`);
}
