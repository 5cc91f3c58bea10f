import type pg from 'pg';
import { parsePostgresUrl } from '../../core/postgres-url.js';

/**
 * Whether servers of a connection string offer TLS, as far as it was found out: with `prefer` and `allow` both are fine, and `pg`
 * does not try the other way by itself.
 */
const withoutTls = new Set<string>();
const withTls = new Set<string>();

/**
 * The connection string for `pg`, with libpq's meanings of `sslmode`: `require` encrypts and verifies nothing unless there is
 * a root certificate, `verify-ca` verifies all but the name.
 */
export function connectionString(url: string): string {
  const parsed = parsePostgresUrl(url);
  const mode = parsed?.searchParams.get('sslmode') ?? null;
  if (parsed === null || mode === null || mode === 'no-verify') return url;
  const plain = withoutTls.has(url) || (mode === 'allow' && !withTls.has(url));
  const meant = plain && (mode === 'allow' || mode === 'prefer') ? 'disable' : mode === 'allow' ? 'prefer' : mode;
  const rest = url.replace(/([?&])sslmode=[^&#]*/, `$1sslmode=${meant}`);
  return /[?&]uselibpqcompat=/.test(rest) ? rest : `${rest}&uselibpqcompat=true`;
}

/** Whether to try again in the other way, which is remembered then. */
export function triesOtherWay(url: string, error: unknown): boolean {
  const mode = parsePostgresUrl(url)?.searchParams.get('sslmode');
  const { message, code } = error as Partial<pg.DatabaseError>;
  if (mode === 'prefer' && message === 'The server does not support SSL connections' && !withoutTls.has(url)) {
    withoutTls.add(url);
    return true;
  }
  // The server refuses whoever does not encrypt.
  if (mode === 'allow' && code?.startsWith('28') && !withTls.has(url)) {
    withTls.add(url);
    return true;
  }
  return false;
}
