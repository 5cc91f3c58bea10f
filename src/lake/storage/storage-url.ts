import { syncedTablesError } from '../../core/errors.js';
import type { ObjectLocation } from './object-client.js';

/** The kinds of stores by the scheme of their URLs; several schemes are names for one. */
const SCHEMES: Readonly<Record<string, string>> = {
  s3: 's3',
  s3a: 's3',
  s3n: 's3',
  r2: 'r2',
  gs: 'gs',
  gcs: 'gs',
  abfss: 'abfss',
  abfs: 'abfss',
  wasbs: 'abfss',
  wasb: 'abfss',
};

/** One name for all schemes of a store, so that one location has one URL. Unknown schemes are unchanged. */
export function canonicalScheme(scheme: string): string {
  const lower = scheme.toLowerCase();
  return SCHEMES[lower] ?? lower;
}

/** True for anything that is not a path of the local disk. */
export function isStorageUrl(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]+:\/\//.test(text);
}

/** Splits a canonical URL of an object store; null for anything else. */
export function parseLocation(url: string): ObjectLocation | null {
  const [, scheme = '', authority = '', path = ''] = /^([a-z0-9+.-]+):\/\/([^/]+)\/?(.*)$/is.exec(url) ?? [];
  const canonical = canonicalScheme(scheme);
  if (authority === '' || !Object.values(SCHEMES).includes(canonical)) return null;
  return { scheme: canonical, authority, key: path };
}

/** @throws if `path` is not a URL of an object store; only canonical paths of a store get here */
export function requireLocation(path: string): ObjectLocation {
  const location = parseLocation(path);
  if (!location) throw new Error(`not a path of an object store: ${path}`);
  return location;
}

/**
 * A location from the settings or a catalog, in the form that stores accept: a decoded absolute path of the local disk
 * for `file:` URLs and folders, or the canonical URL of an object store without a trailing slash.
 * @throws STORAGE_URL_INVALID
 */
export function storagePath(url: string, tableName: string): string {
  const refuse = (reason: string) => syncedTablesError('STORAGE_URL_INVALID', { url, table: tableName, reason });
  const [, scheme = '', rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]+):(\/.*)$/s.exec(url) ?? [];
  if (scheme === '') return url;
  if (scheme.toLowerCase() === 'file') return localPath(rest, refuse);
  // Object names are unescaped in these URLs: neither stores nor catalogs escape them.
  const location = parseLocation(url);
  if (!location) throw refuse(`there is no store for ${scheme} URLs, or it names no bucket`);
  const key = location.key.replace(/\/+$/, '');
  return `${location.scheme}://${location.authority}${key === '' ? '' : `/${key}`}`;
}

function localPath(rest: string, refuse: (reason: string) => Error): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(rest);
  } catch {
    throw refuse('its percent escapes are broken');
  }
  const path = decoded.replace(/^\/\/(localhost)?(?=\/)/, '').replace(/^\/\/+/, '/');
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}
