import { syncedTablesError } from '../../core/errors.js';

/** Where a path leads: `home` is the folder of the caller, `shared` that of all who may create synced tables. */
type Area = 'root' | 'users' | 'home' | 'shared';

/** A path of a request, as far as it concerns the caller. */
export interface WorkspacePath {
  /** As it was written, without doubled and trailing slashes. */
  readonly shown: string;
  readonly area: Area;
  /** Names of folders and file below the area. */
  readonly below: readonly string[];
}

/** The prefix that clients may write before any path; it makes no difference. */
const MOUNT = '/Workspace';
const PATH_BYTES_MAX = 2_000;
/** What common file systems take. */
const NAME_BYTES_MAX = 255;
const DEPTH_MAX = 50;
/** Control characters, and halves of characters, which no file name can hold. */
const UNFIT = /[\p{Cc}\p{Cs}]/u;

/**
 * Reads a path of a request.
 * @param callerName whose home it may lead into; homes of others are treated as if they were not there
 * @throws WORKSPACE_PATH_INVALID, WORKSPACE_PATH_NOT_FOUND
 */
export function parseWorkspacePath(given: string, callerName: string): WorkspacePath {
  const invalid = (reason: string) => syncedTablesError('WORKSPACE_PATH_INVALID', { path: printable(given), reason });
  if (!given.startsWith('/')) throw invalid('it does not begin with /');
  if (Buffer.byteLength(given) > PATH_BYTES_MAX) throw invalid(`it is longer than ${PATH_BYTES_MAX} bytes`);
  if (UNFIT.test(given)) throw invalid('it holds a character that no file name can have');
  const shown = given.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '');
  const plain = shown === MOUNT ? '/' : shown.startsWith(`${MOUNT}/`) ? shown.slice(MOUNT.length) : shown;
  const parts = plain.split('/').filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..')) throw invalid('. and .. are not followed');
  const found = placeOf(plain, callerName);
  if (found === null) throw syncedTablesError('WORKSPACE_PATH_NOT_FOUND', { path: printable(shown) });
  const below = found.rest.split('/').filter((part) => part !== '');
  if (below.length > DEPTH_MAX) throw invalid(`it is deeper than ${DEPTH_MAX} folders`);
  if (below.some((part) => Buffer.byteLength(part) > NAME_BYTES_MAX)) {
    throw invalid(`one of its names is longer than ${NAME_BYTES_MAX} bytes`);
  }
  return { shown, area: found.area, below };
}

/** Whether a path leads into the folder that all may write to who may create synced tables. */
export function isSharedPath(given: string): boolean {
  return /^\/+(Workspace\/+)?Shared(\/|$)/.test(given);
}

function placeOf(plain: string, callerName: string): { readonly area: Area; readonly rest: string } | null {
  if (plain === '/') return { area: 'root', rest: '' };
  if (plain === '/Users') return { area: 'users', rest: '' };
  for (const [area, top] of [
    ['home', `/Users/${callerName}`],
    ['shared', '/Shared'],
  ] as const) {
    if (plain === top) return { area, rest: '' };
    if (plain.startsWith(`${top}/`)) return { area, rest: plain.slice(top.length + 1) };
  }
  return null;
}

/** The folder of a caller's home, a single name whatever the name of the caller is made of. */
export function homeFolderOf(callerName: string): string {
  return callerName.replace(/[%/\p{Cc}]|^\.+$/gu, (odd) => encodeURIComponent(odd).replaceAll('.', '%2E'));
}

function printable(path: string): string {
  return path.replace(/[\p{Cc}\p{Cs}]/gu, '\ufffd').slice(0, PATH_BYTES_MAX);
}
