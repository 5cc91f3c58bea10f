import { syncedTablesError } from '../../../core/errors.js';
import { canonicalScheme, isStorageUrl } from '../../storage/storage-url.js';

export interface FilePathsOptions {
  /** The table's folder: an absolute path of the store. */
  readonly root: string;
  /** Where the metadata says that the table is: elsewhere, if the folder was moved or copied. */
  readonly location: string;
  readonly tableName: string;
  readonly allowOutsidePaths: boolean;
}

/**
 * Makes a function that finds files of a table in its store by what the metadata calls them: the writer's own prefix,
 * absolute, relative, or of another scheme for the same store, becomes the table's folder.
 * @returns throws SOURCE_PATH_OUTSIDE for a file outside the folder, unless those may be read
 */
export function filePaths({
  root,
  location,
  tableName,
  allowOutsidePaths,
}: FilePathsOptions): (stated: string) => string {
  const prefix = `${plainPath(location)}/`;
  return (stated) => {
    const plain = plainPath(stated);
    const isBelow = plain.startsWith(prefix);
    const path = withoutDots(isBelow ? `${root}/${plain.slice(prefix.length)}` : plain);
    const isInside = path?.startsWith(`${root === '/' ? '' : root}/`) ?? false;
    const isWhole = path !== null && (path.startsWith('/') || isStorageUrl(path));
    if (path !== null && (isInside || (isWhole && allowOutsidePaths))) return path;
    throw syncedTablesError('SOURCE_PATH_OUTSIDE', { table: tableName, path: stated, folder: 'its own folder' });
  };
}

/** One form for all that name the same place: paths of Iceberg are not escaped. */
function plainPath(text: string): string {
  const file = /^file:(?:\/\/(?:localhost)?(?=\/))?(\/.*)$/s.exec(text)?.[1];
  if (file !== undefined) return file.replace(/^\/+/, '/');
  if (!isStorageUrl(text)) return text;
  const [scheme = '', rest = ''] = splitAt(text, text.indexOf('://'));
  return canonicalScheme(scheme) + rest;
}

function splitAt(text: string, index: number): [string, string] {
  return [text.slice(0, index), text.slice(index)];
}

/** Null if it leads above where it begins. */
function withoutDots(path: string): string | null {
  if (!/(^|\/)\.\.?(\/|$)/.test(path)) return path;
  const [, start = '', rest = ''] = /^([a-z0-9+.-]+:\/\/[^/]*\/|\/)?(.*)$/is.exec(path) ?? [];
  const parts: string[] = [];
  for (const part of rest.split('/')) {
    if (part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return start + parts.join('/');
}
