import { syncedTablesError } from '../../../core/errors.js';
import { canonicalScheme } from '../../storage/storage-url.js';

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s;
const AUTHORITY = /^\/\/([^/]*)(.*)$/s;

/**
 * The file that a `path` of the log names, as a decoded absolute path of the store. Percent escapes are decoded
 * once and in the path part only; `+` stays a plus. `/a/b`, `file:/a/b` and `file:///a/b` give the same text, so
 * the result is the canonical path of log replay (protocol: "Action Reconciliation").
 * @param root the table's folder as `canonicalRoot` gives it
 * @param logFile the file of the log in which it is written, for messages
 * @throws DELTA_LOG_CORRUPT if the escapes are broken
 */
export function resolveLogPath(options: {
  root: string;
  reference: string;
  tableName: string;
  logFile?: string;
}): string {
  const { root, reference, tableName, logFile } = options;
  const corrupt = () =>
    syncedTablesError('DELTA_LOG_CORRUPT', {
      table: tableName,
      reason: `"${reference}"${logFile === undefined ? '' : ` in ${logFile}`} is not a valid path: its percent escapes are broken`,
    });
  const [, scheme, rest] = SCHEME.exec(reference) ?? [];
  if (scheme !== undefined && rest !== undefined) return resolveUri(canonicalScheme(scheme), rest, corrupt);
  const decoded = decode(reference, corrupt);
  const { origin, path } = splitOrigin(root);
  return origin + normalise(reference.startsWith('/') ? decoded : `${path}/${decoded}`);
}

/** `root` without a trailing slash, doubled slashes and dot segments. */
export function canonicalRoot(root: string): string {
  const { origin, path } = splitOrigin(root);
  const normalised = normalise(path);
  return origin + (normalised === '/' ? '' : normalised);
}

/** True if `path` is below the folder `root`; both canonical. */
export function isInside(root: string, path: string): boolean {
  return path.startsWith(`${root}/`);
}

function resolveUri(scheme: string, rest: string, corrupt: () => Error): string {
  const [, authority = '', path = rest] = AUTHORITY.exec(rest) ?? [];
  const decoded = normalise(decode(path, corrupt));
  if (scheme === 'file' && (authority === '' || authority === 'localhost')) return decoded;
  return `${scheme}://${authority}${decoded}`;
}

/** Splits `s3://bucket/a/b` into `s3://bucket` and `/a/b`; a plain path has the origin ''. */
function splitOrigin(root: string): { origin: string; path: string } {
  const [, origin, path] = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]*)(.*)$/s.exec(root) ?? [];
  return origin === undefined || path === undefined ? { origin: '', path: root } : { origin, path };
}

function decode(text: string, corrupt: () => Error): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw corrupt();
  }
  if (decoded.includes('\0')) throw corrupt();
  return decoded;
}

/** Works on decoded text, so that an escaped `..` cannot slip through the check against the table's folder. */
function normalise(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return `/${segments.join('/')}`;
}
